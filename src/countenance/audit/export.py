"""Entries as files for people and their tools: JSON lines, CSV, Parquet.

Every format has the entry's own members, pseudonyms and commitments as they stand in the log; of one
account's entries also what they open to. JSON lines hold everything that is needed to check an opening
against the log: the entry as it is hashed, salts and values.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Literal

import orjson

from countenance.audit.own_entries import OwnEntry
from countenance.audit.reader import named
from countenance.transparency.canonical import canonical_json, parse_time
from countenance.transparency.note import encode_base64

Kind = Literal["text", "texts", "whole", "number", "time", "flag"]
Write = Callable[[Iterable[OwnEntry], BinaryIO, Mapping[str, str]], int]
"""Writes entries; given the names behind pseudonyms; returns how many."""

_ROWS_AT_ONCE = 5000
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, and where in an entry its value stands."""

    name: str
    kind: Kind
    path: tuple[str, ...]


def _columns(kind: Kind, *names: str) -> list[_Column]:
    return [_Column(name, kind, (name,)) for name in names]


_ENTRY_COLUMNS = (
    *_columns("text", "event", "kind"),
    *_columns("time", "time", "end"),
    *_columns("text", "service", "operation", "account", "operator", "key", "decision"),
    *_columns("texts", "rules"),
    *_columns("text", "policy", "outcome", "error"),
    _Column("model_version", "text", ("model", "version")),
    _Column("model_digest", "text", ("model", "digest")),
    _Column("threshold_asked", "number", ("threshold", "asked")),
    _Column("threshold_in_force", "number", ("threshold", "in_force")),
    *_columns("whole", "candidates", "enrolled", "deleted"),
    _Column("touched_count", "whole", ("touched", "count")),
    _Column("touched_root", "text", ("touched", "root")),
    *_columns("text", "purpose", "case"),
    *_columns("texts", "reviewers"),
    *_columns("text", "collection", "resource"),
    *_columns("texts", "inputs"),
    *_columns("text", "marker"),
    *_columns("flag", "replay"),
    *_columns("text", "previous"),
)
_OPENED = ("collection", "resource", "inputs", "marker")
_KINDS: dict[str, Kind] = {
    "index": "whole",
    **{column.name: column.kind for column in _ENTRY_COLUMNS},
    **{f"opened_{member}": "texts" if member == "inputs" else "text" for member in _OPENED},
    "operator_name": "text",
    "key_id": "text",
    "entry": "text",
}
"""Every column, in order."""


def wanted(
    entries: Iterable[OwnEntry], *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[OwnEntry]:
    """The entries that began at `since` or later, and before `until`."""
    for own in entries:
        at = parse_time(own.members["time"])
        if (since is None or at >= since) and (until is None or at < until):
            yield own


def to_json_line(own: OwnEntry, names: Mapping[str, str]) -> bytes:
    """The entry as one line: `index`, `entry` as it is hashed, `openings` by member, `names`."""
    document: dict[str, Any] = {"index": own.log_index, "entry": orjson.Fragment(own.entry)}
    if own.openings:
        document["openings"] = {
            member: [
                # As it is hashed: no reader has to guess how a number was written.
                {"salt": encode_base64(each.salt), "value": orjson.Fragment(canonical_json(each.value))}
                for each in openings
            ]
            for member, openings in own.openings.items()
        }
    if known := named(own, names):
        document["names"] = known
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def write_jsonl(entries: Iterable[OwnEntry], file: BinaryIO, names: Mapping[str, str]) -> int:
    """One JSON document a line."""
    count = 0
    for own in entries:
        file.write(to_json_line(own, names))
        count += 1
    return count


def write_csv(entries: Iterable[OwnEntry], file: BinaryIO, names: Mapping[str, str]) -> int:
    """A header and one line an entry (RFC 4180); lists with a space between their values.

    What a spreadsheet would run as a formula begins with an apostrophe.
    """
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    count = 0
    try:
        writer = csv.writer(text)
        writer.writerow(_KINDS)
        for own in entries:
            writer.writerow(map(_to_cell, _to_row(own, names).values()))
            count += 1
    finally:
        text.detach()  # else it would close a file that is not ours
    return count


def write_parquet(entries: Iterable[OwnEntry], file: BinaryIO, names: Mapping[str, str]) -> int:
    """A table with typed columns: times in UTC, lists as lists."""
    import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    types = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "whole": pa.int64(),
        "number": pa.float64(),
        "time": pa.timestamp("ms", tz="UTC"),
        "flag": pa.bool_(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in _KINDS.items()])
    count = 0
    remaining = iter(entries)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        while batch := [_to_row(own, names) for own in itertools.islice(remaining, _ROWS_AT_ONCE)]:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            count += len(batch)
    return count


def _to_row(own: OwnEntry, names: Mapping[str, str]) -> dict[str, Any]:
    """Column → value, every column in its order."""
    members, known = own.members, named(own, names)
    row: dict[str, Any] = {"index": own.log_index}
    for column in _ENTRY_COLUMNS:
        row[column.name] = _find(members, column)
    for member in _OPENED:
        values = [_to_text(opening.value) for opening in own.openings.get(member, ())]
        row[f"opened_{member}"] = (values if member == "inputs" else values[0]) if values else None
    return row | {
        "operator_name": known.get("operator"),
        "key_id": known.get("key"),
        "entry": own.entry.decode(),
    }


def _find(members: Mapping[str, Any], column: _Column) -> Any:
    value: Any = members
    for name in column.path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return parse_time(value) if column.kind == "time" and value is not None else value


def _to_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _to_cell(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case bool():
            return str(value).lower()
        case list():
            return _harmless(" ".join(map(str, value)))
        case str():
            return _harmless(value)
    return value


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text
