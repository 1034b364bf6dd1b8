"""`countenance audit auditors`: who may read the bundles of everybody's entries."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from countenance.audit.auditors import add_auditor, list_auditors, revoke_auditor
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.settings import Settings

_as_json = click.option("--json", "as_json", is_flag=True, help="print JSON")
_where = settings_options("data_dir", "database_url")


@click.group()
def auditors() -> None:
    """Auditors: who may read everybody's entries, pseudonymous as they are.

    An auditor's token opens /log/tile/entries/… of the server. Each bundle that is read, and each change
    made here, is an entry in the log. Works beside a running server and without one.
    """


@auditors.command("add")
@click.argument("name")
@_where
@_as_json
def add(name: str, as_json: bool, **given: Any) -> None:
    """Give NAME a token. It is shown this once; the name stands in the log for good."""
    with open_store(Settings.from_env(**given)) as (database, _), database.transaction() as connection:
        try:
            token = add_auditor(connection, name)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    if token is None:
        raise click.BadParameter(f"there is or was an auditor `{name}`: give another name")
    if as_json:
        click.echo(json.dumps({"Name": name, "Token": token}))
    else:
        click.echo(token)


@auditors.command("list")
@_where
@_as_json
def list_(as_json: bool, **given: Any) -> None:
    """List the auditors, revoked ones as well."""
    with open_store(Settings.from_env(**given)) as (database, _), database.read() as connection:
        rows = [
            {
                "Name": auditor.name,
                "Status": "ACTIVE" if auditor.revoked_at is None else "REVOKED",
                "CreatedAt": auditor.created_at.isoformat(timespec="seconds"),
            }
            for auditor in list_auditors(connection)
        ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    table = Table(*(rows[0] if rows else ["nobody yet"]))
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


@auditors.command("revoke")
@click.argument("name")
@_where
@_as_json
def revoke(name: str, as_json: bool, **given: Any) -> None:
    """End the token of NAME, at once and for good."""
    with open_store(Settings.from_env(**given)) as (database, _), database.transaction() as connection:
        is_revoked = revoke_auditor(connection, name)
    if not is_revoked:
        raise click.BadParameter(f"there is no auditor `{name}` with a token")
    click.echo(json.dumps({"Name": name, "Status": "REVOKED"}) if as_json else f"{name} is revoked")
