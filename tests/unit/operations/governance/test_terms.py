from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Governance
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.registry import OPERATIONS
from countenance.store import Database, UnitOfWork, migrate
from countenance.terms import load_terms

OFFICER = {"OfficerName": "Ada Lovelace", "OfficerRole": "data protection officer"}
BAD_DIGEST = "0" * 64


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
    """A client of the account that runs the server."""
    return client_of(client_of.accounts.create_account("House"))


@pytest.fixture
def with_terms(key_store, tmp_path):
    """Give a client's server further versions of the terms; their folder must not outlive the database."""
    folder = tmp_path / "terms"
    folder.mkdir()

    def give(call, **versions):
        for version, (published, grace_days) in versions.items():
            text = version.removeprefix("v").replace("_", ".")
            stem = folder / f"acceptable-use-{text}"
            stem.with_name(stem.name + ".md").write_text(f"# Version {text}")
            stem.with_name(stem.name + ".toml").write_text(
                f'document = "acceptable-use"\nversion = "{text}"\ntitle = "Acceptable use policy"\n'
                f"published = {published.isoformat()}\ngrace_days = {grace_days}\n"
            )
        return replace(call, governance=Governance.open(call.database, key_store, load_terms(folder)))

    return give


def accept(call, **changes):
    """As somebody does who has read the text."""
    read = call("GetTerms")
    return call("AcceptTerms", **({"Version": read["Version"], "Digest": read["Digest"]} | OFFICER | changes))


def accepted_by(call):
    return [each.officer for each in call.governance.acceptances.list(call.caller.account_id)]


def test_what_is_in_force_is_listed_with_its_digest_and_wanted(call):
    [terms], answer = call("ListTerms")["Terms"], call("ListTerms")
    document = load_terms().find("acceptable-use", terms["Version"])
    assert (answer["Accepted"], answer["Wanted"]) == (False, [str(document)])
    assert terms == {
        "Name": "acceptable-use",
        "Version": document.version_text,
        "Title": document.title,
        "Digest": document.digest,
        "PublishedOn": document.published.isoformat(),
        "InForce": True,
        "GraceDays": 30,
        "Changes": "first version",
        "Accepted": False,
    }


def test_the_text_is_read_as_it_is_accepted(call):
    """By default the version in force of the document that everybody accepts."""
    document = load_terms().find("acceptable-use")
    expected = {
        "Name": document.name,
        "Version": document.version_text,
        "Title": document.title,
        "Digest": document.digest,
        "Text": document.text,
        "PublishedOn": document.published.isoformat(),
    }
    assert call("GetTerms") == expected
    assert call("GetTerms", Name="acceptable-use", Version=document.version_text) == expected


@pytest.mark.parametrize("asked", [{"Name": "no-such-terms"}, {"Version": "9.9"}])
def test_terms_that_are_not_here_are_neither_read_nor_accepted(call, asked):
    with pytest.raises(ResourceNotFoundException, match="there are no terms"):
        call("GetTerms", **asked)
    with pytest.raises(ResourceNotFoundException, match="there are no terms"):
        call("AcceptTerms", **({"Version": "1.0", "Digest": BAD_DIGEST} | OFFICER | asked))


def test_an_acceptance_is_kept_with_who_it_was(call):
    answer = accept(call)
    assert answer["Accepted"] is True
    assert abs(answer["AcceptedAt"] - time.time()) < 60
    listed = call("ListTerms")
    [terms] = listed["Terms"]
    assert listed["Accepted"] is True
    assert "Wanted" not in listed
    assert terms["Accepted"] is True
    assert terms["AcceptedBy"] == "Ada Lovelace, data protection officer"
    assert terms["AcceptedAt"] == pytest.approx(answer["AcceptedAt"], abs=0.001)
    described = call("DescribeAccount")
    assert (described["TermsAccepted"], described["TermsWanted"]) == (True, "")


def test_an_acceptance_is_of_one_account(call, other_call):
    accept(call)
    assert other_call("ListTerms")["Accepted"] is False


def test_another_text_than_the_one_here_is_not_accepted(call):
    """Whoever read something else has not accepted this; the answer names the digest of what is here."""
    with pytest.raises(ConflictException, match=call("GetTerms")["Digest"]):
        accept(call, Digest=BAD_DIGEST)
    assert accepted_by(call) == []


def test_terms_are_accepted_again_by_the_next_officer(call):
    """Offices change hands: the newest acceptance is the one that is shown, the older ones stay."""
    accept(call)
    accept(call, OfficerName="Grace Hopper", OfficerRole="admiral")
    assert call("ListTerms")["Terms"][0]["AcceptedBy"] == "Grace Hopper, admiral"
    assert accepted_by(call) == ["Grace Hopper", "Ada Lovelace"]


@pytest.mark.parametrize("blank", ["OfficerName", "OfficerRole"])
def test_terms_are_accepted_by_somebody_with_a_name_and_a_role(call, blank):
    with pytest.raises(InvalidParameterException, match="name and a role"):
        accept(call, **{blank: " "})
    assert accepted_by(call) == []


def test_temporary_credentials_accept_nothing(call):
    """An acceptance outlives whatever was lent for an hour."""
    made = call("GetSessionToken")["Credentials"]
    temporary = replace(call, caller=replace(call.caller, access_key_id=made["AccessKeyId"]))
    with pytest.raises(AccessDeniedException, match="AcceptTerms with session credentials"):
        accept(temporary)
    assert accepted_by(call) == []


def test_the_first_acceptance_for_the_house_makes_its_first_officer_and_the_purpose_to_try_things(house):
    """Somebody has to be able to decide, or nobody could ever be approved for anything."""
    governance, account_id = house.governance, house.caller.account_id
    assert governance.officers.list() == []
    accept(house)
    [officer] = governance.officers.list()
    assert (officer.name, officer.role) == (OFFICER["OfficerName"], OFFICER["OfficerRole"])
    [request] = governance.grants.list(account_id)
    assert (request.purpose, request.status, request.approved_by) == (
        "development",
        "approved",
        ("Ada Lovelace",),
    )
    assert house("DescribeAccount")["Purposes"] == ["development"]


def test_a_later_acceptance_for_the_house_makes_no_officer(house):
    """Else whoever holds any key of the house could make themselves one."""
    accept(house)
    accept(house, OfficerName="Mallory", OfficerRole="nobody")
    assert [officer.name for officer in house.governance.officers.list()] == ["Ada Lovelace"]
    assert len(house.governance.grants.list(house.caller.account_id)) == 1


def test_an_acceptance_of_another_account_makes_no_officer_and_grants_nothing(house, client_of):
    customer = client_of(client_of.accounts.create_account("Customer"))
    accept(customer)
    assert customer.governance.officers.list() == []
    assert customer("DescribeAccount")["Purposes"] == []


def test_an_acceptance_that_is_rolled_back_has_made_nobody_an_officer(house):
    """One transaction with the call's record: a call that fails in the end has decided nothing."""
    read = house("GetTerms")
    request = {"Version": read["Version"], "Digest": read["Digest"], **OFFICER}
    with UnitOfWork(house.database) as work:
        assert OPERATIONS["countenance"]["AcceptTerms"](request, house.deps(work))["Accepted"] is True
    assert (house.governance.officers.list(), accepted_by(house)) == ([], [])
    assert house.governance.grants.list(house.caller.account_id) == []


def test_a_new_minor_version_asks_nobody(house, with_terms):
    today = datetime.now(UTC).date()
    accept(house)
    renewed = with_terms(house, v1_1=(today, 0))
    listed = renewed("ListTerms")
    assert listed["Accepted"] is True
    assert "Wanted" not in listed
    assert [(each["Version"], each["InForce"], each["Accepted"]) for each in listed["Terms"]] == [
        ("1.0", False, True),
        ("1.1", True, False),
    ]


def test_a_new_major_version_tells_its_deadline_while_the_last_acceptance_holds(house, with_terms):
    """Counted from when this server first had it: nobody is cut off by a text that they could not read."""
    today = datetime.now(UTC).date()
    accept(house)
    renewed = with_terms(house, v2_0=(today - timedelta(days=400), 10))
    listed = renewed("ListTerms")
    assert listed["Accepted"] is True
    ends = datetime.now(UTC) + timedelta(days=10)
    [wanted] = listed["Wanted"]
    assert wanted.startswith("acceptable-use 2.0, by ")
    told = wanted.removeprefix("acceptable-use 2.0, by ").replace(" UTC", "+00:00")
    assert abs(datetime.fromisoformat(told) - ends) < timedelta(minutes=5)
    assert accept(renewed)["Accepted"] is True
    assert "Wanted" not in renewed("ListTerms")


def test_without_grace_a_new_major_version_is_wanted_at_once(house, with_terms):
    accept(house)
    renewed = with_terms(house, v2_0=(datetime.now(UTC).date(), 0))
    listed = renewed("ListTerms")
    assert (listed["Accepted"], listed["Wanted"]) == (False, ["acceptable-use 2.0"])
    assert renewed("DescribeAccount")["TermsWanted"] == "acceptable-use 2.0"
    old = renewed("GetTerms", Version="1.0")
    assert accept(renewed, Version="1.0", Digest=old["Digest"])["Accepted"] is False
    assert accept(renewed)["Accepted"] is True


def test_a_version_may_be_accepted_before_it_is_in_force(house, with_terms):
    """So that nobody has to do it at midnight."""
    accept(house)
    renewed = with_terms(house, v2_0=(datetime.now(UTC).date() + timedelta(days=30), 0))
    coming = renewed("GetTerms", Version="2.0")
    assert renewed("GetTerms")["Version"] == "1.0"
    assert accept(renewed, Version="2.0", Digest=coming["Digest"])["Accepted"] is True
    listed = {each["Version"]: each for each in renewed("ListTerms")["Terms"]}
    assert (listed["2.0"]["InForce"], listed["2.0"]["Accepted"]) == (False, True)
