"""`countenance terms accept`: a responsible officer of an account accepts what is in force."""

from __future__ import annotations

import sys
from typing import Any

import click

from countenance.accounts import FIRST_PURPOSE, Actor
from countenance.cli.governed import Governed, open_governed, where_options
from countenance.cli.tables import as_json_option, print_json
from countenance.cli.terms_at_start import wanted_documents
from countenance.errors import ResourceNotFoundException
from countenance.terms import Document


def _parse_officer(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, str] | None:
    """`Name, role`."""
    if value is None:
        return None
    name, _, role = (part.strip() for part in value.partition(","))
    if not name or not role or max(len(name), len(role)) > 128:
        raise click.BadParameter(
            f'`{value}` has no name and role: write it as "Maria Lind, data protection officer"', ctx, param
        )
    return name, role


@click.command()
@click.argument("account_id", metavar="ACCOUNT")
@click.option(
    "--officer",
    metavar='"NAME, ROLE"',
    callback=_parse_officer,
    help="who accepts, and what they are in the account's organisation",
)
@click.option("--document", "name", metavar="NAME", help="this document alone")
@click.option("--yes", is_flag=True, help="do not ask: the officer has read it, and accepts")
@where_options
@as_json_option
def accept(
    account_id: str,
    officer: tuple[str, str] | None,
    *,
    name: str | None,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Accept for ACCOUNT the version in force of each document that it has not accepted yet.

    On a terminal the text is shown and asked about. Elsewhere --officer is the acceptance itself. Whoever
    accepts for the house (the first account) while it has no officer becomes its first one, and the purpose
    `development` is approved for it.

    \b
    countenance terms accept 123456789012 --officer "Maria Lind, data protection officer"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    asks = not yes and not as_json and _is_terminal()
    if officer is None and not asks:
        raise click.UsageError('say who accepts: --officer "Name, role"')
    with open_governed(given) as governed:
        governed.accounts.require_account(account_id)
        wanted = _wanted(governed, account_id, name)
        if asks and wanted:
            officer = _ask(wanted, officer)
        accepted = []
        for document in wanted:
            assert officer is not None, "it was asked for"
            at = governed.governance.acceptances.accept(
                account_id, document, officer=officer[0], role=officer[1], actor=Actor(officer[0])
            )
            accepted.append(
                {
                    "Name": document.name,
                    "Version": document.version_text,
                    "Digest": document.digest,
                    "AcceptedAt": at,
                }
            )
        followed = [] if officer is None else _begin(governed, account_id, officer)
        left = wanted_documents(governed.governance, account_id)
    if as_json:
        print_json(
            {
                "AccountId": account_id,
                "Accepted": accepted,
                "Officer": None if officer is None else officer[0],
                "Role": None if officer is None else officer[1],
                "Followed": followed,
                "Wanted": list(map(str, left)),
            }
        )
        return
    for document in wanted:
        assert officer is not None, "it was asked for"
        click.echo(f"accepted: {document} (SHA-256 {document.digest[:16]}...) by {officer[0]}, {officer[1]}")
    if not wanted:
        click.echo(f"account {account_id} has accepted that already")
    for words in followed:
        click.echo(words)
    if left:
        click.echo(f"still to be accepted: {', '.join(map(str, left))}")


def _wanted(governed: Governed, account_id: str, name: str | None) -> tuple[Document, ...]:
    """What is to be accepted; of a document that is named its version in force, if that was not."""
    governance = governed.governance
    if name is None:
        return wanted_documents(governance, account_id)
    document = governance.terms.find(name)
    if document is None:
        known = ", ".join(sorted({each.name for each in governance.terms.documents}))
        raise ResourceNotFoundException(f"there are no terms `{name}`; there are {known}")
    held = {(each.document, each.digest) for each in governance.acceptances.list(account_id)}
    return () if (document.name, document.digest) in held else (document,)


def _ask(wanted: tuple[Document, ...], officer: tuple[str, str] | None) -> tuple[str, str]:
    """Show the text on the terminal, and ask; who accepts.

    Raises:
        Abort: they do not.
    """
    for document in wanted:
        click.echo_via_pager(document.text)
    names = ", ".join(map(str, wanted))
    click.confirm(f"Do you accept these terms ({names}) for your organisation?", abort=True)
    if officer is not None:
        return officer
    name, role = click.prompt("Your name").strip(), click.prompt("Your role").strip()
    if not name or not role or max(len(name), len(role)) > 128:
        raise click.UsageError("terms are accepted by a named, responsible officer: give a name and a role")
    return name, role


def _begin(governed: Governed, account_id: str, officer: tuple[str, str]) -> list[str]:
    """What follows from it, in words."""
    governance = governed.governance
    had_officers, had = bool(governance.officers.list()), _approved(governed, account_id)
    governance.begin(account_id, officer=officer[0], role=officer[1], actor=Actor(officer[0]))
    followed = []
    if not had_officers and governance.officers.list():
        followed.append(f"{officer[0]} is the first officer of the house")
    if FIRST_PURPOSE in _approved(governed, account_id) - had:
        followed.append(f"the purpose `{FIRST_PURPOSE}` is approved for account {account_id}")
    return followed


def _approved(governed: Governed, account_id: str) -> set[str]:
    return {each.purpose for each in governed.governance.grants.list(account_id, status="approved")}


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
