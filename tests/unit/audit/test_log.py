from __future__ import annotations

import uuid

import pytest

from countenance.accounts import Accounts
from countenance.audit import AuditLog, Observation, Touch
from countenance.audit.entry import commit
from countenance.store import Database, KeyStore, UniqueViolation
from events import an_event

SEEN = Observation("development", "search", {"collection": "friends", "operator": "operator-7"})


@pytest.fixture
def audit(log_keys: KeyStore) -> AuditLog:
    return AuditLog(log_keys)


def test_a_recorded_event_is_read_back_whole_by_its_account(database: Database, audit: AuditLog):
    """Every field is evidence: one that changes on the way is worth nothing."""
    event = an_event(
        access_key_id="AKIA" + "A" * 16,
        operator="officer-7",
        collection="staff",
        resource="AKIA" + "B" * 16,
        inputs=("ab" * 32, "cd" * 32),
        rule_ids=("CORE-001", "CORE-002"),
        policy_digest="ab" * 32,
        outcome="refused",
        decision="deny",
        error_code="AccessDeniedException",
    )
    with database.transaction() as connection:
        audit.record(connection, event)
    with database.read() as connection:
        (kept,) = audit.list_latest(connection, event.account_id)
    members = kept.members
    assert (members["decision"], members["error"], members["rules"]) == (
        "deny",
        "AccessDeniedException",
        ["CORE-001", "CORE-002"],
    )
    assert kept.opened("collection") == "staff"
    assert kept.opened("resource") == event.resource
    assert [opening.value for opening in kept.openings["inputs"]] == list(event.inputs)
    for name in ("collection", "resource"):
        (opening,) = kept.openings[name]
        assert commit(opening.salt, opening.value).hex() == members[name]


def test_no_name_stands_in_an_entry_or_beside_it_in_clear(database: Database, audit: AuditLog):
    """Whoever reads the log, or steals the database, learns of nobody."""
    names = {
        "access_key_id": "AKIA" + "Q" * 16,
        "operator": "Officer Krupke",
        "collection": "riff-and-tony",
        "resource": "arn-of-theirs",
        "marker": "what the canary sings",
    }
    event = an_event(**names, touched=(Touch(role="named", kind="user", id="maria-of-them"),))
    with database.transaction() as connection:
        draft = audit.record(connection, event)
        row = connection.execute(
            "select e::text, string_agg(t::text, '') from audit_event as e"
            " join audit_touch as t using (event_id) where event_id = %s group by e.*",
            (event.event_id,),
        ).fetchone()
    kept = draft.entry + "".join(map(str, row)).encode()
    for name in (*names.values(), event.account_id, "maria-of-them"):
        assert name.encode() not in kept
        assert name.encode().hex().encode() not in kept


def test_an_event_belongs_to_the_transaction_it_was_recorded_in(database: Database, audit: AuditLog):
    """The change and its event stand or fall together."""
    event = an_event()
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        audit.record(connection, event)
        raise ZeroDivisionError
    with database.read() as connection:
        assert audit.list_latest(connection, event.account_id) == []


def test_an_event_is_recorded_once(database: Database, audit: AuditLog):
    """A second row of one id would make the log say something happened twice."""
    event = an_event()
    with database.transaction() as connection:
        audit.record(connection, event)
    with pytest.raises(UniqueViolation), database.transaction() as connection:
        audit.record(connection, event)


def test_the_latest_events_come_first_and_no_more_than_asked_for(database: Database, audit: AuditLog):
    """A reader of the log wants what just happened."""
    account = an_event().account_id
    for operation in ("ListFaces", "IndexFaces", "SearchFaces"):
        with database.transaction() as connection:
            audit.record(connection, an_event(operation=operation, account_id=account))
    with database.read() as connection:
        found = audit.list_latest(connection, account, limit=2)
    assert [entry.members["operation"] for entry in found] == ["SearchFaces", "IndexFaces"]


def test_an_account_finds_its_own_events_and_no_others(database: Database, audit: AuditLog):
    event = an_event()
    with database.transaction() as connection:
        audit.record(connection, event)
        assert audit.find_entry(connection, event.account_id, event.event_id).event_id == event.event_id
        assert audit.find_entry(connection, an_event().account_id, event.event_id) is None
        assert audit.find_entry(connection, event.account_id, uuid.uuid4()) is None


def test_an_administrative_change_names_what_it_touched_and_no_policy(database: Database, audit: AuditLog):
    """A change made on the machine is as much on the record as one made by a call."""
    account = an_event().account_id
    with database.transaction() as connection:
        event_id = audit.record_change(
            connection, "CreateAccessKey", account_id=account, resource="AKIA" + "C" * 16
        )
    with database.read() as connection:
        (entry,) = audit.list_latest(connection, account)
    assert (entry.event_id, entry.opened("resource")) == (event_id, "AKIA" + "C" * 16)
    assert (entry.members["kind"], entry.members["decision"]) == ("change", "none")


def test_an_event_is_recorded_only_while_its_key_and_standing_hold(database: Database, log_keys: KeyStore):
    """What ended while a call ran stops the call: there is no moment between the check and the record."""
    accounts, audit = Accounts(database, log_keys), AuditLog(log_keys)
    account = accounts.create_account("Test").account_id
    key = accounts.create_access_key(account, operator="tester").access_key_id
    touched = (Touch(role="named", kind="user", id="ada"),)
    good = {"standing": "good", "effective_standing": "good", "observation": SEEN}
    with database.read() as connection:
        first = an_event(account_id=account, access_key_id=key, touched=touched)
        assert audit.record_in_force(connection, first, **good)
        other = an_event(account_id=account, access_key_id=key, touched=touched)
        for changed in ("standing", "effective_standing"):
            assert not audit.record_in_force(connection, other, **good | {changed: "suspended"})
        accounts.revoke_access_key(account, key)
        assert not audit.record_in_force(connection, other, **good)
        recorded = {entry.event_id for entry in audit.list_latest(connection, account)}
        beside = [
            connection.execute(
                f"select count(*) from {table} where event_id = %s",
                (event.event_id,),
            ).fetchone()
            for event in (first, other)
            for table in ("audit_touch", "observation")
        ]
    assert first.event_id in recorded
    assert other.event_id not in recorded
    assert beside == [(1,), (1,), (0,), (0,)]


@pytest.mark.parametrize(
    "change",
    ["standing = 'restricted'", "effective_standing = 'suspended'", "profile = 'immigration_enforcement'"],
)
def test_an_event_is_recorded_only_while_the_beneficiaries_may_be_acted_for(
    database: Database, log_keys: KeyStore, change: str
):
    """A call for somebody stops with their standing as well; whoever changes it may tell of it."""
    accounts, audit = Accounts(database, log_keys), AuditLog(log_keys)
    account, other = (accounts.create_account("Test").account_id for _ in range(2))
    key = accounts.create_access_key(account, operator="tester").access_key_id
    good = {"standing": "good", "effective_standing": "good", "beneficiaries": (other,)}

    def recorded(connection) -> bool:
        return bool(
            audit.record_in_force(connection, an_event(account_id=account, access_key_id=key), **good)
        )

    with database.transaction() as connection:
        assert recorded(connection)
        connection.execute(f"update account set {change} where account_id = %s", (other,))
        assert recorded(connection)
    with database.transaction() as connection:
        assert not recorded(connection)


def test_a_change_of_a_beneficiarys_standing_and_recordings_take_turns(
    database: Database, log_keys: KeyStore
):
    """There is no moment between the check and the record for them either."""
    accounts, audit = Accounts(database, log_keys), AuditLog(log_keys)
    account, other = (accounts.create_account("Test").account_id for _ in range(2))
    key = accounts.create_access_key(account, operator="tester").access_key_id
    event = an_event(account_id=account, access_key_id=key)
    with database.transaction() as recording, database.transaction() as changing:
        audit.record_in_force(
            recording, event, standing="good", effective_standing="good", beneficiaries=(other,)
        )
        lock = "select pg_try_advisory_xact_lock(account_lock(%s))"
        assert changing.execute(lock, (other,)).fetchone() == (False,)
        assert changing.execute(lock, (account,)).fetchone() == (False,)


def test_an_observation_is_sealed_under_its_accounts_key_and_goes_with_it(
    database: Database, log_keys: KeyStore
):
    """Whoever has the database alone sees when and for what an account called, and nothing of the calls."""
    accounts, audit = Accounts(database, log_keys), AuditLog(log_keys)
    account = accounts.create_account("Test").account_id
    key = accounts.create_access_key(account, operator="tester").access_key_id
    event = an_event(account_id=account, access_key_id=key)
    with database.read() as connection:
        audit.record_in_force(connection, event, standing="good", effective_standing="good", observation=SEEN)
        pseudonym, purpose, kind, sealed, row = connection.execute(
            "select account, purpose, kind, sealed, o::text from observation as o where event_id = %s",
            (event.event_id,),
        ).fetchone()
    assert bytes(pseudonym) == audit.keys.account(account).pseudonym("account", account)
    assert (purpose, kind) == (SEEN.purpose, SEEN.kind)
    assert account not in row
    for word in ("friends", "operator-7"):
        assert word not in row
        assert word.encode().hex() not in row
    assert audit.unseal_observation(account, event.event_id, bytes(sealed)) == SEEN.facts
    assert audit.unseal_observation(account, uuid.uuid4(), bytes(sealed)) is None
    assert audit.unseal_observation("9" * 12, event.event_id, bytes(sealed)) is None
    audit.keys.forget_account(account)
    assert AuditLog(log_keys).unseal_observation(account, event.event_id, bytes(sealed)) is None


def test_an_erasure_is_on_record_with_each_face_in_entries_of_a_few_hundred(
    database: Database, audit: AuditLog
):
    """Who was deleted for reasons of retention must be able to show it, as if the account had done it."""
    account = an_event().account_id
    faces = [str(uuid.uuid4()) for _ in range(1001)]
    with database.transaction() as connection:
        made = audit.record_erasure(
            connection, "ExpireFaces", account_id=account, region="r", collection="staff", face_ids=faces
        )
        assert (
            audit.record_erasure(
                connection, "ExpireFaces", account_id=account, region="r", collection="staff", face_ids=[]
            )
            == []
        )
    with database.read() as connection:
        found = {entry.event_id: entry for entry in audit.list_latest(connection, account)}
        told = [found[event_id].members["deleted"] for event_id in made]
        touches = connection.execute(
            "select sealed from audit_touch where event_id = any(%s) order by position", (made,)
        ).fetchall()
    assert told == [500, 500, 1]
    assert {found[event_id].opened("collection") for event_id in made} == {"staff"}
    assert len(touches) == 1001
    assert all(sealed is not None for (sealed,) in touches)


def test_what_a_caller_sent_with_a_nul_is_recorded_all_the_same(database: Database, audit: AuditLog):
    """The call must not fail for it, nor go unrecorded."""
    event = an_event(resource="arn\x00x", collection="a\x00")
    with database.transaction() as connection:
        audit.record(connection, event)
        kept = audit.list_latest(connection, event.account_id)[0]
    assert (kept.opened("resource"), kept.opened("collection")) == ("arn\x00x", "a\x00")


def test_an_account_whose_key_is_destroyed_leaves_entries_that_mean_nothing(
    database: Database, log_keys: KeyStore
):
    """Erasure: the entry and its hash stay as they were, what it meant is gone."""
    audit = AuditLog(log_keys)
    event = an_event(collection="staff")
    with database.transaction() as connection:
        draft = audit.record(connection, event)
    audit.keys.forget_account(event.account_id)
    with database.read() as connection:
        assert AuditLog(log_keys).list_latest(connection, event.account_id) == []
        row = connection.execute(
            "select entry from audit_event where event_id = %s", (event.event_id,)
        ).fetchone()
    assert bytes(row[0]) == draft.entry
