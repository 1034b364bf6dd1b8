"""Receipts that were given against the log."""

from __future__ import annotations

import pytest

from countenance.audit.receipt_journal import ReceiptJournal, journal_files
from countenance.audit.reconcile_receipts import compare_receipts
from countenance.transparency.merkle import leaf_hash
from log_rows import insert_events, open_test_log, sequencer_of


class Books:
    """A log, and notes of the receipts given for it."""

    def __init__(self, database, data_dir):
        self.database, self.data_dir = database, data_dir
        self.journal = ReceiptJournal(data_dir)
        self.checked = {}

    def record(self, count, *, promised=None):
        with self.database.transaction() as connection:
            event_ids = insert_events(connection, count)
        for event_id in event_ids:
            self.journal.note(event_id, promised or leaf_hash(str(event_id).encode()))
        return event_ids

    def merge(self):
        while sequencer_of(self.database).integrate():
            pass

    def compare(self):
        found = compare_receipts(self.database, self.data_dir, self.checked)
        self.checked = found.checked
        return found

    def place(self):
        """How many of the records need no further look."""
        [path] = journal_files(self.data_dir)
        return self.checked[path.name]

    def forget(self, event_id):
        with self.database.transaction() as connection:
            connection.execute("delete from audit_event where event_id = %s", (event_id,))


@pytest.fixture
def books(empty_database_url, tmp_path):
    with open_test_log(empty_database_url) as database:
        made = Books(database, tmp_path)
        yield made
        made.journal.close()


def test_kept_promises_are_looked_for_once(books):
    books.record(3)
    books.merge()
    found = books.compare()
    assert (found.compared, found.waiting, found.mismatches) == (3, 0, {})
    assert books.compare().compared == 0
    books.record(2)
    books.merge()
    assert books.compare().compared == 2


def test_a_promise_without_its_place_yet_is_looked_for_again(books):
    """It may still be removed."""
    books.record(2)
    books.merge()
    _, second = books.record(2)
    found = books.compare()
    assert (found.waiting, found.mismatches, books.place()) == (2, {}, 2)
    books.forget(second)
    books.merge()
    found = books.compare()
    assert (found.compared, found.mismatches) == (2, {"receipts_missing": {"receipts": 1}})
    assert (books.compare().missing, books.place()) == (1, 3)


@pytest.mark.parametrize("is_placed", [True, False])
def test_an_entry_that_is_not_what_was_promised_is_altered(books, is_placed):
    books.record(1, promised=b"\x01" * 32)
    if is_placed:
        books.merge()
    found = books.compare()
    assert (found.waiting, found.mismatches) == (0, {"receipts_altered": {"receipts": 1}})


def test_more_receipts_than_are_looked_for_at_once_are_all_looked_for(books, monkeypatch):
    monkeypatch.setattr("countenance.audit.receipt_journal._BATCH_RECORDS", 4)
    books.record(10)
    books.merge()
    last = books.record(5)[2]
    books.forget(last)
    books.merge()
    found = books.compare()
    assert (found.compared, found.missing, books.place()) == (15, 1, 12)


def test_where_no_receipt_was_noted_there_is_nothing_to_look_for(books, tmp_path):
    found = compare_receipts(books.database, tmp_path / "other", {})
    assert (found.compared, found.mismatches, found.checked) == (0, {}, {})
