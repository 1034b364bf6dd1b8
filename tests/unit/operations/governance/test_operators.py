"""PutOperator, InviteOperator, RemoveOperator, ListOperators."""

from __future__ import annotations

import pytest

from countenance.accounts import Actor
from countenance.errors import AccessDeniedException, ResourceNotFoundException


def test_an_administrator_looks_after_who_works_for_the_account(call, other_call):
    """People of one account are nobody to another."""
    call("PutOperator", OperatorName="Ada", Roles=["examiner", "auditor"])
    [ada] = call("ListOperators")["Operators"]
    assert (ada["OperatorName"], ada["Roles"], ada["CanSignIn"]) == ("Ada", ["auditor", "examiner"], False)
    assert other_call("ListOperators") == {"Operators": []}
    code = call("InviteOperator", OperatorName="Ada")["InvitationCode"]
    assert call.governance.sign_ins.invited(code).name == "Ada"
    with pytest.raises(ResourceNotFoundException):
        other_call("InviteOperator", OperatorName="Ada")
    call("RemoveOperator", OperatorName="Ada")
    assert call("ListOperators") == {"Operators": []}
    assert call.governance.sign_ins.invited(code) is None


def test_an_office_is_neither_given_nor_taken_nor_taken_over_by_an_administrator(call):
    """Else an administrator of the house names somebody as an officer is named, and decides as them."""
    account = call.caller.account_id
    call.governance.operators.put(account, "Olga", ["officer"], actor=Actor("the machine"))
    for operation, roles in (
        ("PutOperator", {"Roles": ["officer"]}),
        ("PutOperator", {"Roles": ["auditor"]}),
        ("InviteOperator", {}),
        ("RemoveOperator", {}),
    ):
        with pytest.raises(AccessDeniedException, match="on the server's machine alone"):
            call(operation, OperatorName="Olga", **roles)
    with pytest.raises(AccessDeniedException, match="on the server's machine alone"):
        call("PutOperator", OperatorName="Nadia", Roles=["auditor", "officer"])
    assert [each["Roles"] for each in call("ListOperators")["Operators"]] == [["officer"]]


@pytest.mark.parametrize("operation", ["PutOperator", "RemoveOperator"])
def test_nobody_changes_their_own_roles(call, operation):
    """Else the last administrator shuts everybody out, or an administrator makes themselves an examiner."""
    roles = {"Roles": ["examiner"]} if operation == "PutOperator" else {}
    with pytest.raises(AccessDeniedException, match="own roles"):
        call(operation, OperatorName=call.caller.operator, **roles)
