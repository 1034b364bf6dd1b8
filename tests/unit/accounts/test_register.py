from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Account, Accounts, Actor, Governance, session_token_digest
from countenance.audit import AuditLog
from countenance.errors import (
    AccessDeniedException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    SetupError,
)
from countenance.facts import Claims
from countenance.store import Database, KeyStore, UniqueViolation, UnitOfWork, migrate
from governed import accept_all


def events(database: Database, key_store: KeyStore, account_id: str) -> list[tuple[str, str | None]]:
    with database.read() as connection:
        latest = AuditLog(key_store).list_latest(connection, account_id)
    return [(entry.members["operation"], entry.opened("resource")) for entry in reversed(latest)]


def test_a_new_account_is_in_good_standing_and_found_again(accounts: Accounts, account: Account):
    """What was created is what is there."""
    assert account.standing == "good"
    assert accounts.require_account(account.account_id) == account
    assert account in accounts.list_accounts()


def test_a_given_id_is_used_once(accounts: Accounts):
    """Tests and migrations from AWS bring their account id along."""
    chosen = f"{uuid.uuid4().int % 10**12:012d}"
    assert accounts.create_account("a", account_id=chosen).account_id == chosen
    with pytest.raises(ResourceAlreadyExistsException):
        accounts.create_account("b", account_id=chosen)


def test_a_key_is_found_with_its_secret_and_its_account(accounts: Accounts, account: Account):
    """One look-up gives all that a signature is judged by."""
    key = accounts.create_access_key(account.account_id, operator="guy")
    credential = accounts.find_credential(key.access_key_id)
    assert (credential.secret, credential.operator) == (key.secret, "guy")
    assert (credential.account_id, credential.standing) == (account.account_id, "good")
    assert (credential.revoked, credential.expires_at, credential.session_token_digest) == (False, None, None)
    assert accounts.find_credential("AKIA" + "A" * 16) is None


def test_the_database_holds_no_secret(accounts: Accounts, account: Account, database: Database):
    """Whoever reads a backup must not be able to sign."""
    key = accounts.create_access_key(account.account_id, operator="guy")
    with database.read() as connection:
        (row,) = connection.execute(
            "select k::text from access_key as k where access_key_id = %s", (key.access_key_id,)
        ).fetchone()
    assert key.secret not in row
    assert key.secret.encode().hex() not in row


def test_a_secret_copied_into_another_keys_row_does_not_open(accounts: Accounts, account: Account, database):
    """Whoever can write to the database must not be able to lend one key another's secret."""
    mine, other = (accounts.create_access_key(account.account_id, operator="guy") for _ in range(2))
    with database.transaction() as connection:
        connection.execute(
            "update access_key set sealed_secret ="
            " (select sealed_secret from access_key where access_key_id = %s) where access_key_id = %s",
            (mine.access_key_id, other.access_key_id),
        )
    with pytest.raises(SetupError):
        accounts.find_credential(other.access_key_id)


def test_a_revoked_key_stays_revoked_and_listed(accounts: Accounts, account: Account):
    """The list is also the memory of who once had a key."""
    key = accounts.create_access_key(account.account_id, operator="guy")
    accounts.revoke_access_key(account.account_id, key.access_key_id)
    (first,) = accounts.list_access_keys(account.account_id)
    accounts.revoke_access_key(account.account_id, key.access_key_id)
    (second,) = accounts.list_access_keys(account.account_id)
    assert accounts.find_credential(key.access_key_id).revoked
    assert first.is_revoked
    assert first == second


def test_another_accounts_key_behaves_as_if_it_were_not_there(accounts: Accounts, account: Account):
    """Not even its existence is told."""
    stranger = accounts.create_account("stranger")
    key = accounts.create_access_key(account.account_id, operator="guy")
    with pytest.raises(ResourceNotFoundException) as theirs:
        accounts.revoke_access_key(stranger.account_id, key.access_key_id)
    with pytest.raises(ResourceNotFoundException) as nobodys:
        accounts.revoke_access_key(stranger.account_id, "AKIA" + "A" * 16)
    assert theirs.value.message.replace(key.access_key_id, "") == nobodys.value.message.replace(
        "AKIA" + "A" * 16, ""
    )
    assert not accounts.find_credential(key.access_key_id).revoked
    assert accounts.list_access_keys(stranger.account_id) == []


def test_keys_are_listed_by_id_in_pages(accounts: Accounts, account: Account):
    """A page begins behind the last one's end, so that none is left out or told twice."""
    made = sorted(
        accounts.create_access_key(account.account_id, operator="o").access_key_id for _ in range(5)
    )
    first = accounts.list_access_keys(account.account_id, limit=3)
    rest = accounts.list_access_keys(account.account_id, limit=3, after=first[-1].access_key_id)
    assert [key.access_key_id for key in (*first, *rest)] == made
    assert len(accounts.list_access_keys(account.account_id)) == 5


@pytest.mark.parametrize(
    "call", ["require_account", "create_access_key", "change_profile", "accept_terms", "change_standing"]
)
def test_an_account_that_is_not_there_is_named(
    accounts: Accounts, governance: Governance, call: str, database: Database, key_store: KeyStore
):
    """And nothing is recorded of what did not happen."""
    calls = {
        "require_account": lambda: accounts.require_account("0" * 12),
        "create_access_key": lambda: accounts.create_access_key("0" * 12, operator="o"),
        "change_profile": lambda: accounts.change_profile("0" * 12, "research"),
        "accept_terms": lambda: accept_all(governance, "0" * 12),
        "change_standing": lambda: governance.standings.change(
            "0" * 12, "suspended", reason="why", decided_by="Olga", actor=Actor("test")
        ),
    }
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        calls[call]()
    assert events(database, key_store, "0" * 12) == []


def test_each_change_beside_the_calls_leaves_an_event(
    accounts: Accounts, account: Account, database: Database, key_store: KeyStore
):
    """Whoever is at the machine is on the record as much as whoever calls."""
    key = accounts.create_access_key(account.account_id, operator="guy", purpose="development")
    accounts.revoke_access_key(account.account_id, key.access_key_id)
    accounts.change_profile(account.account_id, "law_enforcement")
    assert events(database, key_store, account.account_id) == [
        ("CreateAccount", None),
        ("CreateAccessKey", key.access_key_id),
        ("RevokeAccessKey", key.access_key_id),
        ("ChangeProfile", "law_enforcement"),
    ]


def test_a_change_within_a_call_is_part_of_it_and_leaves_the_event_to_it(
    accounts: Accounts, account: Account, database: Database, key_store: KeyStore
):
    """A refused call must change nothing, and one call is one event."""
    with UnitOfWork(database) as work:
        key = accounts.create_access_key(account.account_id, operator="guy", connection=work.connection)
        assert accounts.find_credential(key.access_key_id) is None
        work.rollback()
    assert accounts.list_access_keys(account.account_id) == []
    with UnitOfWork(database) as work:
        key = accounts.create_access_key(account.account_id, operator="guy", connection=work.connection)
        accounts.revoke_access_key(account.account_id, key.access_key_id, connection=work.connection)
        work.commit()
    assert accounts.find_credential(key.access_key_id).revoked
    assert events(database, key_store, account.account_id) == [("CreateAccount", None)]


def test_a_changed_standing_is_seen_with_every_key(
    accounts: Accounts, governance: Governance, account: Account
):
    """A suspension stops all keys of the account at the next call."""
    keys = [accounts.create_access_key(account.account_id, operator="guy") for _ in range(2)]
    governance.standings.change(
        account.account_id, "suspended", reason="why", decided_by="Olga", actor=Actor("test")
    )
    found = [accounts.find_credential(key.access_key_id) for key in keys]
    assert {(each.standing, each.effective_standing) for each in found} == {("suspended", "suspended")}
    kept = accounts.require_account(account.account_id)
    assert (kept.standing, kept.effective_standing) == ("suspended", "suspended")


def test_a_session_acts_for_its_parents_account_and_operator_until_it_expires(
    accounts: Accounts, account: Account, database: Database
):
    """It is the same person with a shorter credential."""
    parent = accounts.create_access_key(account.account_id, operator="guy")
    with database.transaction() as connection:
        session = accounts.create_session(connection, parent.access_key_id, 900)
    credential = accounts.find_credential(session.access_key_id)
    assert session.access_key_id.startswith("ASIA")
    assert (credential.account_id, credential.operator) == (account.account_id, "guy")
    assert credential.secret == session.secret
    assert credential.session_token_digest == session_token_digest(session.session_token)
    assert credential.expires_at == session.expires_at
    assert timedelta(seconds=890) < session.expires_at - datetime.now(UTC) <= timedelta(seconds=900)
    assert session.expires_at.microsecond == 0


def test_a_session_ends_with_its_parent(accounts: Accounts, account: Account, database: Database):
    """Otherwise a revoked key would live on for twelve hours."""
    parent = accounts.create_access_key(account.account_id, operator="guy")
    with database.transaction() as connection:
        session = accounts.create_session(connection, parent.access_key_id, 900)
    accounts.revoke_access_key(account.account_id, parent.access_key_id)
    assert accounts.find_credential(session.access_key_id).revoked


def test_no_session_comes_from_a_session_a_revoked_key_or_nothing(
    accounts: Accounts, account: Account, database: Database
):
    """Sessions that beget sessions would never end."""
    parent = accounts.create_access_key(account.account_id, operator="guy")
    with database.transaction() as connection:
        session = accounts.create_session(connection, parent.access_key_id, 900)
    accounts.revoke_access_key(account.account_id, parent.access_key_id)
    for unfit in (session.access_key_id, parent.access_key_id, "AKIA" + "A" * 16):
        with pytest.raises(AccessDeniedException), database.transaction() as connection:
            accounts.create_session(connection, unfit, 900)


def test_sessions_are_no_lasting_keys_and_are_forgotten_a_day_after_their_end(
    accounts: Accounts, account: Account, database: Database
):
    """A program that asks for a session every hour must not fill the table."""
    parent = accounts.create_access_key(account.account_id, operator="guy")
    with database.transaction() as connection:
        old = accounts.create_session(connection, parent.access_key_id, 900)
        connection.execute(
            "update access_key set expires_at = now() - interval '25 hours' where access_key_id = %s",
            (old.access_key_id,),
        )
    assert [key.access_key_id for key in accounts.list_access_keys(account.account_id)] == [
        parent.access_key_id
    ]
    with database.transaction() as connection:
        accounts.create_session(connection, parent.access_key_id, 900)
    assert accounts.find_credential(old.access_key_id) is None


def test_the_first_account_is_the_house_and_no_other_ever_is(empty_database_url: str, key_store: KeyStore):
    """Whoever runs the server decides about the others: exactly one account may be that."""
    with Database(empty_database_url, max_connections=4) as database:
        migrate(database)
        accounts = Accounts(database, key_store)
        made = [accounts.create_account(name) for name in ("first", "second", "third")]
        assert [account.is_house for account in made] == [True, False, False]
        assert [account.is_house for account in accounts.list_accounts() if account.is_house] == [True]
        with pytest.raises(UniqueViolation), database.transaction() as connection:
            connection.execute("update account set is_house = true")


def test_accounts_made_at_once_in_an_empty_server_make_one_house(
    empty_database_url: str, key_store: KeyStore
):
    """Two houses would be two sides that decide; the loser of the race may be told to try again."""
    with Database(empty_database_url, max_connections=6) as database:
        migrate(database)
        accounts, together = Accounts(database, key_store), threading.Barrier(4)

        def create(number: int) -> bool:
            together.wait(10)
            try:
                accounts.create_account(f"number {number}")
            except ResourceAlreadyExistsException:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(create, range(4)))
        assert any(made)
        kept = accounts.list_accounts()
        assert len(kept) == sum(made)
        assert [account.is_house for account in kept].count(True) == 1


def test_a_new_account_has_the_profile_it_was_given_until_it_is_changed(accounts: Accounts):
    """Policy knows what each kind of organisation may never have."""
    account = accounts.create_account("PD", profile="law_enforcement")
    assert account.profile == "law_enforcement"
    accounts.change_profile(account.account_id, "immigration_enforcement")
    assert accounts.require_account(account.account_id).profile == "immigration_enforcement"


def test_a_key_is_for_one_purpose_for_good(accounts: Accounts, account: Account, database: Database):
    """Of a key of before there were purposes nobody knows what it was for: it gets one, once."""
    key = accounts.create_access_key(account.account_id, operator="guy", purpose="development")
    old = accounts.create_access_key(account.account_id, operator="guy")
    assert accounts.find_credential(old.access_key_id).purpose is None
    assert not accounts.bind_key(key.access_key_id, "photo-library")
    assert accounts.bind_key(old.access_key_id, "photo-library")
    assert not accounts.bind_key(old.access_key_id, "development")
    assert accounts.find_credential(key.access_key_id).purpose == key.purpose == "development"
    assert accounts.find_credential(old.access_key_id).purpose == "photo-library"
    listed = {each.access_key_id: each.purpose for each in accounts.list_access_keys(account.account_id)}
    assert listed == {key.access_key_id: "development", old.access_key_id: "photo-library"}
    bare = accounts.create_access_key(account.account_id, operator="guy")
    with database.transaction() as connection:
        session = accounts.create_session(connection, bare.access_key_id, 900)
    assert not accounts.bind_key(session.access_key_id, "development")


def test_a_session_attests_what_it_was_made_with_and_its_parent_does_not(
    accounts: Accounts, account: Account, database: Database
):
    """Every member of the claims comes back, and stands in the database sealed."""
    claims = Claims(
        case="C-77",
        source="cctv",
        consent="F-1",
        age="adult",
        live=True,
        authorization="W-1",
        exigent=True,
        offence_facts=True,
        probable_cause=True,
        beneficiary="1" * 12,
    )
    parent = accounts.create_access_key(account.account_id, operator="guy", purpose="development")
    with database.transaction() as connection:
        session = accounts.create_session(
            connection, parent.access_key_id, 900, purpose="photo-library", claims=claims
        )
        plain = accounts.create_session(connection, parent.access_key_id, 900)
        (row,) = connection.execute(
            "select k::text from access_key as k where access_key_id = %s", (session.access_key_id,)
        ).fetchone()
    found = accounts.find_credential(session.access_key_id)
    assert (found.purpose, found.claims) == ("photo-library", claims)
    found = accounts.find_credential(plain.access_key_id)
    assert (found.purpose, found.claims) == ("development", Claims())
    assert accounts.find_credential(parent.access_key_id).claims == Claims()
    assert "C-77" not in row
    assert b"C-77".hex() not in row


def test_claims_of_one_session_do_not_open_in_another(
    accounts: Accounts, account: Account, database: Database
):
    """Whoever can write to the database must not be able to lend one session another's case."""
    parent = accounts.create_access_key(account.account_id, operator="guy", purpose="development")
    with database.transaction() as connection:
        mine, other = (
            accounts.create_session(
                connection, parent.access_key_id, 900, purpose="development", claims=Claims(case=case)
            )
            for case in ("C-1", "C-2")
        )
        connection.execute(
            "update access_key set sealed_claims ="
            " (select sealed_claims from access_key where access_key_id = %s) where access_key_id = %s",
            (mine.access_key_id, other.access_key_id),
        )
    with pytest.raises(SetupError):
        accounts.find_credential(other.access_key_id)


def test_the_log_forgets_an_account_for_good_and_says_so(
    accounts: Accounts, account: Account, database: Database, key_store: KeyStore
):
    """Its entries stay, and nobody can tell whose they are."""
    before = AuditLog(key_store)
    pseudonym = before.keys.account(account.account_id).pseudonym("account", account.account_id)
    accounts.forget_in_log(account.account_id)
    assert events(database, key_store, account.account_id) == []
    with database.read() as connection:
        kept = connection.execute(
            "select count(*) from audit_event where account = %s", (pseudonym,)
        ).fetchone()
        told = connection.execute(
            "select count(*) from audit_event where position(%s::bytea in entry) > 0",
            (b'"account":"%s"' % pseudonym.hex().encode(),),
        ).fetchone()
    assert (kept, told) == ((1,), (2,))
