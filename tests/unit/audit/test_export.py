"""Entries as files: nothing changed on the way, nothing that a spreadsheet would run."""

from __future__ import annotations

import base64
import csv
import io
import json
import uuid
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from countenance.audit.entry import Opening, commit
from countenance.audit.export import wanted, write_csv, write_jsonl, write_parquet
from countenance.audit.own_entries import OwnEntry
from countenance.transparency.canonical import canonical_json, parse_time

START = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
SALT = bytes(range(32))
NAMES = {"0" * 32: "officer-7", "1" * 32: "AKIAEXAMPLE"}


def an_entry(index=0, openings=None, **members):
    given = {
        "v": 1,
        "kind": "call",
        "event": str(uuid.uuid4()),
        "time": "2026-11-23T03:15:00.000Z",
        "service": "rekognition",
        "operation": "SearchFaces",
        "decision": "allow",
        "outcome": "answered",
    }
    return OwnEntry(index, uuid.UUID(given["event"]), canonical_json(given | members), openings or {})


def opened(**values):
    return {name: [Opening(SALT, each) for each in found] for name, found in values.items()}


def written(write, *entries, names=NAMES):
    file = io.BytesIO()
    assert write(entries, file, names) == len(entries)
    assert not file.closed
    return file.getvalue()


def table(*entries, **given):
    return list(csv.DictReader(io.StringIO(written(write_csv, *entries, **given).decode(), newline="")))


def test_a_json_line_has_what_an_opening_is_checked_with():
    """The entry byte for byte, and values as they were hashed, numbers too."""
    own = an_entry(7, opened(collection=["staff"], marker=[1e21]), operator="0" * 32, key="9" * 32)
    line = written(write_jsonl, own)
    assert b'"entry":' + own.entry in line
    assert b'"value":1e+21' in line
    document = json.loads(line)
    assert document["index"] == 7
    assert document["names"] == {"operator": "officer-7"}
    (opening,) = document["openings"]["collection"]
    salt = base64.b64decode(opening["salt"])
    assert commit(salt, opening["value"]) == commit(SALT, "staff")
    assert set(json.loads(written(write_jsonl, an_entry(None)))) == {"index", "entry"}


def test_a_table_has_a_column_for_every_member():
    """Of everybody's entries and of one account's the same columns, so that files can be joined."""
    own = an_entry(
        3,
        opened(collection=["staff"], resource=["theirs"], inputs=["ab", "cd"]),
        operator="0" * 32,
        key="1" * 32,
        end="2026-11-23T03:15:00.250Z",
        rules=["CORE-001", "CORE-002"],
        model={"version": "1.0", "digest": "ee" * 32},
        threshold={"asked": 80, "in_force": 99.5},
        touched={"count": 2, "root": "dd" * 32},
        candidates=2,
        collection="aa" * 32,
        inputs=["ab" * 32, "cd" * 32],
        replay=True,
    )
    (row,) = table(own)
    shown = {
        "index": "3",
        "end": "2026-11-23T03:15:00.250Z",
        "rules": "CORE-001 CORE-002",
        "model_version": "1.0",
        "threshold_asked": "80",
        "threshold_in_force": "99.5",
        "touched_count": "2",
        "candidates": "2",
        "collection": "aa" * 32,
        "opened_collection": "staff",
        "opened_inputs": "ab cd",
        "operator_name": "officer-7",
        "key_id": "AKIAEXAMPLE",
        "replay": "true",
        "enrolled": "",
        "entry": own.entry.decode(),
    }
    assert {name: row[name] for name in shown} == shown
    assert row.keys() == table(an_entry(), names={})[0].keys()


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(value):
    """A caller chooses collection names and markers; whoever opens the file runs nothing of theirs."""
    (row,) = table(an_entry(0, opened(marker=[value], inputs=[value])))
    assert row["opened_marker"] == f"'{value}"
    assert row["opened_inputs"] == f"'{value}"
    (row,) = table(an_entry(0, opened(marker=["a=b", -1]), threshold={"asked": -1}))
    assert (row["opened_marker"], row["threshold_asked"]) == ("a=b", "-1")


def test_parquet_keeps_types():
    """Times are times and lists are lists, in as many batches as it takes."""
    entries = [an_entry(index, rules=["CORE-001"], threshold={"asked": 80}) for index in range(5001)]
    rows = pq.read_table(io.BytesIO(written(write_parquet, *entries))).to_pylist()
    assert len(rows) == 5001
    assert rows[-1]["index"] == 5000
    assert rows[0]["time"] == START
    assert rows[0]["rules"] == ["CORE-001"]
    assert rows[0]["threshold_asked"] == 80.0
    assert rows[0]["candidates"] is None
    assert rows[0]["entry"] == entries[0].entry.decode()
    assert pq.read_table(io.BytesIO(written(write_parquet))).num_rows == 0


def test_a_period_has_its_first_moment_and_not_its_last():
    """So that one day after another leaves nothing out and has nothing twice."""
    times = [f"2026-11-23T03:15:0{second}.000Z" for second in range(4)]
    entries = [an_entry(index, time=time) for index, time in enumerate(times)]
    found = wanted(entries, since=parse_time(times[1]), until=parse_time(times[3]))
    assert [own.log_index for own in found] == [1, 2]
    assert len(list(wanted(entries))) == 4
    assert list(wanted(entries, since=START + timedelta(days=1))) == []
