"""`countenance cases`: what searches are for, and what came of them, on the server's machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast, get_args

import click

from countenance.casework import Case
from countenance.casework.cases import Outcome
from countenance.cli.casework_opened import account_option, open_casework
from countenance.cli.governed import machine_user, parse_until, parse_words, where_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.policy import load_purposes

_COLUMNS = ("CaseId", "Case", "Purpose", "Open", "ExpiresAt", "Reviews", "Outcome", "OutcomeDue")
_MOST = 1000


@click.group()
def cases() -> None:
    """Cases: searches under some purposes name one, and end with it.

    A case is opened with a reason, a legal basis and an end; AssumePurpose then names it. What was held or
    released of its searches is purged when it ends. An urgent case needs its authorisation within 48 hours.
    Nobody examines searches of a case that they opened.

    \b
    countenance cases open 2026/4711 --purpose missing-persons --reason "a child is missing" \\
        --legal-basis "a request of the family" --until 2027-01-31
    countenance cases list --due
    countenance cases outcome CASE no_lead
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@cases.command("list")
@click.option("--due", is_flag=True, help="those of which nothing was reported for thirty days")
@account_option
@where_options
@as_json_option
def list_(due: bool, account: str | None, as_json: bool, **given: Any) -> None:
    """List cases of the account, the first thousand by id.

    Example: countenance cases list --due --json
    """
    with open_casework(given, account) as opened:
        found = opened.casework.cases.list_cases(opened.account_id, limit=_MOST, overdue=due)
    print_rows([_row(case) for case in found], as_json=as_json, nothing="no case", columns=_COLUMNS)


@cases.command("show")
@click.argument("case_id", metavar="CASE")
@account_option
@where_options
@as_json_option
def show(case_id: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Show the case with the id CASE: what it is for, who opened it, and what came of it.

    Example: countenance cases show cc5a3315-c2c0-494c-bc0a-f82211d9ac08
    """
    with open_casework(given, account) as opened:
        case = opened.casework.cases.require(opened.account_id, case_id)
    print_facts(_row(case), as_json=as_json)


@cases.command("open")
@click.argument("name", metavar="NAME")
@click.option(
    "--purpose", required=True, type=click.Choice(list(load_purposes())), help="what is searched for"
)
@click.option("--reason", required=True, metavar="TEXT", callback=parse_words, help="why; it is kept sealed")
@click.option("--legal-basis", required=True, metavar="TEXT", callback=parse_words, help="by what right")
@click.option("--until", required=True, metavar="DAY", callback=parse_until, help="its end, as 2027-01-31")
@click.option(
    "--urgent", is_flag=True, help="its authorisation comes later: within 48 hours, or all is purged"
)
@account_option
@where_options
@as_json_option
def open_(
    name: str,
    *,
    purpose: str,
    reason: str,
    legal_basis: str,
    until: datetime,
    urgent: bool,
    account: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Open a case that AssumePurpose names as NAME, for searches under one purpose.

    \b
    countenance cases open 2026/4711 --purpose missing-persons --reason "a child is missing" \\
        --legal-basis "a request of the family" --until 2027-01-31
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    with open_casework(given, account) as opened:
        cases = opened.casework.cases
        with opened.changing("OpenCase", purpose=purpose, case=name) as work:
            case_id = cases.open(
                work,
                opened.account_id,
                name=name,
                purpose=purpose,
                reason=reason,
                legal_basis=legal_basis,
                lasts=until - datetime.now(UTC),
                opened_by=machine_user(),
                is_urgent=urgent,
            )
        case = cases.require(opened.account_id, case_id)
    print_facts(_row(case), as_json=as_json)


@cases.command("close")
@click.argument("case_id", metavar="CASE")
@account_option
@where_options
@as_json_option
def close(case_id: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Close CASE now: what was held or released of its searches is purged for good.

    Example: countenance cases close cc5a3315-c2c0-494c-bc0a-f82211d9ac08
    """
    with open_casework(given, account) as opened:
        with opened.changing("CloseCase", resource=case_id) as work:
            ended = opened.casework.close(
                work, opened.audit, opened.account_id, case_id, operator=machine_user()
            )
        case = opened.casework.cases.require(opened.account_id, case_id)
    print_facts(_row(case) | {"ReviewsPurged": ended}, as_json=as_json)


@cases.command("authorize")
@click.argument("case_id", metavar="CASE")
@click.option("--reference", required=True, metavar="TEXT", callback=parse_words, help="where it can be read")
@account_option
@where_options
@as_json_option
def authorize(case_id: str, reference: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Put the authorisation of CASE, which was opened as urgent, on record: in time, or it is refused.

    Example: countenance cases authorize cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reference "warrant 17/26"
    """
    with open_casework(given, account) as opened:
        with opened.changing("PutCaseAuthorization", resource=case_id) as work:
            opened.casework.cases.authorize(work, opened.account_id, case_id, reference=reference)
        case = opened.casework.cases.require(opened.account_id, case_id)
    print_facts(_row(case), as_json=as_json)


@cases.command("sign")
@click.argument("case_id", metavar="CASE")
@click.option(
    "--operator", required=True, metavar="NAME", help="who answers for it: an operator of the account"
)
@click.option(
    "--evidence",
    required=True,
    metavar="TEXT",
    callback=parse_words,
    help="where it can be read; it does not come from the search",
)
@account_option
@where_options
@as_json_option
def sign(
    case_id: str, operator: str, evidence: str, account: str | None, as_json: bool, **given: Any
) -> None:
    """Have NAME answer for independent evidence in CASE, which they did not open: before a lead is used.

    \b
    countenance cases sign cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --operator "Maria Lind" --evidence "file 7"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    with open_casework(given, account) as opened:
        signer = opened.governed.governance.operators.require(opened.account_id, operator)
        with opened.changing("SignEvidence", resource=case_id) as work:
            opened.casework.cases.sign_evidence(
                work,
                opened.account_id,
                case_id,
                evidence=evidence,
                signed_by=signer.name,
                operator_id=signer.operator_id,
            )
        case = opened.casework.cases.require(opened.account_id, case_id)
    print_facts(_row(case), as_json=as_json)


@cases.command("outcome")
@click.argument("case_id", metavar="CASE")
@click.argument("outcome", metavar="OUTCOME", type=click.Choice(get_args(Outcome)))
@account_option
@where_options
@as_json_option
def outcome(case_id: str, outcome: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Report what came of CASE, once: no_lead, lead_not_used, lead_used or used_for_arrest.

    The last two are refused until somebody has signed for independent evidence (`cases sign`).

    Example: countenance cases outcome cc5a3315-c2c0-494c-bc0a-f82211d9ac08 no_lead
    """
    with open_casework(given, account) as opened:
        with opened.changing("ReportOutcome", resource=case_id) as work:
            opened.casework.cases.report(
                work,
                opened.account_id,
                case_id,
                outcome=cast("Outcome", outcome),
                reported_by=machine_user(),
            )
        case = opened.casework.cases.require(opened.account_id, case_id)
    print_facts(_row(case), as_json=as_json)


def _row(case: Case) -> dict[str, Any]:
    is_waiting = case.authorize_by is not None and case.authorized_at is None
    return {
        "CaseId": case.case_id,
        "Case": case.told["name"],
        "Purpose": case.purpose,
        "Reason": case.told["reason"],
        "LegalBasis": case.told["legal_basis"],
        "OpenedBy": case.opened_by,
        "OpenedAt": case.opened_at,
        "ExpiresAt": case.expires_at,
        "Open": case.is_open,
        "ClosedAt": case.closed_at,
        "AuthorizeBy": case.authorize_by if is_waiting else None,
        "Authorization": case.told.get("authorization"),
        "Evidence": case.told.get("evidence"),
        "EvidenceSignedBy": case.evidence_signed_by,
        "Reviews": case.reviews,
        "Outcome": case.outcome,
        "OutcomeAt": case.outcome_at,
        "OutcomeDue": case.outcome_is_due,
    }
