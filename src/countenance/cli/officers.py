"""`countenance officers`: who decides for the house."""

from __future__ import annotations

from typing import Any

import click

from countenance.accounts import Actor
from countenance.cli.governed import machine_user, open_governed, where_options
from countenance.cli.tables import as_json_option, print_facts, print_rows


@click.group()
def officers() -> None:
    """Officers: named people who decide for the house.

    They approve purposes, change the standing of accounts, decide findings and appeals, and put rule packs
    in force. Who accepts the terms for the house is the first of them. Have at least two: some decisions
    take a second one (terminations, appeals, findings that an officer opened, purposes that say so, and all
    but those of low risk for the house itself).

    On this machine a command names who decides; whoever may run it is answerable for that. The log has the
    machine's user beside. Over the network only an officer's own key decides (`officers keys create`).

    Example: countenance officers add "Maria Lind" --role "data protection officer"
    """


@officers.command("add")
@click.argument("name")
@click.option("--role", required=True, help="what the person is in the organisation")
@where_options
@as_json_option
def add(name: str, role: str, as_json: bool, **given: Any) -> None:
    """Have NAME decide from now on; again changes the role.

    Example: countenance officers add "Maria Lind" --role "data protection officer"
    """
    with open_governed(given) as governed:
        governed.governance.officers.add(governed.require_house(), name, role, actor=Actor(machine_user()))
        officer = governed.governance.officers.require(name.strip())
    print_facts({"Name": officer.name, "Role": officer.role, "Status": "ACTIVE"}, as_json=as_json)


@officers.command("list")
@where_options
@as_json_option
def list_(as_json: bool, **given: Any) -> None:
    """List those who may decide now.

    Example: countenance officers list --json
    """
    with open_governed(given) as governed:
        rows = [
            {"Name": officer.name, "Role": officer.role, "AddedAt": officer.added_at}
            for officer in governed.governance.officers.list()
        ]
    print_rows(rows, as_json=as_json, nothing="nobody yet")


@officers.command("remove")
@click.argument("name")
@where_options
@as_json_option
def remove(name: str, as_json: bool, **given: Any) -> None:
    """Have NAME decide no more; their keys are revoked. What they decided stays.

    Example: countenance officers remove "Maria Lind"
    """
    with open_governed(given) as governed:
        governed.governance.officers.remove(governed.require_house(), name, actor=Actor(machine_user()))
        left = len(governed.governance.officers.list())
    print_facts({"Name": name, "Status": "REMOVED"}, as_json=as_json)
    if left == 0:
        click.echo("note: nobody is left who can decide: add one with `countenance officers add`", err=True)


@officers.group("keys")
def keys() -> None:
    """Keys with which officers decide over the network.

    Example: countenance officers keys create "Maria Lind"
    """


@keys.command("create")
@click.argument("name")
@where_options
@as_json_option
def create_key(name: str, as_json: bool, **given: Any) -> None:
    """Make an access key of the house's account for the officer NAME. Its secret is shown this once.

    It moves no face: an officer who also works with faces has another key for that.

    Example: countenance officers keys create "Maria Lind" --json
    """
    with open_governed(given) as governed:
        officer = governed.governance.officers.require(name).name
        key = governed.accounts.create_access_key(governed.require_house(), operator=officer, officer=officer)
    print_facts(
        {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret,
            "AccountId": key.account_id,
            "Officer": officer,
        },
        as_json=as_json,
    )
