from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.audit import AuditLog, LogBehind, Promises, open_log
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import log_signers, rotate_key
from countenance.store import Database, KeyStore, migrate
from countenance.transparency.note import Verifier
from countenance.transparency.receipt import verify_receipt
from events import an_event

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def own(empty_database_url):
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        yield database


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def newest_receipt_key(database):
    with database.read() as connection:
        (vkey,) = connection.execute(
            "select vkey from audit_key where use = 'receipt' order by key_id desc limit 1"
        ).fetchone()
    return Verifier.parse(vkey)


def test_a_receipt_promises_the_entry_within_five_seconds_over_the_logs_own_signature(
    own: Database, key_store: KeyStore
):
    promises = Promises(key_store, open_log(own, key_store))
    with own.transaction() as connection:
        promises.require_current(connection)
        draft = AuditLog(key_store).record(connection, an_event())
    receipt = verify_receipt(promises.receipt(draft, AT), [newest_receipt_key(own)])
    assert (receipt.event_id, receipt.leaf_hash) == (draft.event_id, draft.leaf_hash)
    assert (receipt.at, receipt.merge_by) == (AT, AT + timedelta(seconds=5))


def test_no_promise_is_given_while_an_event_waits_too_long_for_its_place(own: Database, key_store: KeyStore):
    clock = Clock()
    promises = Promises(key_store, open_log(own, key_store), max_lag_s=60, clock=clock)
    with own.read() as connection:
        promises.require_current(connection)
        connection.execute("update audit_event set recorded_at = recorded_at - interval '61 s'")
        promises.require_current(connection)  # looked at less than half a second ago
        clock.now += 1
        with pytest.raises(LogBehind, match="waiting for its place"):
            promises.require_current(connection)
        connection.execute("update audit_event set recorded_at = clock_timestamp()")
        clock.now += 1
        promises.require_current(connection)


def test_no_promise_is_given_while_the_log_grows_and_is_not_signed(own: Database, key_store: KeyStore):
    """Entries have their places, and nobody can hold the log to them: its key may be gone."""
    clock = Clock()
    promises = Promises(key_store, open_log(own, key_store), max_lag_s=60, clock=clock)
    sequencer = Sequencer(own, lambda connection: log_signers(connection, key_store))
    sequencer.integrate()
    with own.read() as connection:
        promises.require_current(connection)
        connection.execute("update audit_log set unsigned_since = unsigned_since - interval '61 s'")
        clock.now += 1
        with pytest.raises(LogBehind, match="has not been signed for 61 s"):
            promises.require_current(connection)
        sequencer.sign()
        clock.now += 1
        promises.require_current(connection)


def test_no_promise_is_given_while_checkpoints_wait_too_long_for_their_witnesses(
    own: Database, key_store: KeyStore
):
    clock = Clock()
    promises = Promises(key_store, open_log(own, key_store), max_unpublished_s=3600, clock=clock)
    insert = "insert into audit_checkpoint values (%s, %s, 'n', now() - interval '2 h', %s)"
    with own.read() as connection:
        connection.execute(insert, (1, b"r" * 32, AT))
        promises.require_current(connection)
        connection.execute(insert, (2, b"r" * 32, None))
        clock.now += 1
        with pytest.raises(LogBehind, match="witnesses"):
            promises.require_current(connection)


def test_a_new_receipt_key_is_used_within_a_second(own: Database, key_store: KeyStore):
    clock = Clock()
    promises = Promises(key_store, open_log(own, key_store), clock=clock)
    with own.read() as connection:
        promises.require_current(connection)
    old = newest_receipt_key(own)
    rotate_key(own, key_store, "receipt")
    clock.now += 1
    with own.transaction() as connection:
        promises.require_current(connection)
        draft = AuditLog(key_store).record(connection, an_event(event_id=uuid.uuid4()))
    new = newest_receipt_key(own)
    assert new != old
    assert verify_receipt(promises.receipt(draft, AT), [new]).event_id == draft.event_id
