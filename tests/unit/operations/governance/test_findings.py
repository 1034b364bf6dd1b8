from __future__ import annotations

import json
import time
import uuid
from datetime import timedelta

import pytest

from countenance.accounts import Actor
from countenance.conduct.findings import DECIDED_WITHIN
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.whose import ALL
from governed import OFFICERS

OLGA, OTTO = OFFICERS
NOBODY = "999999999999"
EVENTS = ["cc5a3315-c2c0-494c-bc0a-f82211d9ac08"]


@pytest.fixture
def officer(client_of):
    """Make a client of an officer of that name."""
    office = client_of.accounts.create_account("Office")

    def make(name=OLGA):
        client_of.governance.officers.add(office.account_id, name, "officer", actor=Actor("test"))
        return client_of(office, officer=name, purpose=None)

    return make


def account_of(client):
    return client.caller.account_id


def open_finding(officer, call, severity="restrict", **more):
    told = {"AccountId": account_of(call), "Severity": severity, "Summary": "searches without a case"}
    return officer("OpenFinding", **told | more)["FindingId"]


def decide(officer, finding, decision, reason="looked at it"):
    return officer("DecideFinding", FindingId=finding, Decision=decision, Reason=reason)


def standing(call):
    return call("DescribeAccount")["Standing"]


def suspend(officer, call):
    officer("ChangeStanding", AccountId=account_of(call), Standing="suspended", Reason="a test")


def appeal(call, statement="It was only a test."):
    return call("SubmitAppeal", Statement=statement)["AppealId"]


def decide_appeal(officer, appeal_id, decision="grant"):
    return officer("DecideAppeal", AppealId=appeal_id, Decision=decision, Reason="heard both sides")


# Who may do and see what


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("OpenFinding", {"AccountId": NOBODY, "Severity": "notice", "Summary": "x"}),
        ("DecideFinding", {"FindingId": EVENTS[0], "Decision": "lift", "Reason": "x"}),
        ("ScanForFindings", {}),
        ("DecideAppeal", {"AppealId": EVENTS[0], "Decision": "grant", "Reason": "x"}),
    ],
)
def test_only_officers_decide(call, operation, request_):
    with pytest.raises(AccessDeniedException, match="CORE-004"):
        call(operation, **request_)


@pytest.mark.parametrize(("operation", "member"), [("ListFindings", "Findings"), ("ListAppeals", "Appeals")])
def test_an_account_sees_its_own_and_officers_see_any(call, other_call, officer, operation, member):
    olga = officer()
    open_finding(olga, call)
    appeal(call)
    for asked in (account_of(call), ALL):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            other_call(operation, AccountId=asked)
    assert other_call(operation)[member] == []
    [own] = call(operation)[member]
    assert call(operation, AccountId=account_of(call))[member] == [own]
    assert olga(operation, AccountId=account_of(call))[member] == [own]
    assert own in olga(operation, AccountId=ALL)[member]
    assert olga(operation)[member] == []


# Findings


def test_a_finding_of_an_officers_acts_at_once_and_is_told_to_the_account(call, officer):
    finding = open_finding(officer(), call, EventIds=EVENTS)
    [listed] = call("ListFindings")["Findings"]
    found_at = listed.pop("FoundAt")
    assert abs(found_at - time.time()) < 60
    assert listed.pop("DecideBy") - found_at == pytest.approx(DECIDED_WITHIN / timedelta(seconds=1), abs=60)
    assert json.loads(listed.pop("Evidence")) == {"events": EVENTS}
    assert listed == {
        "FindingId": finding,
        "AccountId": account_of(call),
        "Detector": f"officer:{OLGA}",
        "Severity": "restrict",
        "Summary": "searches without a case",
        "Status": "open",
    }
    described = call("DescribeAccount")
    assert described["Standing"] == "restricted"
    assert (described["Changes"][0]["FindingId"], described["Changes"][0]["DecidedBy"]) == (finding, OLGA)


@pytest.mark.parametrize(
    ("severity", "follows"), [("notice", "good"), ("restrict", "restricted"), ("suspend", "suspended")]
)
def test_how_grave_it_is_says_what_follows(call, officer, severity, follows):
    open_finding(officer(), call, severity)
    assert standing(call) == follows


def test_a_finding_is_against_an_account_that_is_here_and_says_what_was_found(call, officer):
    with pytest.raises(ResourceNotFoundException, match=NOBODY):
        open_finding(officer(), call, AccountId=NOBODY)
    with pytest.raises(InvalidParameterException, match="Summary"):
        open_finding(officer(), call, Summary=" ")
    assert (call("ListFindings")["Findings"], standing(call)) == ([], "good")


@pytest.mark.parametrize(
    ("decision", "status", "follows"), [("confirm", "confirmed", "suspended"), ("lift", "lifted", "good")]
)
def test_a_person_decides_about_a_finding_once(call, officer, decision, status, follows):
    finding = open_finding(officer(), call, "suspend")
    assert decide(officer(OTTO), finding, decision) == {"Status": status}
    [listed] = call("ListFindings")["Findings"]
    assert (listed["Status"], listed["DecidedBy"], listed["Reason"]) == (status, OTTO, "looked at it")
    assert abs(listed["DecidedAt"] - time.time()) < 60
    assert standing(call) == follows
    for again in ("confirm", "lift"):
        with pytest.raises(ConflictException, match=f"was {status} by `{OTTO}`"):
            decide(officer("Theo Third"), finding, again)


def test_whoever_opened_a_finding_may_take_it_back_and_does_not_confirm_it(call, officer):
    """Nobody accuses and judges."""
    finding = open_finding(officer(OLGA), call)
    with pytest.raises(AccessDeniedException, match="another officer of this server must confirm it"):
        decide(officer(OLGA), finding, "confirm")
    assert call("ListFindings")["Findings"][0]["Status"] == "open"
    asked = [len(call("ListFindings", Status=each)["Findings"]) for each in ("open", "confirmed", "lifted")]
    assert asked == [1, 0, 0]
    assert decide(officer(OLGA), finding, "lift") == {"Status": "lifted"}
    assert standing(call) == "good"


def test_a_decision_about_a_finding_says_why_and_is_about_one_that_is_there(call, officer):
    finding = open_finding(officer(), call)
    with pytest.raises(InvalidParameterException, match="Reason"):
        decide(officer(), finding, "lift", " ")
    with pytest.raises(ResourceNotFoundException, match="there is no finding"):
        decide(officer(), str(uuid.uuid4()), "lift")
    assert standing(call) == "restricted"


def test_what_was_found_and_decided_stands_in_the_log_of_the_account(call, officer):
    finding = open_finding(officer(), call)
    decide(officer(OTTO), finding, "lift")
    with call.database.read() as connection:
        entries = call.audit.list_latest(connection, account_of(call))
    told = [
        (entry.members["operation"], entry.members.get("finding"), entry.members.get("standing"))
        for entry in entries
        if entry.members["operation"] in {"OpenFinding", "DecideFinding", "ChangeStanding"}
    ]
    restricted, good = {"from": "good", "to": "restricted"}, {"from": "restricted", "to": "good"}
    assert sorted(told, key=str) == sorted(
        [
            ("OpenFinding", finding, None),
            ("ChangeStanding", finding, restricted),
            ("DecideFinding", finding, None),
            ("ChangeStanding", finding, good),
        ],
        key=str,
    )


def test_detectors_can_be_run_now_by_officers(call, officer):
    """They find nothing about an account that did nothing; what they find they commit by themselves."""
    assert officer()("ScanForFindings", AccountId=account_of(call)) == {"Findings": []}
    assert standing(call) == "good"


# Appeals


def test_an_appeal_is_submitted_by_the_account_and_read_by_it_and_by_officers(call, other_call, officer):
    suspend(officer(), call)
    appeal_id = appeal(call, " It was only a test. ")
    told = call("GetAppeal", AppealId=appeal_id)["Appeal"]
    assert abs(told.pop("SubmittedAt") - time.time()) < 60
    assert told == {
        "AppealId": appeal_id,
        "AccountId": account_of(call),
        "Statement": "It was only a test.",
        "SubmittedBy": "tester",
        "Status": "open",
    }
    assert officer()("GetAppeal", AppealId=appeal_id)["Appeal"]["AppealId"] == appeal_id
    for client, asked in ((other_call, appeal_id), (call, str(uuid.uuid4()))):
        with pytest.raises(ResourceNotFoundException, match="there is no appeal"):
            client("GetAppeal", AppealId=asked)


def test_an_appeal_of_another_account_is_answered_as_one_that_is_not_there(call, other_call, officer):
    suspend(officer(), call)
    appeal_id, absent = appeal(call), str(uuid.uuid4())
    told = []
    for asked in (appeal_id, absent):
        with pytest.raises(ResourceNotFoundException) as caught:
            other_call("GetAppeal", AppealId=asked)
        told.append(str(caught.value).replace(asked, "ID"))
    assert told[0] == told[1]


def test_there_is_one_appeal_at_a_time_and_against_something(call, officer):
    with pytest.raises(ConflictException, match="nothing to appeal against"):
        appeal(call)
    suspend(officer(), call)
    with pytest.raises(InvalidParameterException, match="Statement"):
        appeal(call, " ")
    appeal(call)
    with pytest.raises(ConflictException, match="is open already"):
        appeal(call)


def test_whoever_is_suspended_through_another_is_told_whose_appeal_it_is(call, other_call, officer):
    olga = officer()
    relation = call("DeclareRelation", Kind="supplied_by", AccountId=account_of(other_call))["RelationId"]
    olga("DecideRelation", RelationId=relation, Decision="confirm")
    suspend(olga, other_call)
    with pytest.raises(ConflictException, match=account_of(other_call)):
        appeal(call)


def test_an_appeal_is_decided_by_another_officer_than_the_change(call, officer):
    """Nobody is judge of what they did themselves."""
    suspend(officer(OLGA), call)
    appeal_id = appeal(call)
    with pytest.raises(AccessDeniedException):
        decide_appeal(officer(OLGA), appeal_id)
    assert standing(call) == "suspended"
    assert decide_appeal(officer(OTTO), appeal_id) == {"Status": "granted"}
    told = call("GetAppeal", AppealId=appeal_id)["Appeal"]
    assert (told["Status"], told["DecidedBy"], told["Reason"]) == ("granted", OTTO, "heard both sides")
    assert abs(told["DecidedAt"] - time.time()) < 60
    assert standing(call) == "good"
    with pytest.raises(ConflictException):
        decide_appeal(officer(OTTO), appeal_id, "dismiss")


def test_an_appeal_that_is_dismissed_leaves_the_standing(call, officer):
    suspend(officer(OLGA), call)
    assert decide_appeal(officer(OTTO), appeal(call), "dismiss") == {"Status": "dismissed"}
    assert standing(call) == "suspended"
    with pytest.raises(ResourceNotFoundException, match="there is no appeal"):
        decide_appeal(officer(OTTO), str(uuid.uuid4()))
