"""`countenance operators`: who works for an account, and may sign in to the console."""

from __future__ import annotations

from typing import Any

import click

from countenance.accounts import Actor
from countenance.accounts.operators import OPERATOR_ROLES
from countenance.cli.governed import Governed, machine_user, open_governed, where_options
from countenance.cli.tables import as_json_option, print_facts, print_rows

account_option = click.option(
    "--account", metavar="ID", help="the account they work for; without it the one that runs this server"
)


@click.group()
def operators() -> None:
    """People who work for an account, each with roles and keys of their own.

    An administrator looks after collections, keys and people; a developer uses faces under approved purposes;
    an examiner decides what searches found, and searches nothing; an auditor reads; an officer decides for
    the house, and stands in `countenance officers` as well.

    Who is invited sets up in the console (/console) how they sign in: a passkey, or a password and one-time
    codes. The first administrator is added here; administrators then add others, in the console or with
    PutOperator. Whoever invites might sign in in somebody's place: who was invited over the network examines
    nothing until another administrator, an officer, or you on this machine have confirmed them.

    Example: countenance operators put "Maria Lind" --role administrator
    """


@operators.command("put")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(OPERATOR_ROLES),
    help="what they may do; may be given several times",
)
@account_option
@where_options
@as_json_option
def put(name: str, roles: tuple[str, ...], account: str | None, as_json: bool, **given: Any) -> None:
    """Have NAME work for the account; again with other roles changes them, and ends their keys and sessions.

    Example: countenance operators put "Maria Lind" --role administrator --role officer
    """
    with open_governed(given) as governed:
        account_id = _account(governed, account)
        governed.governance.operators.put(account_id, name, roles, actor=Actor(machine_user()))
        operator = governed.governance.operators.require(account_id, name.strip())
    facts = {"AccountId": account_id, "OperatorName": operator.name, "Roles": ", ".join(operator.roles)}
    print_facts(facts, as_json=as_json)
    if not operator.can_sign_in and not as_json:
        click.echo(f"invite them with `countenance operators invite {operator.name!r}`", err=True)


@operators.command("invite")
@click.argument("name")
@account_option
@where_options
@as_json_option
def invite(name: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Make a code with which NAME sets up how they sign in, at /console/invitation. It is shown this once.

    Example: countenance operators invite "Maria Lind"
    """
    with open_governed(given) as governed:
        account_id = _account(governed, account)
        invitation = governed.governance.operators.invite(account_id, name, actor=Actor(machine_user()))
    print_facts(
        {
            "AccountId": account_id,
            "OperatorName": name,
            "InvitationCode": invitation.code,
            "InvitedUntil": invitation.until,
        },
        as_json=as_json,
    )


@operators.command("confirm")
@click.argument("name")
@account_option
@where_options
@as_json_option
def confirm(name: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Say that NAME is a person of their own, who took up their invitation themselves. Ask them first.

    Until then who was invited by an administrator examines nothing and confirms nobody. In the console
    another administrator, or an officer, does the same; here it is for houses that have no second one.

    Example: countenance operators confirm "Erin Walsh"
    """
    with open_governed(given) as governed:
        account_id = _account(governed, account)
        governed.governance.operators.confirm(account_id, name, actor=Actor(machine_user()))
    print_facts({"AccountId": account_id, "OperatorName": name, "Status": "CONFIRMED"}, as_json=as_json)


@operators.command("list")
@account_option
@where_options
@as_json_option
def list_(account: str | None, as_json: bool, **given: Any) -> None:
    """List who works for the account.

    Example: countenance operators list --json
    """
    with open_governed(given) as governed:
        rows = [
            {
                "OperatorName": operator.name,
                "Roles": ", ".join(operator.roles),
                "CanSignIn": operator.can_sign_in,
                "ConfirmedBy": operator.vouched_by or "",
                "BroughtInBy": operator.brought_in_by or "",
                "AddedBy": operator.added_by,
                "AddedAt": operator.added_at,
            }
            for operator in governed.governance.operators.list(_account(governed, account))
        ]
    print_rows(rows, as_json=as_json, nothing="nobody yet")


@operators.command("remove")
@click.argument("name")
@account_option
@where_options
@as_json_option
def remove(name: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Have NAME work for the account no more; their keys and sessions end.

    Example: countenance operators remove "Maria Lind"
    """
    with open_governed(given) as governed:
        account_id = _account(governed, account)
        governed.governance.operators.remove(account_id, name, actor=Actor(machine_user()))
    print_facts({"AccountId": account_id, "OperatorName": name, "Status": "REMOVED"}, as_json=as_json)


@operators.group("keys")
def keys() -> None:
    """Personal keys: what is signed with one is done by its holder, and within their roles.

    Example: countenance operators keys create "Maria Lind"
    """


@keys.command("create")
@click.argument("name")
@account_option
@where_options
@as_json_option
def create_key(name: str, account: str | None, as_json: bool, **given: Any) -> None:
    """Make a personal access key for NAME. Its secret is shown this once; nothing over the network makes one.

    Example: countenance operators keys create "Maria Lind" --json
    """
    with open_governed(given) as governed:
        key = governed.governance.operators.create_key(
            _account(governed, account), name, actor=Actor(machine_user())
        )
    print_facts(
        {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret,
            "AccountId": key.account_id,
            "OperatorName": key.operator,
        },
        as_json=as_json,
    )


def _account(governed: Governed, given: str | None) -> str:
    """The account that is meant.

    Raises:
        ResourceNotFoundException: there is no such account.
    """
    return governed.require_house() if given is None else governed.accounts.require_account(given).account_id
