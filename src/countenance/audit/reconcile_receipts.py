"""Receipts that were given against the log: each names an event that is there, with the hash it promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from countenance.audit.receipt_journal import GivenReceipt, journal_files, read_journal
from countenance.audit.reconcile_searches import QUERIES
from countenance.store import Connection, Database


@dataclass(frozen=True, slots=True)
class ReceiptFigures:
    """What became of them.

    Attributes:
        compared: receipts that were looked for now.
        waiting: of these, those whose event is on record and has no place in the log yet.
        missing: those whose event is nowhere.
        altered: those whose event is another than was promised.
        checked: file → how many of its records, from the first, need no further look.
    """

    compared: int
    waiting: int
    missing: int
    altered: int
    checked: Mapping[str, int]

    @property
    def mismatches(self) -> dict[str, Mapping[str, int]]:
        found = {"receipts_missing": self.missing, "receipts_altered": self.altered}
        return {name: {"receipts": count} for name, count in found.items() if count}


def compare_receipts(database: Database, data_dir: Path, checked: Mapping[str, int]) -> ReceiptFigures:
    """Look for every receipt that was noted, from where the last comparison ended.

    A receipt is noted once its event is committed, so one whose event is nowhere was broken. One that is
    missing, altered or waiting is looked for again next time, with those behind it in its file.
    """
    compared = waiting = missing = altered = 0
    checked_now: dict[str, int] = {}
    for path in journal_files(data_dir):
        position = checked.get(path.name, 0)
        settled = None
        for batch in read_journal(path, start=position):
            for place, is_missing, is_promised in _unsettled(database, batch):
                settled = position + place if settled is None else settled
                missing += is_missing
                altered += not is_missing and not is_promised
                waiting += is_promised
            position += len(batch)
            compared += len(batch)
        checked_now[path.name] = position if settled is None else settled
    return ReceiptFigures(compared, waiting, missing, altered, checked_now)


def _unsettled(database: Database, batch: list[GivenReceipt]) -> list[tuple[int, bool, bool]]:
    """(place in the batch, is nowhere, is there as promised but without a place), of those that are."""
    with database.read() as connection:
        return _find(connection, batch)


def _find(connection: Connection, batch: list[GivenReceipt]) -> list[tuple[int, bool, bool]]:
    values = {
        "event_ids": [receipt.event_id for receipt in batch],
        "leaf_hashes": [receipt.leaf_hash for receipt in batch],
    }
    rows = connection.execute(QUERIES["find_broken_promises"], values).fetchall()
    return [(int(row[0]), bool(row[1]), bool(row[2])) for row in rows]
