"""`countenance purposes request`, `requests`, `approve`, `refuse` and `withdraw`."""

from __future__ import annotations

from typing import Any, cast

import click

from countenance.accounts import Actor
from countenance.accounts.grants import PurposeRequest, Status, Vote
from countenance.cli.catalogue import parse_purpose, require_purpose
from countenance.cli.governed import (
    Governed,
    deciding_officer,
    machine_user,
    officer_option,
    open_governed,
    parse_id,
    parse_words,
    reason_option,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import ConflictException
from countenance.policy.purposes import REQUIREMENTS, load_purposes

_request = click.argument("request_id", metavar="REQUEST")
_COLUMNS = (
    *("RequestId", "AccountId", "Purpose", "Status", "Justification", "RequestedBy", "ApprovedBy"),
    "ExpiresAt",
)


@click.command("request")
@click.argument("account_id", metavar="ACCOUNT")
@click.argument("purpose", callback=parse_purpose)
@click.option(
    "--because",
    required=True,
    metavar="TEXT",
    callback=parse_words,
    help="what it is needed for: officers decide by it",
)
@click.option(
    "--by",
    "--officer",
    "by",
    metavar="NAME",
    help="who asks; without: the machine's user, by number",
)
@where_options
@as_json_option
def request(
    account_id: str, purpose: str, *, because: str, by: str | None, as_json: bool, **given: Any
) -> None:
    """Ask for PURPOSE for ACCOUNT; officers of the house decide.

    For the house's own account it always takes two officers, of whom one may have asked for it; but for
    purposes of low risk.

    \b
    countenance purposes request 123456789012 access-control --because "the staff door of the museum"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    wanted = require_purpose(purpose)
    with open_governed(given) as governed:
        account = governed.accounts.require_account(account_id)
        if account.profile not in wanted.profiles:
            raise ConflictException(
                f"`{purpose}` is not for accounts of the profile {account.profile}: it is for "
                f"{', '.join(wanted.profiles)} (`countenance accounts profile` says what an account is)"
            )
        actor = Actor(by or machine_user())
        request_id = governed.governance.grants.request(account_id, purpose, because, actor=actor)
        row = _row(governed.governance.grants.require(request_id), governed)
    print_facts(row, as_json=as_json)
    officers = "an officer" if row["ApprovalsNeeded"] == 1 else f"{row['ApprovalsNeeded']} officers"
    _say(f"it takes the yes of {officers}: countenance purposes approve {request_id} --officer NAME")
    for need in sorted(wanted.requires):
        _say(f"beside the approval, calls under `{purpose}` need {REQUIREMENTS[need]}")


@click.command("requests")
@click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
@click.option(
    "--status", type=click.Choice(["pending", "approved", "refused", "withdrawn"]), help="of these alone"
)
@where_options
@as_json_option
def requests(account_id: str | None, status: str | None, as_json: bool, **given: Any) -> None:
    """List what accounts asked for, the newest first.

    An approval holds until ExpiresAt; then the account asks again.

    Example: countenance purposes requests --status pending
    """
    with open_governed(given) as governed:
        if account_id is not None:
            governed.accounts.require_account(account_id)
        rows = [
            _row(each, governed)
            for each in governed.governance.grants.list(account_id, status=cast("Status | None", status))
        ]
    print_rows(rows, as_json=as_json, columns=_COLUMNS)


@click.command("approve")
@_request
@officer_option
@click.option("--reason", default="", metavar="TEXT", help="why")
@where_options
@as_json_option
def approve(request_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Say yes to REQUEST. Some purposes take the yes of two officers.

    An approval holds for two years; of a purpose of low risk, until it is withdrawn.

    Example: countenance purposes approve cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --officer "Maria Lind"
    """
    _decide(request_id, "approve", officer=officer, reason=reason, as_json=as_json, given=given)


@click.command("refuse")
@_request
@officer_option
@reason_option
@where_options
@as_json_option
def refuse(request_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Say no to REQUEST; one officer's no is enough.

    Example: countenance purposes refuse cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "a lock would do"
    """
    _decide(request_id, "refuse", officer=officer, reason=reason, as_json=as_json, given=given)


@click.command("withdraw")
@_request
@officer_option
@reason_option
@where_options
@as_json_option
def withdraw(request_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Take back an approval, from the account's next call on; one officer is enough.

    Example: countenance purposes withdraw cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "the door is gone"
    """
    _decide(request_id, "withdraw", officer=officer, reason=reason, as_json=as_json, given=given)


def _decide(
    request_id: str, vote: Vote, *, officer: str | None, reason: str, as_json: bool, given: dict[str, Any]
) -> None:
    found = parse_id(request_id, "a request")
    with open_governed(given) as governed:
        grants, officers = governed.governance.grants, governed.governance.officers
        asked = grants.require(found)
        approvals, risk = _bounds(asked)
        name = deciding_officer(officers, officer)
        grants.decide(
            found,
            vote,
            officer=name,
            reason=reason,
            approvals=approvals,
            risk=risk,
            actor=Actor(name),
        )
        asked = grants.require(found)
        row = _row(asked, governed)
        others = [each.name for each in officers.list()]
    print_facts(row, as_json=as_json)
    if asked.status == "pending":
        _say(_missing(asked, row["ApprovalsNeeded"], others))


def _missing(asked: PurposeRequest, needed: int, officers: list[str]) -> str:
    """Whose word is wanted still; that of somebody who is no officer any more does not count."""
    others = [name for name in officers if name not in asked.approved_by]
    given = len(officers) - len(others)
    said = f"{given} of the {needed} officers that `{asked.purpose}` takes said yes"
    if not others:
        return f"{said}: there is no other officer yet (`countenance officers add NAME --role ROLE`)"
    return f"{said}: another must run this command ({', '.join(others)})"


def _bounds(asked: PurposeRequest) -> tuple[int, str]:
    """Approvals and risk of the purpose; of one that a later catalogue has no more, the strictest."""
    purpose = load_purposes().get(asked.purpose)
    return (2, "high") if purpose is None else (purpose.approvals, purpose.risk)


def _row(asked: PurposeRequest, governed: Governed) -> dict[str, Any]:
    approvals, risk = _bounds(asked)
    needed = governed.governance.grants.approvals_needed(asked.account_id, approvals=approvals, risk=risk)
    return {
        "RequestId": str(asked.request_id),
        "AccountId": asked.account_id,
        "Purpose": asked.purpose,
        "Status": asked.status,
        "Justification": asked.justification,
        "RequestedBy": asked.requested_by,
        "RequestedAt": asked.requested_at,
        "ApprovedBy": list(asked.approved_by),
        "ApprovalsNeeded": needed,
        "DecidedAt": asked.decided_at,
        "ExpiresAt": asked.expires_at,
    }


def _say(words: str) -> None:
    click.echo(words, err=True)
