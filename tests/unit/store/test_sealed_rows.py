from __future__ import annotations

import threading

import pytest

from countenance.store import Database, SealedColumn
from countenance.store import sealed_rows as sealed_rows_module
from countenance.store.sealed_rows import SealedRows

COLUMN = SealedColumn("secret of", "the key", "sealed", str.encode)


@pytest.fixture
def rows(empty_database_url):
    with Database(empty_database_url, max_connections=4) as database:
        with database.transaction() as connection:
            connection.execute('create table "secret of" ("the key" text primary key, sealed bytea)')
            for number in range(7):
                sealed = None if number == 3 else bytes([number])
                connection.execute('insert into "secret of" values (%s, %s)', (f"k{number}", sealed))
        yield SealedRows(database)


def test_all_that_is_there_is_read_in_batches(rows, monkeypatch):
    for at_once in (1, 2, 3, 6, 7, 500):
        monkeypatch.setattr(sealed_rows_module, "ROWS_AT_ONCE", at_once)
        assert list(rows.read(COLUMN)) == [(f"k{number}", bytes([number])) for number in (0, 1, 2, 4, 5, 6)]


def test_only_what_is_as_it_was_read_is_replaced(rows):
    """Somebody else put it under the new key already, or it is gone."""
    rows.replace(COLUMN, [("k0", b"\x00", b"new"), ("k1", b"other", b"new"), ("k9", b"\x09", b"new")])
    assert dict(rows.read(COLUMN))["k0"] == b"new"
    assert dict(rows.read(COLUMN))["k1"] == b"\x01"
    assert "k9" not in dict(rows.read(COLUMN))


def test_a_row_that_somebody_holds_is_waited_for(rows):
    with rows._database.transaction() as holder:
        holder.execute('delete from "secret of" where "the key" = \'k5\'')
        thread = threading.Thread(
            target=rows.replace, args=(COLUMN, [("k5", b"\x05", b"n"), ("k6", b"\x06", b"n")])
        )
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(10)
    assert [key for key, sealed in rows.read(COLUMN) if sealed == b"n"] == ["k6"]
