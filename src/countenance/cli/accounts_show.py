"""`countenance accounts show`: all there is to know of an account, and why it stands as it does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from countenance.cli.governed import Governed, open_governed, where_options
from countenance.cli.tables import as_json_option, print_facts, print_json, print_rows
from countenance.facts import RECORD_KINDS

_LISTS = {
    "Accepted": "Terms accepted",
    "Requests": "Purposes asked for",
    "OnFile": "On file",
    "Relations": "Relations",
    "Findings": "Open findings",
    "Changes": "Changes of its standing, the newest first",
}


@click.command()
@click.argument("account_id", metavar="ACCOUNT")
@where_options
@as_json_option
def show(account_id: str, as_json: bool, **given: Any) -> None:
    """Show all there is to know of ACCOUNT: standing and why, terms, purposes, records, relations, findings.

    EffectiveStanding is with what comes down from accounts upstream. A purpose that is approved may still be
    refused for want of something else: `countenance purposes show NAME` says what it needs.

    Example: countenance accounts show 123456789012
    """
    with open_governed(given) as governed:
        facts, lists = _facts(governed, account_id), _lists(governed, account_id)
    if as_json:
        print_json(facts | lists)
        return
    print_facts(facts, as_json=False)
    for name, title in _LISTS.items():
        if lists[name]:
            click.secho(f"\n{title}", bold=True)
            print_rows(lists[name], as_json=False)


def _facts(governed: Governed, account_id: str) -> dict[str, Any]:
    account = governed.accounts.require_account(account_id)
    reader = governed.governance.facts
    with reader.reading() as connection:
        read = reader.read(connection, account_id, operator="", beneficiary=None, now=datetime.now(UTC))
    assert read is not None, "the account was found"
    keys = governed.accounts.list_access_keys(account_id)
    return {
        "AccountId": account.account_id,
        "Name": account.name,
        "Profile": account.profile,
        "IsHouse": account.is_house,
        "CallsPerSecond": account.calls_per_s,
        "Burst": account.burst,
        "CreatedAt": account.created_at,
        "Standing": account.standing,
        "EffectiveStanding": account.effective_standing,
        "CarriedFrom": [
            above.account_id
            for above in read.account.upstream
            if above.standing in {"suspended", "terminated"}
        ],
        "TermsAccepted": read.account.terms_accepted,
        "TermsWanted": read.account.terms_wanted or None,
        "Purposes": sorted(read.account.purposes),
        "Records": sorted(read.account.records),
        "ActiveKeys": sum(not key.is_revoked for key in keys),
    }


def _lists(governed: Governed, account_id: str) -> dict[str, list[dict[str, Any]]]:
    governance, now = governed.governance, datetime.now(UTC)
    return {
        "Accepted": [
            {
                "Document": each.document,
                "Version": each.version,
                "By": f"{each.officer}, {each.role}",
                "At": each.accepted_at,
            }
            for each in governance.acceptances.list(account_id)
        ],
        "Requests": [
            {
                "RequestId": str(each.request_id),
                "Purpose": each.purpose,
                "Status": each.status,
                "RequestedBy": each.requested_by,
                "ApprovedBy": list(each.approved_by),
                "ExpiresAt": each.expires_at,
            }
            for each in governance.grants.list(account_id)
        ],
        "OnFile": [
            {
                "Kind": each.kind,
                "Is": RECORD_KINDS.get(each.kind, ""),
                "Reference": each.reference,
                "ValidUntil": each.valid_until,
                "InDate": each.valid_until is None or each.valid_until > now,
            }
            for each in governance.on_file.list(account_id)
        ],
        "Relations": [
            {
                "RelationId": str(each.relation_id),
                "Kind": each.kind,
                "Upstream": each.upstream,
                "Downstream": each.downstream,
                "InForce": each.in_force,
            }
            for each in governance.relations.list(account_id)
        ],
        "Findings": [
            {
                "FindingId": str(each.finding_id),
                "Severity": each.severity,
                "Summary": each.summary,
                "FoundAt": each.found_at,
                "DecideBy": each.decide_by,
            }
            for each in governed.conduct.findings.list(account_id, status="open")
        ],
        "Changes": [
            {
                "At": each.at,
                "From": each.from_standing,
                "To": each.to_standing,
                "Reason": each.reason,
                "By": [name for name in (each.decided_by, each.second_officer) if name is not None],
                "EventId": str(each.event_id),
            }
            for each in governance.standings.history(account_id)
        ],
    }
