"""Reconciliation: what the store did and which receipts were given, against what the log says.

The log cannot tell of itself what was kept out of it. So five things are counted beside it and compared:
changes of galleries, by their transaction (kept for a day); the faces of galleries; searches, where they run;
receipts, as they are given; and a canary, an entry that the last reconciliation left and this one looks for.
Last, the log is held against its own tree. Each new mismatch is an entry of kind `alarm`; the figures, which
the next reconciliation goes on from, are one of kind `reconciliation`.

It finds accidents, faults and whoever reaches the database. Whoever owns the machine can bend both sides:
against that there are witnesses, and receipts in their callers' hands.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from countenance.audit.entry import commit
from countenance.audit.keys import SALT_BYTES
from countenance.audit.log import record_statement
from countenance.audit.receipt_journal import forget_old
from countenance.audit.reconcile_faces import CHANGED, FaceCount, compare_faces
from countenance.audit.reconcile_receipts import compare_receipts
from countenance.audit.reconcile_searches import QUERIES, SearchesRan, SearchFigures, compare_searches
from countenance.audit.reconcile_tree import compare_tree
from countenance.store import Connection, Database
from countenance.store.files import make_private_directory, write_private
from countenance.transparency.merkle import leaf_hash

PATIENCE_S = 5.0
"""How long entries of searches under way are waited for."""
_FOLDER = "receipts"
_OF_AN_INTERVAL = {CHANGED, "searches_without_a_record", "more_searches_told_than_ran", "counters_lost"}
"""Found once, in what happened since the last reconciliation: the next of the kind is another one."""

Mismatches = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared and what does not agree.

    Attributes:
        figures: name → integer or such a mapping, as recorded.
        mismatches: what does not agree now → its figures.
        new: those of them that the last reconciliation did not have, or had with smaller figures.
        is_first: there was none before: searches are compared from here on.
    """

    figures: Mapping[str, Any]
    mismatches: Mismatches
    new: tuple[str, ...]
    is_first: bool


class AlreadyReconciling(Exception):
    """Another process does it at this moment."""


@dataclass(frozen=True, slots=True)
class _Note:
    """What a reconciliation leaves in DATA_DIR/receipts/last: entries to look for, how far it came, faces."""

    reconciliation: tuple[str, str]
    canary: tuple[str, str]
    checked: Mapping[str, int] = field(default_factory=dict)
    faces: FaceCount | None = None


@dataclass(frozen=True, slots=True)
class _Last:
    """The last reconciliation's figures; nothing, where there was none."""

    figures: Mapping[str, Any]

    @property
    def searches(self) -> SearchFigures | None:
        return SearchFigures(**self.figures["searches"]) if self.figures else None

    @property
    def size(self) -> int:
        return int(self.figures["marks"]["size"]) if self.figures else 0

    @property
    def marks(self) -> Mapping[str, int]:
        marks: Mapping[str, int] = self.figures.get("marks", {})
        return marks

    @property
    def mismatches(self) -> Mismatches:
        mismatches: Mismatches = self.figures.get("mismatches", {})
        return mismatches


def reconcile(
    database: Database,
    data_dir: Path,
    count_ran: Callable[[], SearchesRan],
    *,
    full: bool = False,
    patience_s: float = PATIENCE_S,
) -> Reconciliation:
    """Compare, and record what was found. Beside running servers; one at a time for a data directory.

    Args:
        data_dir: of the servers on this database: where their receipts are noted.
        count_ran: how many searches have run in them.
        full: hash all entries and tiles, and look for all receipts again.

    Raises:
        AlreadyReconciling: another process is at it; nothing is done.
        StoreUnavailable: the database does not answer; nothing is recorded.
    """
    make_private_directory(data_dir / _FOLDER)
    with _alone(data_dir):
        note = _read_note(data_dir)
        found: dict[str, Mapping[str, int]] = {}
        last = _find_last(database, note, found)
        size, transaction, waiting = _read_marks(database)
        searches, mismatches = compare_searches(
            database, count_ran, last=last.searches, after=last.size, size=size, patience_s=patience_s
        )
        found |= mismatches
        changes, mismatches = _compare_changes(database, last, transaction)
        found |= mismatches
        count, faces, mismatches = compare_faces(database, _find_count(note, last, found))
        found |= mismatches
        receipts = compare_receipts(database, data_dir, {} if full or note is None else note.checked)
        found |= receipts.mismatches
        hashed, mismatches = compare_tree(database, full=full)
        found |= mismatches
        new = tuple(name for name, figures in found.items() if _is_new(name, figures, last))
        figures = {
            "log": {"entries": size, "waiting": waiting, "hashed": hashed},
            "changes": changes,
            "faces": faces,
            "count": count.digest,
            "searches": asdict(searches),
            "receipts": {"compared": receipts.compared, "waiting": receipts.waiting},
            "marks": _next_marks(last, size, transaction),
            "mismatches": found,
        }
        left = _record(database, figures, {name: found[name] for name in new})
        _write_note(data_dir, _Note(*left, receipts.checked, count))
        forget_old(data_dir, dict(receipts.checked), today=datetime.now(UTC).date())
    return Reconciliation(figures, found, new, is_first=not last.figures)


def last_reconciled(data_dir: Path) -> datetime | None:
    """When the last reconciliation of this data directory ended; None if there was none."""
    try:
        return datetime.fromtimestamp(_note_path(data_dir).stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _read_marks(database: Database) -> tuple[int, int, int]:
    """The place behind the last entry, the number that no transaction has yet, and how many events wait."""
    with database.read() as connection:
        row = connection.execute(QUERIES["read_marks"]).fetchone()
    assert row is not None, "an aggregate always has a row"
    return int(row[0]), int(row[1]), int(row[2])


def _next_marks(last: _Last, size: int, transaction: int) -> dict[str, int]:
    marks = {"size": size, "transaction": transaction}
    earlier = {f"earlier_{name}": last.marks.get(name, 0) for name in marks}
    return marks | earlier


def _compare_changes(
    database: Database, last: _Last, transaction: int
) -> tuple[dict[str, int], dict[str, Mapping[str, int]]]:
    """Faces changed by kind, and those changed by transactions that left no event.

    From the marks of the last reconciliation but one: so that what was under way at the last is in as well,
    and an entry that is not behind the mark belongs to no transaction behind it.
    """
    marks = {
        "size": last.marks.get("earlier_size", 0),
        "transaction": last.marks.get("earlier_transaction", 0),
    }
    if marks["transaction"] > transaction:  # the database is a copy: its transactions are numbered anew
        marks = {"size": 0, "transaction": 0}
    with database.read() as connection:
        rows = connection.execute(QUERIES["compare_changes"], marks).fetchall()
    changed: dict[str, int] = dict.fromkeys(("enrolled", "assigned", "deleted"), 0)
    unrecorded: dict[str, int] = {}
    for kind, faces, lost, newest in rows:
        changed[kind] = changed.get(kind, 0) + int(faces)
        if lost:
            unrecorded[kind] = int(lost)
            unrecorded["newest_transaction"] = max(int(newest), unrecorded.get("newest_transaction", 0))
    return changed, {"changes_without_an_event": unrecorded} if unrecorded else {}


def _find_last(database: Database, note: _Note | None, found: dict[str, Mapping[str, int]]) -> _Last:
    """The figures that the last reconciliation left in the log; `found` gets what is not there as noted."""
    with database.read() as connection:
        if note is not None:
            entry = _find_noted(connection, note.reconciliation)
            if entry is None:
                found["reconciliation_missing"] = {"entries": 1}
            if _find_noted(connection, note.canary) is None:
                found["canary_missing"] = {"entries": 1}
            if entry is not None:
                return _Last(json.loads(entry)["figures"])
        row = connection.execute(QUERIES["find_last"]).fetchone()
    if row is None:
        return _Last({})
    if note is None:
        found["note_missing"] = {"files": 1}
    try:
        return _Last(json.loads(bytes(row[1]))["figures"])
    except (ValueError, KeyError):  # altered, and nothing here says what it was
        found["reconciliation_missing"] = {"entries": 1}
        return _Last({})


def _find_count(note: _Note | None, last: _Last, found: dict[str, Mapping[str, int]]) -> FaceCount | None:
    """The last count of faces, as the log vouches for it; None begins it anew."""
    promised = last.figures.get("count")
    count = None if note is None else note.faces
    if promised == (None if count is None else count.digest):
        return count
    if note is not None and "reconciliation_missing" not in found:
        found["note_missing"] = {"files": 1}
    return None


def _find_noted(connection: Connection, noted: tuple[str, str]) -> bytes | None:
    event_id, promised = noted
    row = connection.execute(QUERIES["find_noted"], {"event_id": uuid.UUID(event_id)}).fetchone()
    if row is None or leaf_hash(bytes(row[0])).hex() != promised:
        return None
    return bytes(row[0])


def _record(
    database: Database, figures: Mapping[str, Any], alarms: Mismatches
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Event id and leaf hash of the reconciliation's entry and of the canary's."""
    marker = commit(secrets.token_bytes(SALT_BYTES), secrets.token_hex(SALT_BYTES)).hex()
    with database.transaction() as connection:
        for name, told in alarms.items():
            record_statement(connection, "alarm", {"what": name, "figures": dict(told)})
        canary = record_statement(connection, "canary", {"marker": marker})
        reconciliation = record_statement(connection, "reconciliation", {"figures": figures})
        return _noted(connection, reconciliation), _noted(connection, canary)


def _noted(connection: Connection, event_id: uuid.UUID) -> tuple[str, str]:
    row = connection.execute(QUERIES["find_noted"], {"event_id": event_id}).fetchone()
    assert row is not None, "it was recorded in this transaction"
    return str(event_id), leaf_hash(bytes(row[0])).hex()


def _is_new(name: str, figures: Mapping[str, int], last: _Last) -> bool:
    before = {} if name in _OF_AN_INTERVAL else last.mismatches.get(name, {})
    return any(count > before.get(of, 0) for of, count in figures.items())


def _note_path(data_dir: Path) -> Path:
    return data_dir / _FOLDER / "last"


def _read_note(data_dir: Path) -> _Note | None:
    try:
        told = json.loads(_note_path(data_dir).read_bytes())
        faces = FaceCount(**told["faces"]) if told.get("faces") else None  # earlier versions had none
        return _Note(tuple(told["reconciliation"]), tuple(told["canary"]), told["checked"], faces)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # there is none, or none that can be read: `_find_last` tells the first time from a loss


def _write_note(data_dir: Path, note: _Note) -> None:
    write_private(_note_path(data_dir), json.dumps(asdict(note)).encode(), replace=True)


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    descriptor = os.open(data_dir / _FOLDER / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyReconciling from None
    else:
        yield
    finally:
        os.close(descriptor)
