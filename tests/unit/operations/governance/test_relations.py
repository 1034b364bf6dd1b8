from __future__ import annotations

import time
import uuid

import pytest

from countenance.accounts import Actor
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.whose import ALL
from governed import OFFICERS

NOBODY = "999999999999"


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, OFFICERS[0], "officer", actor=Actor("test"))
    return client_of(office, officer=OFFICERS[0], purpose=None)


@pytest.fixture
def third_call(client_of):
    return client_of(client_of.accounts.create_account("Third"))


def account_of(client):
    return client.caller.account_id


def declare(client, kind, other):
    return client("DeclareRelation", Kind=kind, AccountId=account_of(other))["RelationId"]


def relations(client, **asked):
    return client("ListRelations", **asked)["Relations"]


def effective(client):
    return client("DescribeAccount")["EffectiveStanding"]


@pytest.mark.parametrize(("kind", "is_upstream"), [("supplied_by", False), ("acts_for", True)])
def test_a_relation_takes_two_sides(call, other_call, third_call, kind, is_upstream):
    """Service flows from the supplier to the customer, and from who acts to for whom it does."""
    relation = declare(call, kind, other_call)
    mine, theirs = account_of(call), account_of(other_call)
    [listed] = relations(call)
    assert abs(listed.pop("DeclaredAt") - time.time()) < 60
    assert listed == {
        "RelationId": relation,
        "Kind": kind,
        "Upstream": mine if is_upstream else theirs,
        "Downstream": theirs if is_upstream else mine,
        "DeclaredBy": mine,
        "InForce": False,
    }
    assert call("ConfirmRelation", RelationId=relation) == {"InForce": False}  # one side, again
    assert other_call("ConfirmRelation", RelationId=relation) == {"InForce": True}
    for client in (call, other_call):
        [listed] = relations(client)
        assert (listed["RelationId"], listed["InForce"]) == (relation, True)
    assert relations(third_call) == []


def test_only_those_whom_it_is_between_confirm_or_end_a_relation(call, other_call, third_call):
    """That there is one is nobody else's business."""
    relation = declare(call, "supplied_by", other_call)
    for operation in ("ConfirmRelation", "EndRelation"):
        with pytest.raises(ResourceNotFoundException, match="there is no relation"):
            third_call(operation, RelationId=relation)
        with pytest.raises(ResourceNotFoundException, match="there is no relation"):
            call(operation, RelationId=str(uuid.uuid4()))
    [listed] = relations(call)
    assert listed["InForce"] is False


@pytest.mark.parametrize("ends", ["call", "other_call"])
def test_either_side_ends_a_relation_and_it_may_be_declared_again(call, other_call, ends):
    relation = declare(call, "acts_for", other_call)
    other_call("ConfirmRelation", RelationId=relation)
    {"call": call, "other_call": other_call}[ends]("EndRelation", RelationId=relation)
    assert relations(call) == relations(other_call) == []
    with pytest.raises(ResourceNotFoundException):
        call("EndRelation", RelationId=relation)
    assert declare(call, "acts_for", other_call) != relation


def test_a_relation_is_declared_once(call, other_call):
    """From whichever side: each kind says who is upstream."""
    declare(call, "supplied_by", other_call)
    with pytest.raises(ConflictException, match="declared already"):
        declare(call, "supplied_by", other_call)
    assert declare(other_call, "acts_for", call)  # another kind, in the same direction


def test_relations_in_force_make_no_circle(call, other_call, third_call, officer):
    """A suspension could run round it for ever; and who would be answerable for whom?"""
    for customer, supplier in ((call, other_call), (other_call, third_call)):
        supplier("ConfirmRelation", RelationId=declare(customer, "supplied_by", supplier))
    for client, kind, other in ((third_call, "supplied_by", call), (call, "acts_for", other_call)):
        with pytest.raises(ConflictException, match="no circle"):
            declare(client, kind, other)


def test_what_is_only_declared_is_in_nobodys_way_until_it_would_close_a_circle(call, other_call, officer):
    """Anybody may declare anything: that alone must not keep others from what is true."""
    mine, theirs = declare(call, "supplied_by", other_call), declare(other_call, "supplied_by", call)
    assert call("ConfirmRelation", RelationId=theirs) == {"InForce": True}
    with pytest.raises(ConflictException, match="circle"):
        other_call("ConfirmRelation", RelationId=mine)
    with pytest.raises(ConflictException, match="circle"):
        officer("DecideRelation", RelationId=mine, Decision="confirm")
    assert {each["RelationId"]: each["InForce"] for each in relations(call)} == {mine: False, theirs: True}


def test_a_relation_is_to_another_account_that_is_here(call):
    with pytest.raises(InvalidParameterException, match="itself"):
        declare(call, "supplied_by", call)
    with pytest.raises(ResourceNotFoundException, match=NOBODY):
        call("DeclareRelation", Kind="acts_for", AccountId=NOBODY)


def test_only_officers_see_relations_of_others(call, other_call, third_call, officer):
    relation = declare(call, "supplied_by", other_call)
    for asked in (account_of(call), ALL):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            relations(third_call, AccountId=asked)
    assert [each["RelationId"] for each in relations(officer, AccountId=account_of(call))] == [relation]
    assert relation in {each["RelationId"] for each in relations(officer, AccountId=ALL)}
    assert relations(officer) == []


def test_an_officers_word_stands_for_the_other_sides(call, other_call, officer):
    relation = declare(call, "supplied_by", other_call)
    for client in (call, other_call):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            client("DecideRelation", RelationId=relation, Decision="confirm")
    assert officer("DecideRelation", RelationId=relation, Decision="confirm") == {"InForce": True}
    assert relations(call)[0]["InForce"] is True
    assert officer("DecideRelation", RelationId=relation, Decision="end") == {"InForce": False}
    assert relations(call) == []
    for decision in ("confirm", "end"):
        with pytest.raises(ResourceNotFoundException):
            officer("DecideRelation", RelationId=relation, Decision=decision)


@pytest.mark.parametrize("ends", ["call", "other_call"])
def test_a_suspension_flows_with_service_and_its_relation_is_ended_by_officers_alone(
    call, other_call, third_call, officer, ends
):
    """Else whoever is cut off would declare themselves cut loose, or be cut loose by their supplier."""
    relation = declare(call, "supplied_by", other_call)
    other_call("ConfirmRelation", RelationId=relation)
    declared = declare(call, "supplied_by", third_call)
    change = {"Standing": "suspended", "Reason": "a test"}
    officer("ChangeStanding", AccountId=account_of(other_call), **change)
    assert (effective(call), effective(third_call)) == ("suspended", "good")
    with pytest.raises(ConflictException, match="an officer of this server must end the relation"):
        {"call": call, "other_call": other_call}[ends]("EndRelation", RelationId=relation)
    call("EndRelation", RelationId=declared)  # nothing comes down what nobody confirmed
    assert officer("DecideRelation", RelationId=relation, Decision="end") == {"InForce": False}
    assert effective(call) == "good"
    assert call("DescribeAccount")["Standing"] == "good"


def test_what_comes_to_be_in_force_carries_a_suspension_of_before(call, other_call, officer):
    officer("ChangeStanding", AccountId=account_of(other_call), Standing="suspended", Reason="a test")
    relation = declare(call, "supplied_by", other_call)
    assert effective(call) == "good"
    officer("DecideRelation", RelationId=relation, Decision="confirm")
    assert effective(call) == "suspended"
    officer("ChangeStanding", AccountId=account_of(other_call), Standing="good", Reason="a test")
    assert effective(call) == "good"


def test_a_restriction_stays_where_it_is(call, other_call, officer):
    """Only what stops an account stops its customers."""
    relation = declare(call, "supplied_by", other_call)
    other_call("ConfirmRelation", RelationId=relation)
    officer("ChangeStanding", AccountId=account_of(other_call), Standing="restricted", Reason="a test")
    assert effective(call) == "good"
