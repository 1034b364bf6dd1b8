"""`countenance accounts`: accounts and their access keys, on the machine of the server."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from countenance.cli.installation import open_accounts
from countenance.cli.options import settings_options
from countenance.settings import Settings

_as_json = click.option("--json", "as_json", is_flag=True, help="print JSON")
_where = settings_options("data_dir", "database_url")


@click.group()
def accounts() -> None:
    """Accounts and their access keys.

    Works beside a running server and without one. Each change is recorded as an event.
    """


@accounts.command("create")
@click.argument("name")
@_where
@_as_json
def create(name: str, as_json: bool, **given: Any) -> None:
    """Make an account called NAME; make its keys with `accounts keys create`."""
    with open_accounts(Settings.from_env(**given), may_create=True) as register:
        account = register.create_account(name)
    _show(
        {"AccountId": account.account_id, "Name": account.name, "Standing": account.standing}, as_json=as_json
    )


@accounts.command("list")
@_where
@_as_json
def list_(as_json: bool, **given: Any) -> None:
    """List the accounts."""
    with open_accounts(Settings.from_env(**given)) as register:
        rows = [
            {"AccountId": account.account_id, "Name": account.name, "Standing": account.standing}
            for account in register.list_accounts()
        ]
    _show_all(rows, as_json=as_json)


@accounts.command("forget")
@click.argument("account_id")
@click.option("--yes", is_flag=True, help="do not ask")
@_where
@_as_json
def forget(account_id: str, yes: bool, as_json: bool, **given: Any) -> None:
    """Make the log forget ACCOUNT_ID, for good.

    Destroys the key that says whose the account's entries are and what their commitments open to. The
    entries stay in the log, and every proof goes on to verify. An account that calls again gets other
    pseudonyms.
    """
    if not yes:
        click.confirm(f"nobody will ever be able to read the log of account {account_id}: go on?", abort=True)
    with open_accounts(Settings.from_env(**given)) as register:
        register.forget_in_log(account_id)
    _show({"AccountId": account_id, "InLog": "FORGOTTEN"}, as_json=as_json)


@accounts.group("keys")
def keys() -> None:
    """Access keys: each belongs to one account and one operator."""


@keys.command("create")
@click.argument("account_id")
@click.option(
    "--operator", default="unnamed", show_default=True, help="the person or programme that will use it"
)
@_where
@_as_json
def create_key(account_id: str, operator: str, as_json: bool, **given: Any) -> None:
    """Make an access key for ACCOUNT_ID. Its secret is shown this once."""
    with open_accounts(Settings.from_env(**given)) as register:
        key = register.create_access_key(account_id, operator=operator)
    _show(
        {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret,
            "AccountId": key.account_id,
            "Operator": key.operator,
        },
        as_json=as_json,
    )


@keys.command("list")
@click.argument("account_id")
@_where
@_as_json
def list_keys(account_id: str, as_json: bool, **given: Any) -> None:
    """List the access keys of ACCOUNT_ID."""
    with open_accounts(Settings.from_env(**given)) as register:
        register.require_account(account_id)
        rows = [
            {
                "AccessKeyId": key.access_key_id,
                "Operator": key.operator,
                "Status": "REVOKED" if key.is_revoked else "ACTIVE",
                "CreatedAt": key.created_at.isoformat(timespec="seconds"),
            }
            for key in register.list_access_keys(account_id)
        ]
    _show_all(rows, as_json=as_json)


@keys.command("revoke")
@click.argument("access_key_id")
@_where
@_as_json
def revoke_key(access_key_id: str, as_json: bool, **given: Any) -> None:
    """Revoke ACCESS_KEY_ID and every session made from it, at once and for good."""
    with open_accounts(Settings.from_env(**given)) as register:
        credential = register.find_credential(access_key_id)
        if credential is None:
            raise click.BadParameter(f"there is no access key `{access_key_id}`")
        register.revoke_access_key(credential.account_id, access_key_id)
    _show({"AccessKeyId": access_key_id, "Status": "REVOKED"}, as_json=as_json)


def _show(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name:16} {value}")


def _show_all(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows))
        return
    table = Table(*(rows[0] if rows else ["nothing yet"]))
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)
