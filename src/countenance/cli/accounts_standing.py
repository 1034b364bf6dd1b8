"""`countenance accounts restrict`, `suspend`, `reinstate` and `terminate`: an officer's decisions."""

from __future__ import annotations

from typing import Any

import click

from countenance.accounts import Account, Actor
from countenance.cli.governed import (
    Governed,
    deciding_officer,
    officer_option,
    open_governed,
    reason_option,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts
from countenance.errors import ConflictException
from countenance.facts import Standing

_account = click.argument("account_id", metavar="ACCOUNT")


@click.command("restrict")
@_account
@officer_option
@reason_option
@where_options
@as_json_option
def restrict(account_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Let ACCOUNT neither search, compare nor enrol, from its next call on. It may still delete and list.

    Example: countenance accounts restrict 123456789012 --reason "thresholds lowered until somebody matched"
    """
    _change(account_id, "restricted", officer=officer, reason=reason, as_json=as_json, given=given)


@click.command("suspend")
@_account
@officer_option
@reason_option
@where_options
@as_json_option
def suspend(account_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Stop ACCOUNT and every account that it supplies or acts for, at once.

    They may still read why, appeal, and export their own log.

    Example: countenance accounts suspend 123456789012 --reason "results passed on to others"
    """
    _change(account_id, "suspended", officer=officer, reason=reason, as_json=as_json, given=given)


@click.command("reinstate")
@_account
@officer_option
@reason_option
@where_options
@as_json_option
def reinstate(account_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Give ACCOUNT back its good standing, from its next call on.

    A suspension that comes down from another account ends with that account's, or with the relation. A
    terminated account is reinstated by appeal only (`countenance appeals`).

    Example: countenance accounts reinstate 123456789012 --reason "the key was stolen, and is revoked"
    """
    _change(account_id, "good", officer=officer, reason=reason, as_json=as_json, given=given)


@click.command("terminate")
@_account
@officer_option
@reason_option
@where_options
@as_json_option
def terminate(account_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """End ACCOUNT and all downstream of it. The first officer proposes; a second one's run carries it out.

    \b
    countenance accounts terminate 123456789012 --officer "Maria Lind" --reason "a second mass search"
    countenance accounts terminate 123456789012 --officer "Jon Berg" --reason "I have seen the entries"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    with open_governed(given) as governed:
        account = _require(governed, account_id)
        second = deciding_officer(governed.governance.officers, officer)
        if account.standing == "terminated":
            raise ConflictException(f"account `{account_id}` is terminated already")
        first = governed.governance.standings.propose_termination(
            account_id, officer=second, reason=reason, actor=Actor(second)
        )
        if first is None:
            print_facts(
                {"AccountId": account_id, "Standing": account.standing, "Proposed": True, "By": second},
                as_json=as_json,
            )
            others = [each.name for each in governed.governance.officers.list() if each.name != second]
            _say(
                f"proposed: it takes a second officer's run of this command ({', '.join(others)})"
                if others
                else "proposed: it takes a second officer, and there is none: `countenance officers add`"
            )
            return
        governed.governance.standings.change(
            account_id,
            "terminated",
            reason=reason,
            decided_by=first,
            second_officer=second,
            actor=Actor(second),
        )
    print_facts(
        {
            "AccountId": account_id,
            "Standing": "terminated",
            "Proposed": False,
            "By": first,
            "SecondOfficer": second,
        },
        as_json=as_json,
    )


def _change(
    account_id: str,
    standing: Standing,
    *,
    officer: str | None,
    reason: str,
    as_json: bool,
    given: dict[str, Any],
) -> None:
    with open_governed(given) as governed:
        _require(governed, account_id)
        name = deciding_officer(governed.governance.officers, officer)
        governed.governance.standings.change(
            account_id, standing, reason=reason, decided_by=name, actor=Actor(name)
        )
        now = governed.accounts.require_account(account_id)
    print_facts(
        {
            "AccountId": account_id,
            "Standing": now.standing,
            "EffectiveStanding": now.effective_standing,
            "By": name,
        },
        as_json=as_json,
    )
    if now.effective_standing != now.standing:
        _say(
            f"note: it stays {now.effective_standing} in effect: a suspension comes down to it "
            f"(`countenance accounts show {account_id}`)"
        )


def _require(governed: Governed, account_id: str) -> Account:
    """An account that its officers may decide about.

    Raises:
        ConflictException: the house's own: nobody is judge in their own cause, and nobody would be left.
    """
    account = governed.accounts.require_account(account_id)
    if account.is_house:
        raise ConflictException(
            f"account `{account_id}` is the house's own, and not its officers' to judge: "
            "what detectors find against it is decided with `countenance findings`"
        )
    return account


def _say(words: str) -> None:
    click.echo(words, err=True)
