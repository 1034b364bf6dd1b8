from __future__ import annotations

import time
from dataclasses import replace

import pytest

import countenance
from countenance.errors import (
    AccessDeniedException,
    InvalidPaginationTokenException,
    ResourceNotFoundException,
)
from countenance.operations.caller import Caller


@pytest.fixture
def temporary_call(call):
    """A client that calls with temporary credentials."""
    made = call("GetSessionToken")["Credentials"]
    return replace(call, caller=replace(call.caller, access_key_id=made["AccessKeyId"]))


def test_the_caller_is_who_signed(call, account):
    assert call("GetCallerIdentity") == {
        "AccountId": account.account_id,
        "AccessKeyId": call.caller.access_key_id,
        "Operator": "tester",
        "Purpose": "development",
    }


def test_an_account_describes_itself(call, account):
    answer = call("DescribeAccount")
    assert abs(answer.pop("CreatedAt") - time.time()) < 60
    assert answer == {
        "AccountId": account.account_id,
        "Name": "Tester",
        "Standing": "good",
        "EffectiveStanding": "good",
        "Profile": "general",
        "IsHouse": account.is_house,
        "TermsAccepted": False,
        "TermsWanted": "acceptable-use 1.0",
        "Purposes": [],
        "Records": [],
        "Changes": [],
    }


def test_a_new_key_works_and_tells_its_secret_once(call, account):
    administrative = replace(call, caller=replace(call.caller, purpose=None))
    made = administrative("CreateAccessKey", Operator="night shift", Purpose="development")
    credential = call.accounts.find_credential(made["AccessKeyId"])
    assert (credential.account_id, credential.secret) == (account.account_id, made["SecretAccessKey"])
    assert made["Operator"] == "night shift"
    listed = call("ListAccessKeys")["AccessKeys"]
    assert {key["AccessKeyId"] for key in listed} == {call.caller.access_key_id, made["AccessKeyId"]}
    assert made["Purpose"] == "development"
    assert all(set(key) - {"Purpose"} == {"AccessKeyId", "Operator", "Status", "CreatedAt"} for key in listed)


def test_a_new_key_is_the_callers_operators_and_for_the_callers_purpose_unless_said_otherwise(call):
    made = call("CreateAccessKey")
    assert (made["Operator"], made["Purpose"]) == ("tester", "development")


def test_a_key_for_a_purpose_makes_no_keys_in_the_name_of_others(call):
    """Else training on record would be a matter of whose name one takes."""
    with pytest.raises(AccessDeniedException, match="makes no keys for other operators"):
        call("CreateAccessKey", Operator="somebody trained")


def test_a_revoked_key_is_listed_as_such_and_revoked_again_without_complaint(call):
    made = call("CreateAccessKey")["AccessKeyId"]
    for _ in range(2):
        assert call("RevokeAccessKey", AccessKeyId=made) == {}
    status = {key["AccessKeyId"]: key["Status"] for key in call("ListAccessKeys")["AccessKeys"]}
    assert status == {call.caller.access_key_id: "ACTIVE", made: "REVOKED"}


def test_keys_of_another_account_are_neither_seen_nor_revoked(call, other_call):
    theirs = other_call.caller.access_key_id
    with pytest.raises(ResourceNotFoundException):
        call("RevokeAccessKey", AccessKeyId=theirs)
    assert not call.accounts.find_credential(theirs).revoked
    assert [key["AccessKeyId"] for key in call("ListAccessKeys")["AccessKeys"]] == [call.caller.access_key_id]


def test_keys_have_pages(call, other_call):
    made = {call("CreateAccessKey")["AccessKeyId"], call.caller.access_key_id}
    first = call("ListAccessKeys", MaxResults=1)
    second = call("ListAccessKeys", NextToken=first["NextToken"])
    assert "NextToken" not in second
    assert {key["AccessKeyId"] for key in first["AccessKeys"] + second["AccessKeys"]} == made
    with pytest.raises(InvalidPaginationTokenException):
        other_call("ListAccessKeys", NextToken=first["NextToken"])


@pytest.mark.parametrize(("asked", "lasts_s"), [({}, 3600), ({"DurationSeconds": 900}, 900)])
def test_temporary_credentials_last_as_long_as_asked_for(call, asked, lasts_s):
    made = call("GetSessionToken", **asked)["Credentials"]
    assert made["AccessKeyId"].startswith("ASIA")
    assert made["Expiration"] - time.time() == pytest.approx(lasts_s, abs=60)
    credential = call.accounts.find_credential(made["AccessKeyId"])
    assert credential.secret == made["SecretAccessKey"]


def test_temporary_credentials_make_no_others(temporary_call):
    """Neither temporary nor lasting ones: what is temporary makes nothing that outlives it."""
    for operation in ("GetSessionToken", "CreateAccessKey"):
        with pytest.raises(AccessDeniedException):
            temporary_call(operation)
    assert isinstance(temporary_call.caller, Caller)


def test_health_names_the_version_and_the_packs(call):
    assert call("GetHealth") == {
        "Status": "OK",
        "Version": countenance.__version__,
        "DefaultFaceModelVersion": "1.0",
        "Packs": [
            {"Name": "fake-1.0", "FaceModelVersion": "1.0"},
            {"Name": "fake-2.0", "FaceModelVersion": "2.0"},
        ],
    }
