"""The terms when a server starts: shown and asked on a terminal, taken from --accept-terms, or told how."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from countenance.accounts import Actor, Governance
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.terms import Document


def accept_at_start(settings: Settings, governance: Governance, account_id: str) -> None:
    """Have the house's account meet the terms, if somebody is there who can accept them.

    Raises:
        SetupError: somebody was asked on the terminal, and did not accept.
    """
    wanted = wanted_documents(governance, account_id)
    if not wanted:
        _begin(governance, account_id)
        return
    if settings.accept_terms:
        officer, _, role = (part.strip() for part in settings.accept_terms.partition(","))
    elif sys.stdin.isatty() and sys.stdout.isatty():
        officer, role = _ask(wanted)
    else:
        names = ", ".join(map(str, wanted))
        click.echo(
            f"the terms ({names}) are not accepted for account {account_id}, and calls are refused. "
            f'Run `countenance terms accept {account_id} --officer "Name, role"`, or start with '
            '--accept-terms "Name, role"',
            err=True,
        )
        return
    actor = Actor(officer)
    for document in wanted:
        governance.acceptances.accept(account_id, document, officer=officer, role=role, actor=actor)
        click.echo(
            f"terms accepted: {document} (SHA-256 {document.digest[:16]}...) by {officer}, {role}, "
            f"for account {account_id}: recorded"
        )
    governance.begin(account_id, officer=officer, role=role, actor=actor)


def wanted_documents(governance: Governance, account_id: str) -> tuple[Document, ...]:
    """What the account has not accepted of what is in force."""
    accepted = (each.plain() for each in governance.acceptances.list(account_id))
    standard = governance.terms.judge(accepted, now=datetime.now(UTC), first_seen=governance.facts.first_seen)
    return standard.wanted


def _begin(governance: Governance, account_id: str) -> None:
    """Of a house that accepted and has nobody who can decide: whoever it was that accepted, does."""
    held = governance.acceptances.list(account_id)
    if held:
        governance.begin(
            account_id, officer=held[-1].officer, role=held[-1].role, actor=Actor(held[-1].officer)
        )


def _ask(wanted: tuple[Document, ...]) -> tuple[str, str]:
    for document in wanted:
        click.echo(f"\n{document.text}")
    names = ", ".join(map(str, wanted))
    click.echo(f"To serve, a responsible officer accepts these terms: {names}.")
    if not click.confirm("Do you accept them for your organisation?", default=False):
        raise SetupError("the terms were not accepted", remedy="start again to accept them")
    officer = click.prompt("Your name", type=str).strip()
    role = click.prompt("Your role", type=str).strip()
    if not officer or not role:
        raise SetupError(
            "terms are accepted by a named, responsible officer", remedy="give a name and a role"
        )
    return officer, role
