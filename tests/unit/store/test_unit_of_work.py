from __future__ import annotations

import threading
import uuid

import psycopg
import pytest

from countenance.audit import AuditLog
from countenance.store import Database, KeyStore, StoreUnavailable, UniqueViolation, UnitOfWork
from events import an_event


@pytest.fixture
def table(database: Database):
    """A table of the test's own."""
    name = f"t{uuid.uuid4().hex}"
    with database.transaction() as connection:
        connection.execute(f"create table {name} (n int primary key)")
    yield name
    with database.transaction() as connection:
        connection.execute(f"drop table {name}")


def rows(database: Database, table: str) -> list[int]:
    with database.read() as connection:
        return [n for (n,) in connection.execute(f"select n from {table} order by n")]


def test_nothing_is_open_until_the_connection_is_asked_for(database: Database):
    """Decoding and nets come first, and no transaction may be open meanwhile."""
    with UnitOfWork(database) as work:
        assert not work.is_open
        assert work.connection is work.connection
        assert work.is_open
        work.commit()
        assert not work.is_open


def test_a_commit_makes_it_visible_and_then_runs_the_callbacks_in_order(database: Database, table: str):
    """A callback destroys keys and drops caches: before the commit that would be too early."""
    seen = []
    with UnitOfWork(database) as work:
        work.connection.execute(f"insert into {table} values (1)")
        work.after_commit(lambda: seen.append(rows(database, table)))
        work.after_commit(lambda: seen.append("second"))
        assert seen == []
        work.commit()
        assert seen == [[1], "second"]
        work.commit()
    assert seen == [[1], "second"]


@pytest.mark.parametrize("leave", ["rollback", "exit", "exception"])
def test_without_a_commit_nothing_remains_and_no_callback_runs(database: Database, table: str, leave: str):
    """A refused call changes nothing, whichever way it ended."""
    seen = []
    with pytest.raises(ZeroDivisionError), UnitOfWork(database) as work:  # the way out is the case
        work.connection.execute(f"insert into {table} values (1)")
        work.after_commit(lambda: seen.append(1))
        if leave == "exception":
            raise ZeroDivisionError
        if leave == "rollback":
            work.rollback()
            assert not work.is_open
            work.commit()
        work.__exit__()
        raise ZeroDivisionError
    assert rows(database, table) == []
    assert seen == []


def test_after_a_rollback_a_new_transaction_can_be_used(database: Database, table: str):
    """That is how the event of a refused call is recorded."""
    with UnitOfWork(database) as work:
        work.connection.execute(f"insert into {table} values (1)")
        work.rollback()
        work.connection.execute(f"insert into {table} values (2)")
        work.commit()
    assert rows(database, table) == [2]


def test_a_commit_after_a_statement_failed_is_an_error(database: Database, table: str):
    """It would be a quiet rollback, and the callbacks would act on what never happened."""
    seen = []
    with UnitOfWork(database) as work:
        work.after_commit(lambda: seen.append(1))
        work.connection.execute(f"insert into {table} values (1)")
        with pytest.raises(UniqueViolation):
            work.connection.execute(f"insert into {table} values (1)")
        with pytest.raises(StoreUnavailable):
            work.commit()
    assert rows(database, table) == []
    assert seen == []


def test_a_rollback_of_a_connection_that_is_gone_is_quiet(database_url: str):
    """The call has failed already; its error must not be hidden by another."""
    with Database(database_url, max_connections=2) as database:
        work = UnitOfWork(database)
        pid = work.connection.info.backend_pid
        with psycopg.connect(database_url, autocommit=True) as administrator:
            administrator.execute("select pg_terminate_backend(%s, 5000)", (pid,))
        with pytest.raises(psycopg.OperationalError):
            work.connection.execute("select 1")
        work.rollback()
        assert work.connection.execute("select 1").fetchone() == (1,)
        work.rollback()


def test_connections_are_handed_back_however_it_ends(database_url: str):
    """One lost connection a call would stop the server after sixteen calls."""
    with Database(database_url, max_connections=1) as database:
        for ending in ("commit", "rollback", "nothing") * 3:
            with UnitOfWork(database) as work:
                work.connection.execute("select 1")
                if ending != "nothing":
                    getattr(work, ending)()
        assert database._pool.get_stats()["pool_available"] == 1


def test_sixty_four_threads_record_their_changes_and_events_and_none_is_lost(
    database: Database, key_store: KeyStore, table: str
):
    """Every acknowledged call has its row and its event, under any load."""
    account = f"{uuid.uuid4().int % 10**12:012d}"
    audit = AuditLog(key_store)
    failures: list[BaseException] = []

    def call(number: int) -> None:
        try:
            for turn in range(5):
                with UnitOfWork(database) as work:
                    work.connection.execute(f"insert into {table} values (%s)", (number * 5 + turn,))
                    audit.record(work.connection, an_event(account_id=account))
                    work.commit()
        except BaseException as failure:  # noqa: BLE001  # a thread's failure must fail the test
            failures.append(failure)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(database, table) == list(range(320))
    with database.read() as connection:
        assert len(audit.list_latest(connection, account, limit=1000)) == 320


def test_what_a_rollback_would_undo_or_forget_is_known(database: Database):
    with UnitOfWork(database) as uow:
        assert uow.is_untouched
        uow.after_commit(lambda: None)
        assert not uow.is_untouched
        uow.rollback()
        assert uow.is_untouched
        uow.connection.execute("select 1")
        assert not uow.is_untouched
        uow.commit()
        assert uow.is_untouched
