from __future__ import annotations

import time
from dataclasses import replace

import pytest

from countenance.accounts import Actor
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import Database, migrate
from governed import OFFICERS

OLGA, OTTO = OFFICERS
NOBODY = "999999999999"


@pytest.fixture
def database(request, database):
    """The session's; one of its own for a test that asks for the house, a server's first account."""
    if "house" not in request.fixturenames:
        yield database
        return
    with Database(request.getfixturevalue("empty_database_url"), max_connections=4) as own:
        migrate(own)
        yield own


@pytest.fixture
def house(client_of):
    """The account that runs the server."""
    return client_of.accounts.create_account("House")


@pytest.fixture
def officer(client_of):
    """Make a client of an officer of that name."""

    def make(name=OLGA, account=None):
        office = account or client_of.accounts.create_account("Office")
        client_of.governance.officers.add(office.account_id, name, "officer", actor=Actor("test"))
        return client_of(office, officer=name, purpose=None)

    return make


def change(client, call, standing, reason="a test"):
    return client("ChangeStanding", AccountId=call.caller.account_id, Standing=standing, Reason=reason)


def newest(call):
    """The newest entry of the account's own log."""
    with call.database.read() as connection:
        return call.audit.list_latest(connection, call.caller.account_id)[0]


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("ListAccounts", {}),
        ("CreateAccount", {"Name": "Mine"}),
        ("ChangeStanding", {"AccountId": NOBODY, "Standing": "suspended", "Reason": "a test"}),
    ],
)
def test_only_officers_decide(call, operation, request_):
    """Policy asked already (CORE-004); what decides asks again."""
    with pytest.raises(AccessDeniedException, match="CORE-004"):
        call(operation, **request_)


def test_officers_see_any_account_and_others_their_own(call, other_call, officer):
    other = other_call.caller.account_id
    with pytest.raises(AccessDeniedException, match="CORE-004"):
        call("DescribeAccount", AccountId=other)
    assert call("DescribeAccount", AccountId=call.caller.account_id)["Name"] == "Tester"
    assert officer()("DescribeAccount", AccountId=other)["Name"] == "Other"
    with pytest.raises(ResourceNotFoundException):
        officer()("DescribeAccount", AccountId=NOBODY)


def test_whether_an_account_is_here_is_told_to_officers_alone(call, other_call):
    """An id that is nobody's is answered as one that is somebody's."""
    told = []
    for asked in (other_call.caller.account_id, NOBODY):
        with pytest.raises(AccessDeniedException) as caught:
            call("DescribeAccount", AccountId=asked)
        told.append(str(caught.value))
    assert told[0] == told[1]


# ListAccounts


def test_every_account_is_listed_with_how_it_stands(house, client_of, officer):
    customer = client_of.accounts.create_account("Customer", profile="research")
    olga = officer(OLGA, house)
    change(olga, client_of(customer), "restricted")
    listed = {each["AccountId"]: each for each in olga("ListAccounts")["Accounts"]}
    assert list(listed) == sorted(listed)
    assert set(listed) == {house.account_id, customer.account_id}
    told = listed[customer.account_id]
    assert abs(told.pop("CreatedAt") - time.time()) < 60
    assert told == {
        "AccountId": customer.account_id,
        "Name": "Customer",
        "Standing": "restricted",
        "EffectiveStanding": "restricted",
        "Profile": "research",
        "IsHouse": False,
    }
    assert listed[house.account_id]["IsHouse"] is True


# CreateAccount


def test_a_new_account_has_a_key_that_moves_no_face_yet(officer):
    olga = officer()
    made = olga("CreateAccount", Name="City Museum", Profile="public_body", Operator="night shift")
    found = olga.accounts.find_credential(made["AccessKeyId"])
    assert (found.account_id, found.secret) == (made["AccountId"], made["SecretAccessKey"])
    assert (found.operator, found.purpose, found.officer) == ("night shift", None, None)
    account = olga.accounts.require_account(made["AccountId"])
    assert (account.name, account.profile, account.standing, account.is_house) == (
        "City Museum",
        "public_body",
        "good",
        False,
    )
    assert olga("DescribeAccount", AccountId=made["AccountId"])["TermsAccepted"] is False


def test_a_new_account_is_general_unless_said_otherwise_and_its_log_begins_with_its_making(officer):
    olga = officer()
    made = olga("CreateAccount", Name="Somebody")
    assert olga.accounts.require_account(made["AccountId"]).profile == "general"
    with olga.database.read() as connection:
        [entry] = olga.audit.list_latest(connection, made["AccountId"])
    assert (entry.members["operation"], entry.members["previous"]) == (
        "CreateAccount",
        str(olga.caller.event_id),
    )


# ChangeStanding


def test_a_change_is_at_once_and_told_to_the_account_with_who_and_why(call, officer):
    answer = change(officer(), call, "suspended", reason=" complaints of the people photographed ")
    assert answer == {
        "AccountId": call.caller.account_id,
        "Standing": "suspended",
        "Proposed": False,
    }
    described = call("DescribeAccount")
    assert (described["Standing"], described["EffectiveStanding"]) == ("suspended", "suspended")
    [step] = described["Changes"]
    assert abs(step.pop("At") - time.time()) < 60
    entry = newest(call)
    assert step == {
        "From": "good",
        "To": "suspended",
        "Reason": "complaints of the people photographed",
        "DecidedBy": OLGA,
        "EventId": str(entry.event_id),
    }
    assert entry.members["operation"] == "ChangeStanding"
    assert entry.members["standing"] == {"from": "good", "to": "suspended"}


def test_a_change_is_one_and_of_an_account_that_is_here(call, officer):
    change(officer(), call, "restricted")
    with pytest.raises(ConflictException, match="is restricted already"):
        change(officer(), call, "restricted")
    with pytest.raises(ResourceNotFoundException, match=NOBODY):
        officer()("ChangeStanding", AccountId=NOBODY, Standing="suspended", Reason="a test")
    with pytest.raises(InvalidParameterException, match="Reason"):
        change(officer(), call, "good", reason=" ")
    with pytest.raises(InvalidParameterException, match="becomes pending"):
        change(officer(), call, "pending")
    assert len(call("DescribeAccount")["Changes"]) == 1


def test_a_termination_takes_two_officers(call, officer):
    """The first one's word is kept and does nothing; the same word twice is one."""
    assert change(officer(OLGA), call, "terminated", reason="enough") == {
        "AccountId": call.caller.account_id,
        "Standing": "good",
        "Proposed": True,
    }
    assert call("DescribeAccount")["Standing"] == "good"
    entry = newest(call)
    assert (entry.members["operation"], entry.opened("resource")) == ("ProposeTermination", "enough")
    with pytest.raises(ConflictException, match="another officer's word"):
        change(officer(OLGA), call, "terminated")
    assert call("DescribeAccount")["Standing"] == "good"
    assert change(officer(OTTO), call, "terminated", reason="I agree") == {
        "AccountId": call.caller.account_id,
        "Standing": "terminated",
        "Proposed": False,
    }
    [step] = call("DescribeAccount")["Changes"]
    assert (step["DecidedBy"], step["SecondOfficer"], step["Reason"]) == (OLGA, OTTO, "I agree")


def test_another_decision_takes_a_proposal_back(call, officer):
    """What was proposed of one state of things is not carried out in another."""
    change(officer(OLGA), call, "terminated")
    change(officer(OLGA), call, "suspended")
    assert change(officer(OTTO), call, "terminated")["Proposed"] is True
    assert call("DescribeAccount")["Standing"] == "suspended"


def test_what_is_terminated_is_not_proposed_for_it_again(call, officer):
    for name in OFFICERS:
        change(officer(name), call, "terminated")
    for name in OFFICERS:
        with pytest.raises(ConflictException, match="is terminated already"):
            change(officer(name), call, "terminated")


def test_the_word_of_an_officer_who_has_gone_is_none(call, officer):
    """A termination takes two who may decide now."""
    change(officer(OLGA), call, "terminated")
    call.governance.officers.remove(call.caller.account_id, OLGA, actor=Actor("test"))
    assert change(officer(OTTO), call, "terminated")["Proposed"] is True
    assert call("DescribeAccount")["Standing"] == "good"


def test_the_house_is_not_changed_by_its_own_officers(house, officer, client_of):
    """Else one officer could take the keys from all the others, and nobody could give them back."""
    olga = officer(OLGA, house)
    for standing in ("restricted", "suspended", "terminated"):
        with pytest.raises(InvalidParameterException, match="the house's own account"):
            change(olga, client_of(house), standing)
    assert client_of(house)("DescribeAccount")["Changes"] == []


def test_an_officers_key_is_named_as_such(call, client_of):
    account = client_of.accounts.require_account(call.caller.account_id)
    client = client_of(account, officer=OLGA, purpose=None)
    told = client("GetCallerIdentity")
    assert (told["Officer"], "Purpose" in told) == (OLGA, False)
    assert "Officer" not in replace(client, caller=replace(client.caller, officer=None))("GetCallerIdentity")
