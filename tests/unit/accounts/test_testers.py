"""Testers: accounts of auditors, whose keys end with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from account_server import CLI
from countenance.accounts.testers import MOST_DAYS, Allowance
from countenance.errors import InvalidParameterException, ResourceNotFoundException

SOON = timedelta(days=30)


def add(server, name="Ada", organisation="State University", *, until=SOON, **allowance):
    return server.governance.testers.add(
        name,
        organisation,
        officer="Olga",
        expires_at=datetime.now(UTC) + until,
        limits=Allowance(**allowance),
        actor=CLI,
    )


def test_a_tester_has_an_account_and_a_key_of_its_own(server):
    """So nothing of anybody else is in its reach, and its log is its own."""
    key = add(server, samples_an_hour=7)
    tester = server.governance.testers.require(key.account_id)
    assert (tester.name, tester.organisation, tester.added_by) == ("Ada", "State University", "Olga")
    assert (tester.limits, tester.samples_taken) == (Allowance(samples_an_hour=7), 0)
    credential = server.accounts.find_credential(key.access_key_id)
    assert (credential.expires_at, credential.revoked) == (tester.expires_at, False)
    assert server.operations(key.account_id) == ["AddTester"]
    assert "AddTester" in server.operations(server.governance.officers.house())


def test_policy_is_told_who_is_a_tester(server):
    key, other = add(server), server.account()
    facts = server.governance.facts

    def is_tester(account_id):
        with facts.reading() as connection:
            read = facts.read(connection, account_id, operator="x", beneficiary=None, now=datetime.now(UTC))
        return read.account.tester

    assert is_tester(key.account_id)
    assert not is_tester(other)
    server.governance.testers.revoke(key.account_id, officer="Olga", actor=CLI)
    assert is_tester(key.account_id)  # an account never becomes one that may do more


def test_every_key_of_a_tester_ends_with_it(server):
    """Also one that is made later, by whomever."""
    key = add(server)
    second = server.accounts.create_access_key(key.account_id, operator="x", purpose="development")
    tester = server.governance.testers.require(key.account_id)
    assert server.accounts.find_credential(second.access_key_id).expires_at == tester.expires_at
    server.governance.testers.revoke(key.account_id, officer="Olga", actor=CLI)
    third = server.accounts.create_access_key(key.account_id, operator="x")
    for each in (key, second, third):
        assert server.accounts.find_credential(each.access_key_id).revoked
    assert server.operations(key.account_id)[-2:-1] == ["RevokeTester"]


def test_no_key_with_an_end_of_its_own_outlives_its_tester(server):
    """A tester makes no sessions; should there be one, it ends with whichever end is first."""
    key = add(server, until=timedelta(minutes=10))
    tester = server.governance.testers.require(key.account_id)
    ends = {}
    for seconds in (900, 60):
        with server.database.transaction() as connection:
            session = server.accounts.create_session(connection, key.access_key_id, seconds)
        ends[seconds] = server.accounts.find_credential(session.access_key_id).expires_at
    assert ends[900] == tester.expires_at
    assert ends[60] < tester.expires_at


def test_keys_of_others_end_with_nobody(server):
    """The one query that all credentials come from must not end those of production."""
    add(server)
    key = server.accounts.create_access_key(server.account(), operator="x")
    found = server.accounts.find_credential(key.access_key_id)
    assert (found.expires_at, found.revoked) == (None, False)


def test_a_status_is_of_a_moment(server):
    key = add(server)
    tester = server.governance.testers.require(key.account_id)
    assert tester.status(datetime.now(UTC)) == "ACTIVE"
    assert tester.status(tester.expires_at) == "EXPIRED"
    server.governance.testers.revoke(key.account_id, officer="Olga", actor=CLI)
    assert server.governance.testers.require(key.account_id).status(datetime.now(UTC)) == "REVOKED"


@pytest.mark.parametrize(
    "given",
    [
        {"name": " "},
        {"organisation": ""},
        {"name": "n" * 129},
        {"until": timedelta(seconds=-1)},
        {"until": timedelta(days=MOST_DAYS, minutes=1)},
        {"samples_an_hour": 0},
        {"most_samples": 0},
        {"tests_at_once": 0},
    ],
)
def test_what_makes_no_sense_adds_nobody(server, given):
    before = len(server.governance.testers.list())
    with pytest.raises(InvalidParameterException):
        add(server, **given)
    assert len(server.governance.testers.list()) == before


def test_before_there_is_a_house_there_is_no_tester(empty_server):
    with pytest.raises(ResourceNotFoundException, match="no account of its own"):
        add(empty_server)


def test_who_is_no_tester_is_not_revoked(server):
    with pytest.raises(ResourceNotFoundException, match="there is no tester"):
        server.governance.testers.revoke(server.account(), officer="Olga", actor=CLI)
