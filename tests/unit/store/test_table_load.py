"""Tables go from one database into another as they were, or not at all."""

from __future__ import annotations

import hashlib

import pytest

from countenance.errors import SetupError
from countenance.store import Database, migrate
from countenance.store.table_dump import list_sequences, list_tables, one_snapshot, read_rows
from countenance.store.table_load import find_table, loading
from fixtures_store import fresh_database
from installations import installed


@pytest.fixture
def house(empty_database_url, tmp_path):
    """With names that a text form has to escape."""
    with installed(empty_database_url, tmp_path / "data") as made:
        staff = made.make_collection("staff")
        made.change(
            lambda uow: made.gallery.put_tags(uow, staff, {"odd": "tab\t, line\n, back\\slash, \\N, ü"})
        )
        made.enrol(staff, 20)
        yield made


@pytest.fixture
def copy(postgres_url):
    with fresh_database(postgres_url) as url, Database(url, max_connections=3) as database:
        migrate(database)
        yield database


def dumped(database):
    with one_snapshot(database) as connection:
        return [
            (table, b"".join(read_rows(connection, table))) for table in list_tables(connection)
        ], list_sequences(connection)


def load(copy, tables, sequences=None):
    with loading(copy) as loaded:
        for table, rows in tables:
            loaded.table(table.name, table.columns, [rows])
        loaded.sequences(sequences or {})


def test_what_is_read_back_is_what_was_written(house, copy):
    """Every row of every table, the numbers that come next, references and triggers."""
    tables, sequences = dumped(house.database)
    load(copy, tables, sequences)
    again, numbers = dumped(copy)
    assert {t.name: (t.rows, hashlib.sha256(r).hexdigest()) for t, r in again} == {
        t.name: (t.rows, hashlib.sha256(r).hexdigest()) for t, r in tables
    }
    assert numbers == sequences
    for query in (
        "select count(*) from pg_constraint where contype = 'f'",
        "select count(*) from pg_trigger where tgenabled = 'O' and not tgisinternal",
    ):
        with copy.read() as connection:
            assert connection.execute(query).fetchone() == house.one(query)


def test_rows_without_what_they_refer_to_are_refused_and_nothing_is_kept(house, copy):
    tables, _ = dumped(house.database)
    with pytest.raises(SetupError, match=r"does not fit the database: .*foreign key"):
        load(copy, [each for each in tables if each[0].name != "collection"])
    with copy.read() as connection:
        assert connection.execute("select count(*) from face").fetchone() == (0,)
        assert connection.execute(
            "select count(*) from pg_constraint where contype = 'f'"
        ).fetchone() == house.one("select count(*) from pg_constraint where contype = 'f'")


def test_rows_that_are_none_are_refused_without_quoting_them(house, copy):
    tables, _ = dumped(house.database)
    (face,) = [table for table, _ in tables if table.name == "face"]
    with pytest.raises(SetupError, match="does not fit") as caught:
        load(copy, [(face, b"secret\tnonsense\n")])
    assert "nonsense" not in str(caught.value)


def test_a_table_that_this_program_does_not_know_is_told(copy):
    with pytest.raises(SetupError, match="no table `nothing`"), loading(copy) as loaded:
        loaded.table("nothing", ["a"], [b""])


def test_an_empty_database_has_no_table(empty_database_url, copy):
    with Database(empty_database_url, max_connections=2) as empty:
        assert find_table(empty) is None
    assert find_table(copy) is not None
