from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest

from countenance.accounts import Actor
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    SetupError,
)
from countenance.facts import Claims
from countenance.operations.whose import ALL
from countenance.policy import load_purposes
from countenance.store import Database, migrate
from governed import OFFICERS

OLGA, OTTO = OFFICERS
SOMETHING = "we look for people who are missing"


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
    """A client of the account that runs the server; no officer's."""
    return client_of(client_of.accounts.create_account("House"))


@pytest.fixture
def officer(client_of):
    """Make a client of an officer of that name."""

    def make(name=OLGA, account=None):
        office = account or client_of.accounts.create_account("Office")
        client_of.governance.officers.add(office.account_id, name, "officer", actor=Actor("test"))
        return client_of(office, officer=name, purpose=None)

    return make


def entries(call, operation):
    """What the account's own log has of an operation, the newest first."""
    with call.database.read() as connection:
        found = call.audit.list_latest(connection, call.caller.account_id)
    return [entry for entry in found if entry.members["operation"] == operation]


def ask(call, purpose="photo-library"):
    return call("RequestPurpose", Purpose=purpose, Justification=SOMETHING)["RequestId"]


def decide(officer, request_id, decision="approve"):
    return officer("DecidePurposeRequest", RequestId=request_id, Decision=decision, Reason="looked at it")


def status_of(call, request_id):
    return {each["RequestId"]: each["Status"] for each in call("ListPurposeRequests")["Requests"]}[request_id]


# ListPurposes


def test_the_whole_catalogue_is_listed_with_its_bounds(call):
    listed = {each["Name"]: each for each in call("ListPurposes")["Purposes"]}
    catalogue = load_purposes()
    assert list(listed) == list(catalogue)
    for name, purpose in catalogue.items():
        told = listed[name]
        assert told["Operations"] == list(purpose.operations)
        assert told["Attributes"] == list(purpose.attributes)
        assert told["Profiles"] == list(purpose.profiles)
        assert told["Requires"] == sorted(purpose.requires)
        assert told["MinimumThreshold"] == purpose.minimum_threshold
        assert told["FpirBudget"] == pytest.approx(purpose.fpir_budget)
        assert (told["MaximumCandidates"], told["FaceCap"], told["CallsPerHour"]) == (
            purpose.maximum_candidates,
            purpose.face_cap,
            purpose.calls_per_hour,
        )
        assert told.get("RetentionDays") == purpose.retention_days
        assert (told["Risk"], told["Approvals"]) == (purpose.risk, purpose.approvals)
        assert "Status" not in told


def test_the_list_tells_what_the_account_has_of_it(call, other_call, officer):
    decide(officer(), ask(call, "photo-library"))
    ask(call, "research")
    decide(officer(), ask(call, "accessibility"), "refuse")
    status = {each["Name"]: each.get("Status") for each in call("ListPurposes")["Purposes"]}
    assert (status["photo-library"], status["research"], status["accessibility"]) == (
        "approved",
        "pending",
        None,
    )
    assert not any("Status" in each for each in other_call("ListPurposes")["Purposes"])


def test_an_approval_past_its_end_is_none(call, officer):
    """The list says what the next call would say."""
    request = ask(call, "photo-library")
    decide(officer(), request)
    with call.database.transaction() as connection:
        connection.execute(
            "update purpose_request set expires_at = clock_timestamp() where request_id = %s", (request,)
        )
    [told] = [each for each in call("ListPurposes")["Purposes"] if each["Name"] == "photo-library"]
    assert "Status" not in told


# RequestPurpose


def test_a_purpose_that_is_asked_for_waits_for_people(call):
    answer = call("RequestPurpose", Purpose="missing-persons", Justification=f" {SOMETHING} ")
    assert (answer["Status"], answer["ApprovalsNeeded"]) == ("pending", 2)
    [request] = call("ListPurposeRequests")["Requests"]
    assert abs(request.pop("RequestedAt") - time.time()) < 60
    assert request == {
        "RequestId": answer["RequestId"],
        "AccountId": call.caller.account_id,
        "Purpose": "missing-persons",
        "Justification": SOMETHING,
        "RequestedBy": "tester",
        "Status": "pending",
        "ApprovedBy": [],
    }
    assert call("DescribeAccount")["Purposes"] == []


@pytest.mark.parametrize("name", ["immigration-enforcement", "law-enforcement", "marketing", "Development"])
@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("RequestPurpose", {"Justification": SOMETHING}),
        ("AssumePurpose", {}),
        ("CreateAccessKey", {}),
    ],
)
def test_outside_the_catalogue_there_is_nothing(call, name, operation, more):
    """The refusal says what there is, and what Countenance is not for: nobody has to guess on."""
    with pytest.raises(InvalidParameterException) as caught:
        call(operation, Purpose=name, **more)
    message = str(caught.value)
    assert f"`{name}` is no purpose that Countenance is for" in message
    assert "the catalogue is closed" in message
    for known in load_purposes():
        assert known in message
    for not_for in ("immigration enforcement", "gatherings", "religion", "politics", "origin"):
        assert not_for in message


def test_what_is_asked_for_or_approved_is_not_asked_for_twice(call, officer):
    request_id = ask(call)
    with pytest.raises(ConflictException, match="has asked for `photo-library` already"):
        ask(call)
    decide(officer(), request_id)
    with pytest.raises(ConflictException):
        ask(call)


@pytest.mark.parametrize("end", [["refuse"], ["approve", "withdraw"]])
def test_what_was_refused_or_withdrawn_may_be_asked_for_again(call, officer, end):
    first = ask(call)
    for decision in end:
        decide(officer(), first, decision)
    assert ask(call) != first
    assert len(call("ListPurposeRequests")["Requests"]) == 2


def test_a_request_says_why(call):
    with pytest.raises(InvalidParameterException, match="Justification"):
        call("RequestPurpose", Purpose="research", Justification=" ")


# ListPurposeRequests


def test_only_officers_see_what_others_asked_for(call, other_call, officer):
    theirs = ask(other_call)
    other = other_call.caller.account_id
    for asked in (other, ALL):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            call("ListPurposeRequests", AccountId=asked)
    assert call("ListPurposeRequests")["Requests"] == []
    assert call("ListPurposeRequests", AccountId=call.caller.account_id)["Requests"] == []
    [seen] = officer()("ListPurposeRequests", AccountId=other)["Requests"]
    assert (seen["RequestId"], seen["AccountId"]) == (theirs, other)
    mine = ask(call)
    everybodys = [each["RequestId"] for each in officer()("ListPurposeRequests", AccountId=ALL)["Requests"]]
    assert everybodys[:2] == [mine, theirs]  # the newest first


# DecidePurposeRequest


def test_an_approval_is_an_officers(call, other_call):
    request_id = ask(call)
    for client in (call, other_call):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            decide(client, request_id)
    assert status_of(call, request_id) == "pending"


def test_one_officer_approves_what_takes_one(call, officer):
    request_id = ask(call)
    assert decide(officer(), request_id) == {
        "Status": "approved",
        "ApprovalsNeeded": 1,
        "ApprovedBy": [OLGA],
    }
    [request] = call("ListPurposeRequests")["Requests"]
    assert (request["Status"], request["ApprovedBy"]) == ("approved", [OLGA])
    assert abs(request["DecidedAt"] - time.time()) < 60
    assert call("DescribeAccount")["Purposes"] == ["photo-library"]
    [entry] = entries(call, "DecidePurposeRequest")
    [told] = entry.openings["resource"]
    assert told.value == f"photo-library approve by {OLGA}"  # it stands in the account's own log


def test_two_officers_approve_what_takes_two(call, officer):
    """The same one twice is one."""
    request_id = ask(call, "missing-persons")
    assert decide(officer(OLGA), request_id) == {
        "Status": "pending",
        "ApprovalsNeeded": 2,
        "ApprovedBy": [OLGA],
    }
    with pytest.raises(ConflictException, match=f"`{OLGA}` has said so already.*takes 2 officers"):
        decide(officer(OLGA), request_id)
    assert call("DescribeAccount")["Purposes"] == []
    assert decide(officer(OTTO), request_id)["ApprovedBy"] == [OLGA, OTTO]
    assert call("DescribeAccount")["Purposes"] == ["missing-persons"]


def test_one_refusal_refuses(call, officer):
    request_id = ask(call, "missing-persons")
    decide(officer(OLGA), request_id)
    assert decide(officer(OTTO), request_id, "refuse")["Status"] == "refused"
    assert status_of(call, request_id) == "refused"
    with pytest.raises(ConflictException, match="the request is refused"):
        decide(officer("Third"), request_id)
    assert call("DescribeAccount")["Purposes"] == []


def test_one_officer_withdraws_what_was_approved_and_nothing_else(call, officer):
    request_id = ask(call)
    with pytest.raises(ConflictException, match="is pending"):
        decide(officer(), request_id, "withdraw")
    decide(officer(), request_id)
    with pytest.raises(ConflictException, match="is approved"):
        decide(officer(OTTO), request_id)
    assert decide(officer(), request_id, "withdraw")["Status"] == "withdrawn"
    assert call("DescribeAccount")["Purposes"] == []


def test_what_nobody_asked_for_is_not_decided(officer):
    with pytest.raises(ResourceNotFoundException, match="there is no request"):
        decide(officer(), str(uuid.uuid4()))


def test_for_the_house_two_officers_approve_what_is_of_more_than_low_risk(house, officer):
    """Nobody says alone what they themselves may do; to try things one is enough."""
    account = house.accounts.require_account(house.caller.account_id)
    olga, otto = officer(OLGA, account), officer(OTTO, account)
    assert decide(olga, ask(olga, "photo-library"))["Status"] == "approved"
    asked = olga("RequestPurpose", Purpose="research", Justification=SOMETHING)
    assert asked["ApprovalsNeeded"] == 2
    assert decide(olga, asked["RequestId"]) == {
        "Status": "pending",
        "ApprovalsNeeded": 2,
        "ApprovedBy": [OLGA],
    }
    assert decide(otto, asked["RequestId"])["Status"] == "approved"


# AssumePurpose


def assume(call, purpose="missing-persons", **told):
    return call("AssumePurpose", Purpose=purpose, **told)["Credentials"]


def credential(call, made):
    return call.accounts.find_credential(made["AccessKeyId"])


def test_a_purpose_is_taken_on_for_a_while(call):
    answer = call("AssumePurpose", Purpose="photo-library")
    made = answer["Credentials"]
    assert answer["Purpose"] == "photo-library"
    assert made["AccessKeyId"].startswith("ASIA")
    assert made["Expiration"] - time.time() == pytest.approx(3600, abs=60)
    found = credential(call, made)
    assert (found.account_id, found.operator, found.secret) == (
        call.caller.account_id,
        "tester",
        made["SecretAccessKey"],
    )
    assert (found.purpose, found.claims) == ("photo-library", Claims())
    assert assume(call, DurationSeconds=900)["Expiration"] - time.time() == pytest.approx(900, abs=60)


def test_what_a_session_attests_is_sealed_and_read_back(call):
    """A case, and for whom it is, are nobody's business who reads the database."""
    told = {
        "Case": "MP-2026/4711",
        "Source": "relative",
        "ConsentReference": "consent of the family, folder 12",
        "AgeAttestation": "minor",
        "Capture": "live",
        "AuthorizationReference": "order of the court of 3 May",
        "Exigent": True,
        "OffenceFacts": True,
        "ProbableCause": True,
        "OnBehalfOf": call.caller.account_id,
    }
    made = assume(call, **told)
    assert credential(call, made).claims == Claims(
        case="MP-2026/4711",
        source="relative",
        consent="consent of the family, folder 12",
        age="minor",
        live=True,
        authorization="order of the court of 3 May",
        exigent=True,
        offence_facts=True,
        probable_cause=True,
        beneficiary=call.caller.account_id,
    )
    with call.database.read() as connection:
        [sealed, *others] = connection.execute(
            "select sealed_claims, purpose, operator, sealed_secret::text from access_key"
            " where access_key_id = %s",
            (made["AccessKeyId"],),
        ).fetchone()
    for secret in (b"4711", b"MP-2026", b"relative", b"family", b"court"):
        assert secret not in bytes(sealed)
        assert not any(secret.decode() in text for text in others)


def test_claims_of_one_session_are_not_those_of_another(call):
    """Sealed for their key: moved to another row, they do not open."""
    one, other = assume(call, Case="MP-1"), assume(call, Case="MP-2")
    with call.database.transaction() as connection:
        connection.execute(
            "update access_key set sealed_claims = (select sealed_claims from access_key"
            " where access_key_id = %s) where access_key_id = %s",
            (one["AccessKeyId"], other["AccessKeyId"]),
        )
    with pytest.raises(SetupError, match="does not open"):
        credential(call, other)
    assert credential(call, one).claims.case == "MP-1"


def test_a_session_ends_with_the_key_that_it_came_from(call):
    made = assume(call)
    call("RevokeAccessKey", AccessKeyId=call.caller.access_key_id)
    assert credential(call, made).revoked


def test_a_session_makes_no_session(call):
    temporary = replace(call, caller=replace(call.caller, access_key_id=assume(call)["AccessKeyId"]))
    with pytest.raises(AccessDeniedException, match="Cannot call AssumePurpose with session credentials"):
        assume(temporary)


def test_an_officer_who_takes_on_a_purpose_is_no_officer_in_it(house, client_of):
    """Nobody decides with credentials that were made to handle faces."""
    account_id = house.caller.account_id
    client_of.governance.officers.add(account_id, OLGA, "officer", actor=Actor("test"))
    key = house.accounts.create_access_key(account_id, operator=OLGA, officer=OLGA)
    caller = replace(house.caller, access_key_id=key.access_key_id, officer=OLGA, purpose=None)
    olga = replace(house, caller=caller)
    assert house.accounts.find_credential(key.access_key_id).officer == OLGA
    assert credential(olga, olga("GetSessionToken")["Credentials"]).officer == OLGA
    assert credential(olga, assume(olga, "development")).officer is None


def test_calls_are_for_oneself_or_for_whom_one_acts(call, other_call):
    """Once the other side has said so as well: nobody is made answerable by somebody else's word."""
    mine, other = call.caller.account_id, other_call.caller.account_id
    assert credential(call, assume(call, OnBehalfOf=mine)).claims.beneficiary == mine
    refused = pytest.raises(AccessDeniedException, match=f"does not act for `{other}`")
    with refused:
        assume(call, OnBehalfOf=other)
    relation = call("DeclareRelation", Kind="acts_for", AccountId=other)["RelationId"]
    with refused:
        assume(call, OnBehalfOf=other)
    other_call("ConfirmRelation", RelationId=relation)
    assert credential(call, assume(call, OnBehalfOf=other)).claims.beneficiary == other
    with pytest.raises(AccessDeniedException):  # not the other way round
        assume(other_call, OnBehalfOf=mine)
    call("EndRelation", RelationId=relation)
    with refused:
        assume(call, OnBehalfOf=other)


def test_a_supplier_does_not_act_for_its_customer(call, other_call):
    asked = {"Kind": "supplied_by", "AccountId": other_call.caller.account_id}
    other_call("ConfirmRelation", RelationId=call("DeclareRelation", **asked)["RelationId"])
    for client, other in ((call, other_call), (other_call, call)):
        with pytest.raises(AccessDeniedException, match="DeclareRelation"):
            assume(client, OnBehalfOf=other.caller.account_id)
