"""The terms when a server starts: shown and asked on a terminal, taken from --accept-terms, or told how."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from countenance.accounts import Actor, Governance
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.terms import Document, Standard


def accept_at_start(settings: Settings, governance: Governance, account_id: str) -> None:
    """Have the house's account meet the terms, if somebody is there who can accept them.

    Raises:
        SetupError: somebody was asked on the terminal, and did not accept what calls need now.
    """
    standard = standard_of(governance, account_id)
    wanted = standard.wanted
    if not wanted:
        _begin(governance, account_id)
        return
    if settings.accept_terms:
        officer, _, role = (part.strip() for part in settings.accept_terms.partition(","))
    elif sys.stdin.isatty() and sys.stdout.isatty():
        told = _ask(standard)
        if told is None:
            return
        officer, role = told
    else:
        click.echo(
            f"the terms ({standard}) are not accepted for account {account_id}, and calls are "
            f"{'answered until then' if standard.accepted else 'refused'}. "
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
    return standard_of(governance, account_id).wanted


def standard_of(governance: Governance, account_id: str) -> Standard:
    """Whether the account meets the terms now, and what it has not accepted of them."""
    accepted = (each.plain() for each in governance.acceptances.list(account_id))
    return governance.terms.judge(accepted, now=datetime.now(UTC), first_seen=governance.facts.first_seen)


def _begin(governance: Governance, account_id: str) -> None:
    """Of a house that accepted and has nobody who can decide: whoever it was that accepted, does."""
    held = governance.acceptances.list(account_id)
    if held:
        governance.begin(
            account_id, officer=held[-1].officer, role=held[-1].role, actor=Actor(held[-1].officer)
        )


def _ask(standard: Standard) -> tuple[str, str] | None:
    """Name and role of who accepts; None while nobody has to."""
    for document in standard.wanted:
        click.echo(f"\n{document.text}")
    click.echo(f"To serve, a responsible officer accepts these terms: {standard}.")
    if not click.confirm("Do you accept them for your organisation?", default=False):
        if standard.accepted:
            return None
        raise SetupError("the terms were not accepted", remedy="start again to accept them")
    officer = click.prompt("Your name", type=str).strip()
    role = click.prompt("Your role", type=str).strip()
    if not officer or not role:
        raise SetupError(
            "terms are accepted by a named, responsible officer", remedy="give a name and a role"
        )
    return officer, role
