"""`countenance findings`: what was found against accounts, and what officers decide about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import click

from countenance.accounts import Actor
from countenance.cli.governed import (
    deciding_officer,
    officer_option,
    open_governed,
    parse_id,
    parse_words,
    reason_option,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.conduct import Finding
from countenance.conduct.findings import Decision
from countenance.conduct.records import FindingStatus
from countenance.conduct.suspicion import Severity

_COLUMNS = ("FindingId", "AccountId", "Severity", "Detector", "Summary", "FoundAt", "Status", "DecideBy")


@click.group()
def findings() -> None:
    """Findings: patterns in the log that look like a violation of the terms.

    A finding restricts or suspends its account at once. A person confirms or lifts it within 72 hours, or it
    ends by itself. The server looks for them while it runs; `scan` looks now. Against the house itself
    findings are kept, and its standing stays.

    \b
    countenance findings list --status open
    countenance findings lift cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "a test of the door's camera"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@findings.command("list")
@click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
@click.option("--status", type=click.Choice(["open", "confirmed", "lifted"]), help="of these alone")
@where_options
@as_json_option
def list_(account_id: str | None, status: str | None, as_json: bool, **given: Any) -> None:
    """List what was found, the newest first.

    Example: countenance findings list --status open --json
    """
    with open_governed(given) as governed:
        if account_id is not None:
            governed.accounts.require_account(account_id)
        found = governed.conduct.findings.list(account_id, status=cast("FindingStatus | None", status))
    _print(found, as_json=as_json)


@findings.command("show")
@click.argument("finding_id", metavar="FINDING")
@where_options
@as_json_option
def show(finding_id: str, as_json: bool, **given: Any) -> None:
    """Show FINDING with its evidence: figures, and events of the log that show it.

    Example: countenance findings show cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --json
    """
    wanted = parse_id(finding_id, "a finding")
    with open_governed(given) as governed:
        found = governed.conduct.findings.require(wanted)
    if as_json:
        print_facts(_row(found), as_json=True)
        return
    row = _row(found)
    evidence = row.pop("Evidence")
    print_facts(row, as_json=False)
    for name, value in evidence.items():
        print_facts({f"evidence {name}": value}, as_json=False)


@findings.command("scan")
@click.option("--account", "account_id", metavar="ACCOUNT", help="look at this account alone")
@where_options
@as_json_option
def scan(account_id: str | None, as_json: bool, **given: Any) -> None:
    """Look for violations now, beside the server's own rounds. What is found acts at once.

    What was found before, and lifted, is not found again. While the server is just looking nothing is found
    here: it finds the same.

    Example: countenance findings scan --account 123456789012
    """
    with open_governed(given) as governed:
        if account_id is not None:
            governed.accounts.require_account(account_id)
        conduct = governed.conduct
        opened = conduct.patrol.run(account_id=account_id)
        found = [conduct.findings.require(finding_id) for _, finding_id, _ in opened]
    _print(found, as_json=as_json, nothing="nothing new was found")


@findings.command("open")
@click.argument("account_id", metavar="ACCOUNT")
@click.option(
    "--severity",
    type=click.Choice(["notice", "restrict", "suspend"]),
    required=True,
    help="what follows at once: nothing, or that standing",
)
@click.option(
    "--summary",
    required=True,
    metavar="TEXT",
    callback=parse_words,
    help="what was found: the account reads it",
)
@click.option("--event", "events", metavar="EVENT", multiple=True, help="an event of the log that shows it")
@officer_option
@where_options
@as_json_option
def open_(
    account_id: str,
    *,
    severity: str,
    summary: str,
    events: tuple[str, ...],
    officer: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Keep what an officer found against ACCOUNT; it acts at once.

    Another officer has to confirm it within 72 hours, or it ends by itself.

    \b
    countenance findings open 123456789012 --severity restrict --summary "a list split over collections"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    shown = [str(parse_id(event, "an event")) for event in events]
    with open_governed(given) as governed:
        governed.accounts.require_account(account_id)
        name = deciding_officer(governed.governance.officers, officer)
        conduct = governed.conduct
        finding_id = conduct.findings.open_by_hand(
            account_id,
            cast("Severity", severity),
            summary,
            {"events": shown} if shown else {},
            name,
            actor=Actor(name),
        )
        found = conduct.findings.require(finding_id)
        standing = governed.accounts.require_account(account_id).standing
    print_facts(_row(found) | {"Standing": standing}, as_json=as_json)


@findings.command("confirm")
@click.argument("finding_id", metavar="FINDING")
@officer_option
@reason_option
@where_options
@as_json_option
def confirm(finding_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Confirm FINDING: the standing that followed from it stays. Not by the officer who opened it.

    Example: countenance findings confirm cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "I read the entries"
    """
    _decide(finding_id, "confirm", officer=officer, reason=reason, as_json=as_json, given=given)


@findings.command("lift")
@click.argument("finding_id", metavar="FINDING")
@officer_option
@reason_option
@where_options
@as_json_option
def lift(finding_id: str, officer: str | None, reason: str, as_json: bool, **given: Any) -> None:
    """Lift FINDING: what it took is given back, unless another finding holds the account down.

    Example: countenance findings lift cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "a test of the camera"
    """
    _decide(finding_id, "lift", officer=officer, reason=reason, as_json=as_json, given=given)


def _decide(
    finding_id: str,
    decision: Decision,
    *,
    officer: str | None,
    reason: str,
    as_json: bool,
    given: dict[str, Any],
) -> None:
    wanted = parse_id(finding_id, "a finding")
    with open_governed(given) as governed:
        conduct = governed.conduct
        conduct.findings.require(wanted)
        name = deciding_officer(governed.governance.officers, officer)
        conduct.findings.decide(wanted, decision, officer=name, reason=reason, actor=Actor(name))
        found = conduct.findings.require(wanted)
        standing = governed.accounts.require_account(found.account_id).standing
    print_facts(_row(found) | {"Standing": standing}, as_json=as_json)


def _print(found: Sequence[Finding], *, as_json: bool, nothing: str = "nothing was found") -> None:
    print_rows([_row(each) for each in found], as_json=as_json, nothing=nothing, columns=_COLUMNS)


def _row(found: Finding) -> dict[str, Any]:
    return {
        "FindingId": str(found.finding_id),
        "AccountId": found.account_id,
        "Severity": found.severity,
        "Detector": found.detector,
        "Summary": found.summary,
        "FoundAt": found.found_at,
        "Status": found.status,
        "DecideBy": found.decide_by,
        "DecidedBy": found.decided_by,
        "DecidedAt": found.decided_at,
        "Reason": found.reason,
        "Evidence": dict(found.evidence),
    }
