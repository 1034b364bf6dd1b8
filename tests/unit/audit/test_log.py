from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from countenance.accounts import Accounts
from countenance.audit import Event, list_events, record, record_change, record_in_force
from countenance.store import Database, UniqueViolation


def an_event(**changes) -> Event:
    values = {
        "event_id": uuid.uuid4(),
        "at": datetime.now(UTC),
        "request_id": str(uuid.uuid4()),
        "service": "rekognition",
        "operation": "SearchFacesByImage",
        "decision": "allow",
        "outcome": "answered",
        "account_id": f"{uuid.uuid4().int % 10**12:012d}",
    }
    return Event(**(values | changes))


def test_a_recorded_event_is_read_back_whole(database: Database):
    """Every field is evidence: one that changes on the way is worth nothing."""
    event = an_event(
        access_key_id="AKIA" + "A" * 16,
        operator="officer-7",
        collection="staff",
        resource="AKIA" + "B" * 16,
        rule_ids=("CORE-001", "CORE-002"),
        policy_digest="ab" * 32,
        outcome="refused",
        decision="deny",
        error_code="AccessDeniedException",
        model_version="1.0",
        threshold=99.5,
        candidates=3,
        idempotent_replay=True,
    )
    with database.transaction() as connection:
        record(connection, event)
    with database.read() as connection:
        assert list_events(connection, event.account_id) == [event]


def test_an_event_belongs_to_the_transaction_it_was_recorded_in(database: Database):
    """The change and its event stand or fall together."""
    event = an_event()
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        record(connection, event)
        raise ZeroDivisionError
    with database.read() as connection:
        assert list_events(connection, event.account_id) == []


def test_an_event_is_recorded_once(database: Database):
    """A second row of one id would make the log say something happened twice."""
    event = an_event()
    with database.transaction() as connection:
        record(connection, event)
    with pytest.raises(UniqueViolation), database.transaction() as connection:
        record(connection, event)


def test_the_latest_events_come_first_and_no_more_than_asked_for(database: Database):
    """A reader of the log wants what just happened."""
    account = an_event().account_id
    times = [datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (1, 3, 2)]
    with database.transaction() as connection:
        for at in times:
            record(connection, an_event(at=at, account_id=account))
    with database.read() as connection:
        found = list_events(connection, account, limit=2)
    assert [event.at.hour for event in found] == [3, 2]


def test_an_administrative_change_names_what_it_touched_and_no_policy(database: Database):
    """A change made on the machine is as much on the record as one made by a call."""
    account = an_event().account_id
    with database.transaction() as connection:
        event_id = record_change(
            connection, "CreateAccessKey", account_id=account, resource="AKIA" + "C" * 16
        )
    with database.read() as connection:
        (event,) = list_events(connection, account)
    assert (event.event_id, event.operation, event.resource) == (
        event_id,
        "CreateAccessKey",
        "AKIA" + "C" * 16,
    )
    assert event.decision == "none"
    assert event.operator.startswith("uid:")


def test_an_event_is_recorded_only_while_its_key_and_standing_hold(database: Database, key_store):
    """What ended while a call ran stops the call: the check and the record are one statement."""
    accounts = Accounts(database, key_store)
    account = accounts.create_account("Test").account_id
    key = accounts.create_access_key(account, operator="tester").access_key_id
    with database.read() as connection:
        first = an_event(account_id=account, access_key_id=key)
        assert record_in_force(connection, first, standing="good")
        other = an_event(account_id=account, access_key_id=key)
        assert not record_in_force(connection, other, standing="suspended")
        accounts.revoke_access_key(account, key)
        assert not record_in_force(connection, other, standing="good")
        recorded = {event.event_id for event in list_events(connection, account)}
    assert first.event_id in recorded
    assert other.event_id not in recorded


def test_what_a_caller_sent_with_a_nul_is_recorded_all_the_same(database: Database):
    """PostgreSQL's text holds no NUL: the call must not fail for it, nor go unrecorded."""
    event = an_event(resource="arn\x00x", collection="a\x00")
    with database.transaction() as connection:
        record(connection, event)
        kept = list_events(connection, event.account_id)[0]
    assert (kept.resource, kept.collection) == ("arn\N{REPLACEMENT CHARACTER}x", "a\N{REPLACEMENT CHARACTER}")
