from __future__ import annotations

import threading
import time

import pytest

from countenance.gallery.compaction import forget_changes, sparse_tables, vacuum
from countenance.store import Database, StoreUnavailable, migrate


@pytest.fixture
def own(empty_database_url):
    """A database that nobody else sweeps or fills."""
    with Database(empty_database_url, max_connections=3) as database:
        migrate(database)
        yield database


def changes(database, count, age):
    with database.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind, at)"
            " select gen_random_uuid(), 'enrolled', now() - %s::interval from generate_series(1, %s)",
            (age, count),
        )


def left(database):
    with database.read() as connection:
        return connection.execute("select count(*) from gallery_change").fetchone()[0]


def test_changes_are_forgotten_in_parts_once_no_reader_can_need_them(own):
    changes(own, 10_500, "25 hours")
    changes(own, 3, "23 hours")
    assert [forget_changes(own) for _ in range(3)] == [10_000, 500, 0]
    assert left(own) == 3


def test_a_table_of_which_much_went_is_sparse_until_it_is_vacuumed(own):
    """PostgreSQL's own sweep waits for a fifth of it, and sealed faces lie in what waits."""
    with own.transaction() as connection:
        connection.execute("alter table gallery_change set (autovacuum_enabled = off)")
    changes(own, 100_000, "25 hours")
    assert sparse_tables(own) == []
    forget_changes(own)
    forget_changes(own)
    deadline = time.monotonic() + 30
    while sparse_tables(own) != ["gallery_change"]:  # figures come with a delay
        assert time.monotonic() < deadline
        time.sleep(0.2)
    vacuum(own, "gallery_change", is_stopping=lambda: False)
    while sparse_tables(own):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert left(own) == 80_000


def test_a_vacuum_is_broken_off_when_the_server_stops(own):
    """It takes minutes on a large table, and half a minute is what a stop waits."""
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with own.transaction() as connection:
            connection.execute("lock table face in share update exclusive mode")
            held.set()
            assert go_on.wait(30)

    holding = threading.Thread(target=hold)
    holding.start()
    assert held.wait(30)
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable):
        vacuum(own, "face", is_stopping=lambda: time.monotonic() - began_s > 1)
    assert time.monotonic() - began_s < 10
    go_on.set()
    holding.join()
