from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Actor
from countenance.errors import (
    AccessDeniedException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.facts import RECORD_KINDS
from governed import OFFICERS

NOTICE = {"Kind": "notice", "Reference": "https://example.com/notice"}


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, OFFICERS[0], "officer", actor=Actor("test"))
    return client_of(office, officer=OFFICERS[0], purpose=None)


def in_date(call):
    """What rules see of it."""
    return call("DescribeAccount")["Records"]


def is_trained(call, operator):
    facts = call.governance.facts
    with facts.reading() as connection:
        read = facts.read(
            connection, call.caller.account_id, operator=operator, beneficiary=None, now=datetime.now(UTC)
        )
    return read.account.operator_trained


def test_what_is_put_on_file_is_listed_and_seen_by_rules(call):
    ends = datetime.now(UTC) + timedelta(days=30)
    made = call("PutRecord", **NOTICE, Digest="ab" * 32, ValidUntil=ends)["RecordId"]
    [record] = call("ListRecords")["Records"]
    assert abs(record.pop("RecordedAt") - time.time()) < 60
    assert record.pop("ValidUntil") == pytest.approx(ends.timestamp(), abs=0.01)
    assert record == {"RecordId": made, **NOTICE, "Digest": "ab" * 32, "RecordedBy": "tester"}
    assert in_date(call) == ["notice"]


def test_digest_and_end_may_be_left_out(call):
    call("PutRecord", Kind="use_policy", Reference=" folder 7 ")
    [record] = call("ListRecords")["Records"]
    assert set(record) == {"RecordId", "Kind", "Reference", "RecordedBy", "RecordedAt"}
    assert record["Reference"] == "folder 7"


@pytest.mark.parametrize("kind", sorted(RECORD_KINDS))
def test_every_kind_that_rules_ask_for_can_be_put_on_file(call, kind):
    call("PutRecord", Kind=kind, Reference="a test")
    assert in_date(call) == [kind]


def test_what_is_out_of_date_is_listed_and_counts_no_more(call):
    call("PutRecord", **NOTICE, ValidUntil=datetime.now(UTC) - timedelta(seconds=1))
    assert len(call("ListRecords")["Records"]) == 1
    assert in_date(call) == []


def test_what_is_withdrawn_counts_no_more(call):
    made = call("PutRecord", **NOTICE)["RecordId"]
    assert call("WithdrawRecord", RecordId=made) == {}
    assert (call("ListRecords")["Records"], in_date(call)) == ([], [])
    with pytest.raises(ResourceNotFoundException, match=made):
        call("WithdrawRecord", RecordId=made)


def test_of_two_of_a_kind_the_other_still_counts(call):
    first, second = (call("PutRecord", **NOTICE)["RecordId"] for _ in range(2))
    assert [record["RecordId"] for record in call("ListRecords")["Records"]] == [second, first]
    call("WithdrawRecord", RecordId=first)
    assert in_date(call) == ["notice"]


def test_a_record_is_of_a_kind_that_there_is_and_can_be_read_somewhere(call):
    with pytest.raises(InvalidParameterException, match="no kind of record; there are accountability_report"):
        call("PutRecord", Kind="carte_blanche", Reference="x")
    with pytest.raises(InvalidParameterException, match="Reference"):
        call("PutRecord", Kind="notice", Reference=" ")
    assert call("ListRecords")["Records"] == []


def test_records_are_of_one_account(call, other_call):
    made = call("PutRecord", **NOTICE)["RecordId"]
    assert other_call("ListRecords")["Records"] == []
    for client, record in ((other_call, made), (call, str(uuid.uuid4()))):
        with pytest.raises(ResourceNotFoundException, match="there is no record"):
            client("WithdrawRecord", RecordId=record)
    assert in_date(call) == ["notice"]


def test_training_is_recorded_by_officers_for_one_operator_until_it_ends(call, other_call, officer):
    told = {
        "AccountId": call.caller.account_id,
        "OperatorName": "night shift",
        "ValidUntil": datetime.now(UTC) + timedelta(days=365),
    }
    with pytest.raises(AccessDeniedException, match="CORE-004"):
        call("RecordTraining", **told)
    assert officer("RecordTraining", **told) == {}
    assert is_trained(call, "night shift")
    assert not is_trained(call, "day shift")
    assert not is_trained(other_call, "night shift")
    officer(
        "RecordTraining",
        **told | {"OperatorName": "day shift", "ValidUntil": datetime.now(UTC) - timedelta(seconds=1)},
    )
    assert not is_trained(call, "day shift")


def test_training_stands_in_the_log_of_the_account(call, officer):
    told = {"OperatorName": "night shift", "ValidUntil": datetime.now(UTC) + timedelta(days=1)}
    officer("RecordTraining", AccountId=call.caller.account_id, **told)
    with call.database.read() as connection:
        newest = call.audit.list_latest(connection, call.caller.account_id)[0]
    assert newest.members["operation"] == "RecordTraining"
    assert newest.openings["resource"][0].value == "night shift"
    with pytest.raises(ResourceNotFoundException, match="there is no account"):
        officer("RecordTraining", AccountId="999999999999", **told)
