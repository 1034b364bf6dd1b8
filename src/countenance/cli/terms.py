"""`countenance terms`: reading the terms, and who has accepted them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from countenance.accounts import Account
from countenance.cli.governed import Governed, open_governed, where_options
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_json, print_rows
from countenance.cli.terms_accept import accept
from countenance.errors import ResourceNotFoundException
from countenance.settings import Settings
from countenance.terms import Document, Terms, load_terms

_documents = settings_options("terms")
_COMMONLY = "acceptable-use"


@click.group()
def terms() -> None:
    """The terms of use: documents whose rules the server enforces.

    Nothing is done with a face for an account until a named, responsible officer of it has accepted them.
    What they accepted is recorded with its SHA-256.

    Example: countenance terms accept 123456789012 --officer "Maria Lind, data protection officer"
    """


terms.add_command(accept)


@terms.command("list")
@_documents
@as_json_option
def list_(as_json: bool, **given: Any) -> None:
    """List every version of every document that this server has. Needs no running server.

    Example: countenance terms list
    """
    found, now = load_terms(Settings.from_env(**given).terms), datetime.now(UTC)
    in_force = found.in_force(now)
    rows = [
        {
            "Name": document.name,
            "Version": document.version_text,
            "Title": document.title,
            "PublishedOn": document.published.isoformat(),
            "InForce": document in in_force,
            "GraceDays": document.grace.days,
            "Changes": document.changes,
            "Digest": document.digest,
        }
        for document in found.documents
    ]
    print_rows(
        rows, as_json=as_json, columns=("Name", "Version", "Title", "PublishedOn", "InForce", "Changes")
    )


@terms.command("show")
@click.argument("name", default=_COMMONLY)
@click.option("--version", metavar="V", help="which one; without: the one in force")
@_documents
@as_json_option
def show(name: str, version: str | None, as_json: bool, **given: Any) -> None:
    """Show the text of the document NAME (acceptable-use, if none is named). Needs no running server.

    Example: countenance terms show acceptable-use --version 1.0
    """
    document = _require(load_terms(Settings.from_env(**given).terms), name, version)
    if as_json:
        print_json(
            {
                "Name": document.name,
                "Version": document.version_text,
                "Title": document.title,
                "PublishedOn": document.published.isoformat(),
                "Digest": document.digest,
                "Text": document.text,
            }
        )
    elif sys.stdout.isatty():
        click.echo_via_pager(document.text)
    else:
        click.echo(document.text)


@terms.command("status")
@click.argument("account_id", metavar="[ACCOUNT]", required=False)
@where_options
@as_json_option
def status(account_id: str | None, as_json: bool, **given: Any) -> None:
    """Show whether ACCOUNT, or every account, meets the terms in force, and until when.

    Wanted are versions to be accepted: now, or before the day that is named, when the grace period for the
    last version ends and calls are refused.

    Example: countenance terms status 123456789012
    """
    with open_governed(given) as governed:
        if account_id is None:
            print_rows(
                [_standing(governed, each) for each in governed.accounts.list_accounts()], as_json=as_json
            )
            return
        facts = _standing(governed, governed.accounts.require_account(account_id))
        held = [
            {
                "Document": each.document,
                "Version": each.version,
                "Officer": each.officer,
                "Role": each.role,
                "AcceptedAt": each.accepted_at,
                "Digest": each.digest,
            }
            for each in governed.governance.acceptances.list(account_id)
        ]
    if as_json:
        print_json(facts | {"Acceptances": held})
        return
    print_facts(facts, as_json=False)
    print_rows(
        held,
        as_json=False,
        nothing="nothing accepted yet",
        columns=("Document", "Version", "Officer", "Role", "AcceptedAt"),
    )


def _standing(governed: Governed, account: Account) -> dict[str, Any]:
    governance = governed.governance
    standard = governance.terms.judge(
        (each.plain() for each in governance.acceptances.list(account.account_id)),
        now=datetime.now(UTC),
        first_seen=governance.facts.first_seen,
    )
    return {
        "AccountId": account.account_id,
        "Name": account.name,
        "Accepted": standard.accepted,
        "Wanted": [str(document) for document in standard.wanted],
        "Until": standard.until,
    }


def _require(found: Terms, name: str, version: str | None) -> Document:
    document = found.find(name, version)
    if document is None:
        known = ", ".join(map(str, found.documents))
        raise ResourceNotFoundException(
            f"there are no terms `{name}{f' {version}' if version else ''}`; there are {known}"
        )
    return document
