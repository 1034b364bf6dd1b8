"""PutOperator, InviteOperator, ConfirmOperator, RemoveOperator, ListOperators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from countenance.accounts.operators import Operator
from countenance.errors import AccessDeniedException
from countenance.operations.deps import Deps
from countenance.wire.shapes import (
    ConfirmOperatorRequest,
    ConfirmOperatorResponse,
    InviteOperatorRequest,
    InviteOperatorResponse,
    ListOperatorsRequest,
    ListOperatorsResponse,
    OperatorRole,
    OperatorSummary,
    PutOperatorRequest,
    PutOperatorResponse,
    RemoveOperatorRequest,
    RemoveOperatorResponse,
)


def put_operator(request: PutOperatorRequest, deps: Deps) -> PutOperatorResponse:
    """Somebody works for the caller's account, in these roles."""
    _refuse_oneself(request["OperatorName"], deps)
    _refuse_officers(request["OperatorName"], request["Roles"], deps)
    deps.governance.operators.put(
        deps.caller.account_id, request["OperatorName"], request["Roles"], actor=deps.actor()
    )
    return {}


def invite_operator(request: InviteOperatorRequest, deps: Deps) -> InviteOperatorResponse:
    """A code with which somebody sets up how they sign in; told in this answer and never again."""
    _refuse_officers(request["OperatorName"], (), deps)
    invitation = deps.governance.operators.invite(
        deps.caller.account_id, request["OperatorName"], actor=deps.actor()
    )
    return {"InvitationCode": invitation.code, "InvitedUntil": invitation.until}


def confirm_operator(request: ConfirmOperatorRequest, deps: Deps) -> ConfirmOperatorResponse:
    """Say that somebody is a person of their own: by whoever did not invite them, and is confirmed."""
    deps.governance.operators.confirm(deps.caller.account_id, request["OperatorName"], actor=deps.actor())
    return {}


def remove_operator(request: RemoveOperatorRequest, deps: Deps) -> RemoveOperatorResponse:
    """Somebody works for the caller's account no more."""
    _refuse_oneself(request["OperatorName"], deps)
    _refuse_officers(request["OperatorName"], (), deps)
    deps.governance.operators.remove(deps.caller.account_id, request["OperatorName"], actor=deps.actor())
    return {}


def list_operators(_: ListOperatorsRequest, deps: Deps) -> ListOperatorsResponse:
    """Who works for the caller's account, by name."""
    found = deps.governance.operators.list(deps.caller.account_id)
    return {"Operators": [_to_summary(operator) for operator in found]}


def _refuse_oneself(name: str, deps: Deps) -> None:
    """An account keeps an administrator: nobody takes that role from themselves, or gives themselves another.

    Raises:
        AccessDeniedException: the caller means themselves.
    """
    if name.strip() == deps.caller.operator:
        raise AccessDeniedException("nobody changes their own roles: have another administrator do it")


def _refuse_officers(name: str, wanted: Sequence[str], deps: Deps) -> None:
    """An office comes from the server's machine: whoever administers an account neither gives nor takes it.

    # INVARIANT: else an administrator of the house who names, or invites anew, an operator of an officer's
    # name would decide as that officer.

    Raises:
        AccessDeniedException: the role is asked for, or the operator has it.
    """
    found = deps.governance.operators.list(deps.caller.account_id)
    has_it = any(each.name == name.strip() and "officer" in each.roles for each in found)
    if "officer" in wanted or has_it:
        raise AccessDeniedException(
            "the role `officer` is given, taken and invited for on the server's machine alone "
            "(`countenance operators`)"
        )


def _to_summary(operator: Operator) -> OperatorSummary:
    summary: OperatorSummary = {
        "OperatorName": operator.name,
        "Roles": cast("list[OperatorRole]", list(operator.roles)),
        "AddedBy": operator.added_by,
        "AddedAt": operator.added_at,
        "CanSignIn": operator.can_sign_in,
    }
    if operator.invited_until is not None:
        summary["InvitedUntil"] = operator.invited_until
    if operator.vouched_at is not None:
        summary["ConfirmedAt"] = operator.vouched_at
    if operator.vouched_by is not None:
        summary["ConfirmedBy"] = operator.vouched_by
    if operator.brought_in_by is not None:
        summary["BroughtInBy"] = operator.brought_in_by
    return summary
