"""What reconciliation finds, on a real gateway, gallery and log: nothing where nothing was done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid

import pytest

from countenance.audit import AuditLog
from countenance.audit.reconcile import AlreadyReconciling, _alone, last_reconciled, reconcile
from countenance.gallery.activity import searches_ran
from countenance.transparency.canonical import MAX_ENTRY_BYTES
from countenance.transparency.verify_members import member_flaw
from events import an_event
from small_server import small_server

SEARCH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from countenance.gallery.activity import Activity
Activity(Path(sys.argv[1]), at_once=1).searched()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def server(empty_database_url, tmp_path, models, policy):
    with small_server(empty_database_url, tmp_path / "data", models=models, policy=policy) as made:
        yield made


@pytest.fixture
def settled(server):
    """A server that has worked, and was reconciled, before and after."""
    server.reconcile()
    server.face = server.work()
    server.merge()
    assert server.reconcile().mismatches == {}
    return server


def test_an_honest_server_has_no_mismatch(server):
    first = server.reconcile()
    assert (first.is_first, first.mismatches, first.new) == (True, {}, ())
    server.work()
    found = server.reconcile()
    assert (found.is_first, found.mismatches) == (False, {})
    assert found.figures["changes"] == {"enrolled": 3, "assigned": 1, "deleted": 1}
    searches = found.figures["searches"]
    assert searches["ran"] == 6  # five answered, and one for a face that is not there
    assert searches["unanswered"] == 1
    assert found.figures["receipts"]["compared"] == 17
    server.work()
    assert server.reconcile(full=True).mismatches == {}
    assert server.kinds().count("reconciliation") == server.kinds().count("canary") == 3
    assert "alarm" not in server.kinds()


def test_pending_events_count_as_much_as_those_with_a_place(server):
    """No sequencer need run for a reconciliation."""
    server.reconcile()
    server.work()
    found = reconcile(server.database, server.data_dir, lambda: searches_ran(server.data_dir))
    assert found.mismatches == {}
    assert found.figures["receipts"]["waiting"] == found.figures["receipts"]["compared"]
    assert reconcile(server.database, server.data_dir, lambda: searches_ran(server.data_dir)).mismatches == {}


def test_what_a_reconciliation_leaves_is_as_the_specification_has_it(settled):
    settled.execute("delete from audit_entry where log_index = 2")
    settled.reconcile()
    with settled.database.read() as connection:
        rows = connection.execute("select entry from audit_entry").fetchall()
    own = [
        json.loads(entry)
        for (entry,) in rows
        if json.loads(entry)["kind"] in {"reconciliation", "alarm", "canary"}
    ]
    assert {entry["kind"] for entry in own} == {"reconciliation", "alarm", "canary"}
    assert all(member_flaw(entry) == "" for entry in own)
    assert all(len(entry) < MAX_ENTRY_BYTES / 2 for (entry,) in rows)


def test_a_mismatch_is_an_alarm_once(settled):
    settled.execute("update audit_log set size = 1")
    found = reconcile(settled.database, settled.data_dir, lambda: searches_ran(settled.data_dir))
    assert found.new == ("size",)
    found = reconcile(settled.database, settled.data_dir, lambda: searches_ran(settled.data_dir))
    assert (tuple(found.mismatches), found.new) == (("size",), ())


def test_what_happens_again_is_an_alarm_again(settled):
    for _ in range(2):
        settled.activity.searched()
        assert settled.reconcile().new == ("searches_without_a_record",)


def test_a_log_that_lost_its_end_is_told_by_its_size_its_tree_and_what_was_left_in_it(settled):
    settled.execute("delete from audit_entry where log_index > 18")
    found = settled.reconcile()
    assert {"size", "tiles", "canary_missing", "reconciliation_missing"} <= found.mismatches.keys()


def test_an_event_that_is_removed_before_it_has_a_place_is_missed_by_its_receipt(settled):
    settled.call("ListCollections")
    settled.execute("delete from audit_event where event_id in (select event_id from audit_event limit 1)")
    found = settled.reconcile()
    assert found.mismatches == {"receipts_missing": {"receipts": 1}}
    again = settled.reconcile()
    assert (again.mismatches, again.new) == (found.mismatches, ())


def test_an_altered_entry_is_told_by_receipt_and_tree(settled):
    settled.execute(
        "update audit_entry set entry = entry || ' '::bytea where log_index ="
        ' (select min(log_index) from audit_entry where position(\'"kind":"call"\'::bytea in entry) > 0)'
    )
    found = settled.reconcile(full=True)
    assert found.mismatches.keys() == {"receipts_altered", "signed_root"}


@pytest.mark.parametrize("kind", ["enrolled", "corrected"])
def test_a_changed_gallery_without_an_event_is_found(settled, kind):
    settled.execute("insert into gallery_change (collection_id, kind) values (%s, %s)", uuid.uuid4(), kind)
    found = settled.reconcile()
    unrecorded = found.mismatches["changes_without_an_event"]
    assert unrecorded[kind] == 1
    assert found.new == ("changes_without_an_event",)
    assert settled.reconcile().new == ()
    settled.execute("insert into gallery_change (collection_id, kind) values (%s, 'deleted')", uuid.uuid4())
    assert settled.reconcile().new == ("changes_without_an_event",)


def test_a_change_from_before_the_log_was_opened_has_no_event_and_needs_none(settled):
    settled.execute(
        "insert into gallery_change (collection_id, kind, at)"
        " select %s, 'enrolled', opened_at - interval '1 s' from audit_log",
        uuid.uuid4(),
    )
    assert settled.reconcile().mismatches == {}


def test_a_database_that_was_copied_numbers_its_transactions_anew(settled):
    """Marks of the old numbers must not hide changes of the new ones."""
    settled.reconcile()
    note = json.loads((settled.data_dir / "receipts" / "last").read_bytes())
    settled.execute(
        "update audit_entry set entry = convert_to(regexp_replace(convert_from(entry, 'UTF8'),"
        " '\"earlier_transaction\":\\d+', '\"earlier_transaction\":9000000000'), 'UTF8') where event_id = %s",
        note["reconciliation"][0],
    )
    (settled.data_dir / "receipts" / "last").unlink()
    settled.execute("insert into gallery_change (collection_id, kind) values (%s, 'enrolled')", uuid.uuid4())
    assert settled.reconcile().mismatches["changes_without_an_event"]["enrolled"] == 1


def test_a_search_that_left_no_entry_is_found(settled):
    settled.activity.searched()
    found = settled.reconcile()
    assert found.mismatches == {"searches_without_a_record": {"searches": 1}}
    assert settled.reconcile().mismatches == {}


def test_a_search_of_a_killed_process_is_reported_and_no_alarm(settled):
    """Between the scan and the record there is nothing that could be written."""
    killed = subprocess.run([sys.executable, "-c", SEARCH_AND_DIE, str(settled.data_dir)])
    assert killed.returncode == -signal.SIGKILL
    found = settled.reconcile()
    assert found.mismatches == {}
    assert found.figures["searches"]["unanswered"] == 2  # one was refused, in the fixture's work
    settled.activity.searched()
    assert settled.reconcile().mismatches == {"searches_without_a_record": {"searches": 1}}


def test_a_forged_search_entry_is_told_by_the_count(server):
    server.call("CreateCollection", CollectionId="friends")
    face = server.index("ada")
    server.reconcile()
    server.search(face)
    assert server.reconcile().mismatches == {}
    with server.database.read() as connection:
        AuditLog(server.keys).record(connection, an_event(threshold=80.0))
    assert server.reconcile().mismatches == {"more_searches_told_than_ran": {"told": 2, "ran": 1}}
    server.search(face)
    assert server.reconcile().mismatches == {}  # the count is begun anew


def test_a_lost_file_of_counts_is_found(settled):
    for path in (settled.data_dir / "activity").glob("*.counts"):
        path.unlink()
    assert settled.reconcile().mismatches == {"counters_lost": {"were": 6, "are": 0}}


@pytest.mark.parametrize("kind", ["canary", "reconciliation"])
def test_an_entry_of_the_last_reconciliation_that_is_gone_is_missed(settled, kind):
    note = json.loads((settled.data_dir / "receipts" / "last").read_bytes())
    settled.execute("update audit_entry set entry = entry || ' ' where event_id = %s", note[kind][0])
    assert f"{kind}_missing" in settled.reconcile().mismatches


def test_a_note_that_is_gone_is_missed_and_the_log_is_gone_on_from(settled):
    (settled.data_dir / "receipts" / "last").unlink()
    found = settled.reconcile()
    assert (found.mismatches, found.is_first) == ({"note_missing": {"files": 1}}, False)


def test_two_do_not_reconcile_at_once(settled):
    with _alone(settled.data_dir), pytest.raises(AlreadyReconciling):
        settled.reconcile()


def test_when_it_was_last_done_is_known_without_the_database(server, tmp_path):
    assert last_reconciled(server.data_dir) is None
    server.reconcile()
    assert last_reconciled(server.data_dir) is not None
