"""`countenance appeals`: accounts ask for another look, and somebody else decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from countenance.accounts import Actor
from countenance.cli.governed import (
    deciding_officer,
    officer_option,
    open_governed,
    parse_id,
    reason_option,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.conduct import Appeal
from countenance.conduct.appeals import LONGEST_STATEMENT, Decision
from countenance.conduct.records import AppealStatus

_COLUMNS = ("AppealId", "AccountId", "Status", "SubmittedBy", "SubmittedAt", "DecidedBy")


def _parse_statement(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The words themselves, or `@PATH` of a file that has them."""
    if value.startswith("@"):
        path = Path(value[1:])
        try:
            with path.open("rb") as file:  # no more than can be kept: UTF-8 has at most 4 bytes a character
                value = file.read(4 * LONGEST_STATEMENT + 1).decode()
        except (OSError, ValueError) as error:
            raise click.BadParameter(f"`{path}` cannot be read as text: {error}", ctx, param) from None
    if not value.strip() or len(value.strip()) > LONGEST_STATEMENT:
        raise click.BadParameter(f"it is 1 to {LONGEST_STATEMENT} characters, and not blank", ctx, param)
    return value.strip()


@click.group()
def appeals() -> None:
    """Appeals: an account asks for another look at its standing.

    Somebody else decides than who decided before. An account may appeal whatever its standing, over the
    network with its own key (SubmitAppeal) or here.

    \b
    countenance appeals submit 123456789012 --by "Guy Gisborne" --statement @appeal.txt
    countenance appeals grant cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --officer "Jon Berg" --reason "a test"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@appeals.command("submit")
@click.argument("account_id", metavar="ACCOUNT")
@click.option(
    "--statement",
    required=True,
    metavar="TEXT|@FILE",
    callback=_parse_statement,
    help="why the standing should be another",
)
@click.option("--by", required=True, metavar="NAME", help="who says so for the account")
@where_options
@as_json_option
def submit(account_id: str, *, statement: str, by: str, as_json: bool, **given: Any) -> None:
    """Appeal for ACCOUNT against the newest change of its standing.

    Example: countenance appeals submit 123456789012 --by "Guy Gisborne" --statement "the key was stolen"
    """
    if not by.strip() or len(by) > 128:
        raise click.BadParameter("a name is 1 to 128 characters", param_hint="--by")
    with open_governed(given) as governed:
        governed.accounts.require_account(account_id)
        conduct = governed.conduct
        appeal_id = conduct.appeals.submit(account_id, statement, actor=Actor(by.strip()))
        appeal = conduct.appeals.require(appeal_id)
    print_facts(_row(appeal), as_json=as_json)


@appeals.command("list")
@click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
@click.option("--status", type=click.Choice(["open", "granted", "dismissed"]), help="of these alone")
@where_options
@as_json_option
def list_(account_id: str | None, status: str | None, as_json: bool, **given: Any) -> None:
    """List the appeals, the newest first.

    Example: countenance appeals list --status open
    """
    with open_governed(given) as governed:
        if account_id is not None:
            governed.accounts.require_account(account_id)
        rows = [
            _row(appeal)
            for appeal in governed.conduct.appeals.list(
                account_id, status=cast("AppealStatus | None", status)
            )
        ]
    print_rows(rows, as_json=as_json, nothing="no appeals", columns=_COLUMNS)


@appeals.command("show")
@click.argument("appeal_id", metavar="APPEAL")
@where_options
@as_json_option
def show(appeal_id: str, as_json: bool, **given: Any) -> None:
    """Show APPEAL, with what it says and what it is against.

    Example: countenance appeals show cc5a3315-c2c0-494c-bc0a-f82211d9ac08
    """
    wanted = parse_id(appeal_id, "an appeal")
    with open_governed(given) as governed:
        appeal = governed.conduct.appeals.require(wanted)
        change = next(
            each
            for each in governed.governance.standings.history(appeal.account_id)
            if each.change_id == appeal.change_id
        )
    against = {
        "From": change.from_standing,
        "To": change.to_standing,
        "Why": change.reason,
        "ChangedBy": [name for name in (change.decided_by, change.second_officer) if name is not None],
    }
    print_facts(_row(appeal) | against, as_json=as_json)


@appeals.command("grant")
@click.argument("appeal_id", metavar="APPEAL")
@officer_option
@reason_option
@where_options
@as_json_option
def grant(appeal_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Grant APPEAL: the account gets back what it had. Not by who decided what it is against.

    Example: countenance appeals grant cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --officer "Jon Berg" --reason "so"
    """
    _decide(appeal_id, "grant", officer=officer, reason=reason, as_json=as_json, given=given)


@appeals.command("dismiss")
@click.argument("appeal_id", metavar="APPEAL")
@officer_option
@reason_option
@where_options
@as_json_option
def dismiss(appeal_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Dismiss APPEAL: the standing stays. Not by who decided what it is against.

    Example: countenance appeals dismiss cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "the entries show it"
    """
    _decide(appeal_id, "dismiss", officer=officer, reason=reason, as_json=as_json, given=given)


def _decide(
    appeal_id: str,
    decision: Decision,
    *,
    officer: str | None,
    reason: str,
    as_json: bool,
    given: dict[str, Any],
) -> None:
    wanted = parse_id(appeal_id, "an appeal")
    with open_governed(given) as governed:
        conduct = governed.conduct
        conduct.appeals.require(wanted)
        name = deciding_officer(governed.governance.officers, officer)
        conduct.appeals.decide(wanted, decision, officer=name, reason=reason, actor=Actor(name))
        appeal = conduct.appeals.require(wanted)
        standing = governed.accounts.require_account(appeal.account_id).standing
    print_facts(_row(appeal) | {"Standing": standing}, as_json=as_json)


def _row(appeal: Appeal) -> dict[str, Any]:
    return {
        "AppealId": str(appeal.appeal_id),
        "AccountId": appeal.account_id,
        "Status": appeal.status,
        "Statement": appeal.statement,
        "SubmittedBy": appeal.submitted_by,
        "SubmittedAt": appeal.submitted_at,
        "DecidedBy": appeal.decided_by,
        "DecidedAt": appeal.decided_at,
        "Reason": appeal.reason,
    }
