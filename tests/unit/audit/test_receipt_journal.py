"""Receipts are on note before they are given."""

from __future__ import annotations

import os
import uuid
from datetime import date

import pytest

from countenance.audit import Promises, open_log
from countenance.audit.log import AuditLog
from countenance.audit.receipt_journal import (
    RECORD_BYTES,
    GivenReceipt,
    ReceiptJournal,
    forget_old,
    journal_files,
    read_journal,
)
from countenance.store import Database, migrate
from events import an_event

DAY = date(2026, 11, 23)


def given():
    return GivenReceipt(uuid.uuid4(), os.urandom(32))


def noted(data_dir):
    return [
        receipt
        for path in journal_files(data_dir)
        for batch in read_journal(path, start=0)
        for receipt in batch
    ]


def test_receipts_are_read_as_they_were_noted_by_day_and_process(tmp_path):
    today = [DAY]
    journal, receipts = ReceiptJournal(tmp_path, today=lambda: today[0]), [given() for _ in range(5)]
    for receipt in receipts[:3]:
        journal.note(receipt.event_id, receipt.leaf_hash)
    today[0] = date(2026, 11, 24)
    for receipt in receipts[3:]:
        journal.note(receipt.event_id, receipt.leaf_hash)
    assert noted(tmp_path) == receipts  # whether or not it is closed
    journal.close()
    names = [path.name for path in journal_files(tmp_path)]
    assert names == [f"2026-11-23-{os.getpid()}.bin", f"2026-11-24-{os.getpid()}.bin"]


def test_reading_goes_on_behind_what_was_read(tmp_path):
    journal, receipts = ReceiptJournal(tmp_path), [given() for _ in range(5)]
    for receipt in receipts:
        journal.note(receipt.event_id, receipt.leaf_hash)
    [path] = journal_files(tmp_path)
    assert list(read_journal(path, start=3)) == [receipts[3:]]
    assert list(read_journal(path, start=5)) == []
    journal.close()


def test_half_a_record_is_passed_over_and_cut_off_by_the_next_writer(tmp_path):
    """A process of the same number, stopped by a full disk in the middle of one."""
    journal, first, second = ReceiptJournal(tmp_path), given(), given()
    journal.note(first.event_id, first.leaf_hash)
    journal.close()
    [path] = journal_files(tmp_path)
    with path.open("ab") as file:
        file.write(b"half of one")
    assert noted(tmp_path) == [first]
    journal = ReceiptJournal(tmp_path)
    journal.note(second.event_id, second.leaf_hash)
    journal.close()
    assert noted(tmp_path) == [first, second]


def test_a_receipt_that_cannot_be_noted_whole_leaves_no_part(tmp_path, monkeypatch):
    journal, receipt = ReceiptJournal(tmp_path), given()
    journal.note(receipt.event_id, receipt.leaf_hash)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    with pytest.raises(OSError, match="20 of 48 bytes"):
        journal.note(receipt.event_id, receipt.leaf_hash)
    monkeypatch.undo()
    journal.note(receipt.event_id, receipt.leaf_hash)
    journal.close()
    assert noted(tmp_path) == [receipt, receipt]


def test_old_files_go_once_they_are_checked_to_their_end_and_nobody_writes_to_them(tmp_path):
    journal, receipt = ReceiptJournal(tmp_path, today=lambda: DAY), given()
    journal.note(receipt.event_id, receipt.leaf_hash)
    [path] = journal_files(tmp_path)
    later = date(2026, 12, 25)
    assert forget_old(tmp_path, {path.name: 1}, today=later) == []  # its process lives
    journal.close()
    assert forget_old(tmp_path, {}, today=later) == []
    assert forget_old(tmp_path, {path.name: 1}, today=date(2026, 12, 23)) == []
    assert forget_old(tmp_path, {path.name: 1}, today=later) == [path.name]
    assert journal_files(tmp_path) == []


def test_a_file_that_is_no_days_is_left_alone(tmp_path):
    ReceiptJournal(tmp_path)
    (tmp_path / "receipts" / "kept-as-evidence.bin").write_bytes(bytes(RECORD_BYTES))
    assert forget_old(tmp_path, {"kept-as-evidence.bin": 1}, today=date(2030, 1, 1)) == []


def test_a_promise_is_on_note_and_one_that_cannot_be_noted_is_not_given(
    empty_database_url, key_store, tmp_path
):
    class Full(ReceiptJournal):
        def note(self, event_id, leaf_hash):
            raise OSError("no space")

    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        origin = open_log(database, key_store)
        journal = ReceiptJournal(tmp_path)
        promises, broken = (Promises(key_store, origin, journal=kept) for kept in (journal, Full(tmp_path)))
        with database.read() as connection:
            promises.require_current(connection)
            broken.require_current(connection)
            event = an_event()
            draft = AuditLog(key_store).record(connection, event)
        assert promises.receipt(draft, event.at)
        assert noted(tmp_path) == [GivenReceipt(event.event_id, draft.leaf_hash)]
        with pytest.raises(OSError, match="no space"):
            broken.receipt(draft, event.at)
        journal.close()
