"""Changes that meet others: tried again, or refused as what they are."""

from __future__ import annotations

import threading

import psycopg
import pytest

from countenance.errors import ConflictException, ResourceNotFoundException, ThrottlingException
from countenance.gallery.changing import change, hold
from countenance.store import StoreUnavailable, UnitOfWork


def deadlock(connection):
    raise psycopg.errors.DeadlockDetected


def test_a_change_that_met_a_deadlock_is_tried_again_and_keeps_what_came_before(database):
    attempts = []

    def work(connection):
        attempts.append(1)
        connection.execute("create temp table attempt (number integer) on commit drop")
        if len(attempts) == 1:
            raise psycopg.errors.DeadlockDetected
        return connection.execute("select count(*) from before").fetchone()[0]

    with UnitOfWork(database) as uow:
        uow.connection.execute("create temp table before on commit drop as select 1")
        assert change(uow, work) == 1
    assert len(attempts) == 2


def test_a_change_that_is_the_first_is_tried_again_in_a_transaction_of_its_own(database):
    """Without a savepoint: nothing of the first attempt is left, what follows commits with the second."""
    seen = []

    def work(connection):
        seen.append(connection.execute("select pg_current_xact_id()::text").fetchone()[0])
        connection.execute("create temp table attempt (number integer) on commit drop")
        if len(seen) == 1:
            raise psycopg.errors.DeadlockDetected
        return connection.execute("select pg_current_xact_id_if_assigned()::text").fetchone()[0]

    with UnitOfWork(database) as uow:
        committed = change(uow, work)
        assert uow.connection.execute("select pg_current_xact_id()::text").fetchone()[0] == committed
        uow.commit()
    assert seen[0] != seen[1] == committed
    with database.read() as connection:
        statuses = [
            connection.execute("select pg_xact_status(%s::xid8)", (each,)).fetchone()[0] for each in seen
        ]
    assert statuses == ["aborted", "committed"]


def test_a_first_change_that_fails_leaves_no_transaction_and_one_in_between_keeps_what_is_to_happen(database):
    """A callback of before is not forgotten with the attempt that met others."""
    happened, failed = [], []

    def refused(connection):
        raise ConflictException("refused")

    def met_others_once(connection):
        if not failed:
            failed.append(1)
            raise psycopg.errors.DeadlockDetected

    with UnitOfWork(database) as uow:
        with pytest.raises(ConflictException):
            change(uow, refused)
        assert not uow.is_open
        uow.after_commit(lambda: happened.append(1))
        change(uow, met_others_once)
        uow.commit()
    assert happened == [1]


@pytest.mark.parametrize("busy", [ThrottlingException, ConflictException])
def test_the_second_deadlock_is_the_callers_to_repeat(database, busy):
    with UnitOfWork(database) as uow, pytest.raises(busy, match="try again"):
        change(uow, deadlock, busy=busy)


def test_a_real_deadlock_between_two_transactions_is_overcome(database, collection, new_collection):
    """Whatever else locks rows in the same database: both changes succeed."""
    other, meeting, errors = new_collection("other"), threading.Barrier(2, timeout=10), []

    def cross(first, second):
        waited = []

        def work(connection):
            for number, target in enumerate((first, second)):
                connection.execute(
                    "select 1 from collection where collection_id = %s for update", (target.collection_id,)
                )
                if number == 0 and not waited:
                    waited.append(1)
                    meeting.wait()

        try:
            with UnitOfWork(database) as uow:
                change(uow, work)
                uow.commit()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test must hear of it
            errors.append(error)

    threads = [
        threading.Thread(target=cross, args=pair) for pair in ((collection, other), (other, collection))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_broken_connection_is_an_unavailable_store(database):
    def work(connection):
        connection.execute("select pg_terminate_backend(pg_backend_pid())")

    with UnitOfWork(database) as uow, pytest.raises(StoreUnavailable):
        change(uow, work)


def test_holding_waits_for_a_deletion_and_then_finds_nothing(gallery, database, collection):
    holding, outcome = threading.Event(), []

    def enter():
        with UnitOfWork(database) as uow:
            holding.set()
            try:
                change(uow, lambda connection: hold(connection, collection))
                outcome.append("held")
            except ResourceNotFoundException:
                outcome.append("gone")

    with UnitOfWork(database) as uow:
        gallery.delete_collection(uow, collection)
        thread = threading.Thread(target=enter)
        thread.start()
        holding.wait(5)
        uow.commit()
    thread.join()
    assert outcome == ["gone"]


def test_holders_do_not_wait_for_one_another(database, collection):
    """Enrolments are bound by the disk: one behind the other they would be as slow as one client."""
    with UnitOfWork(database) as one, UnitOfWork(database) as other:
        hold(one.connection, collection)
        other.connection.execute("set local lock_timeout = '1s'")
        hold(other.connection, collection)
        hold(other.connection, collection, how="lock_collection")
