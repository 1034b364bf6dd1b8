"""`countenance accounts relations`: who supplies whom, and who acts for whom."""

from __future__ import annotations

from typing import Any, cast

import click

from countenance.accounts import Actor
from countenance.accounts.relations import Kind, Relation
from countenance.cli.governed import (
    Governed,
    deciding_officer,
    machine_user,
    officer_option,
    open_governed,
    parse_id,
    where_options,
)
from countenance.cli.tables import as_json_option, print_facts, print_rows

_side = click.option("--account", "account_id", metavar="ACCOUNT", help="the side for which you say so")


@click.group()
def relations() -> None:
    """Who supplies whom, and who acts for whom. A suspension follows the service downstream.

    A relation that one side declared is in force once the other side, or an officer of the house in its
    stead, has confirmed it.

    Example: countenance accounts relations declare 123456789012 acts_for 210987654321
    """


@relations.command("declare")
@click.argument("account_id", metavar="ACCOUNT")
@click.argument("kind", metavar="KIND", type=click.Choice(["supplied_by", "acts_for"]))
@click.argument("other", metavar="OTHER")
@where_options
@as_json_option
def declare(account_id: str, kind: str, other: str, as_json: bool, **given: Any) -> None:
    """Say for ACCOUNT that it is supplied by OTHER, or that it acts for OTHER. KIND: supplied_by or acts_for.

    Example: countenance accounts relations declare 123456789012 supplied_by 210987654321
    """
    with open_governed(given) as governed:
        for each in (account_id, other):
            governed.accounts.require_account(each)
        relation_id = governed.governance.relations.declare(
            account_id, cast("Kind", kind), other, actor=Actor(machine_user())
        )
        row = next(
            _row(each)
            for each in governed.governance.relations.list(account_id)
            if each.relation_id == relation_id
        )
    print_facts(row, as_json=as_json)
    click.echo(
        f"declared: it is in force once account {other} confirms it (`countenance accounts relations confirm "
        f"{relation_id} --account {other}`), or an officer does",
        err=True,
    )


@relations.command("confirm")
@click.argument("relation_id", metavar="RELATION")
@_side
@officer_option
@where_options
@as_json_option
def confirm(
    relation_id: str, account_id: str | None, officer: str | None, as_json: bool, **given: Any
) -> None:
    """Confirm RELATION: for the side --account, or as an officer of the house.

    Once it is in force a suspension of the upstream account reaches the downstream one. Relations in force
    make no circle: one that would close it is not confirmed.

    \b
    countenance accounts relations confirm cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --account 210987654321
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    found = parse_id(relation_id, "a relation")
    with open_governed(given) as governed:
        in_force = governed.governance.relations.confirm(
            found, account_id=account_id, actor=_actor(governed, account_id, officer)
        )
    print_facts({"RelationId": str(found), "InForce": in_force}, as_json=as_json)


@relations.command("end")
@click.argument("relation_id", metavar="RELATION")
@_side
@officer_option
@where_options
@as_json_option
def end(relation_id: str, account_id: str | None, officer: str | None, as_json: bool, **given: Any) -> None:
    """End RELATION: for the side --account, or as an officer of the house.

    Only an officer can while the upstream account is not in good standing or has an open finding; and while
    the account that is acted for is not in good standing.

    Example: countenance accounts relations end cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --officer "Maria Lind"
    """
    found = parse_id(relation_id, "a relation")
    with open_governed(given) as governed:
        governed.governance.relations.end(
            found, account_id=account_id, actor=_actor(governed, account_id, officer)
        )
    print_facts({"RelationId": str(found), "Status": "ENDED"}, as_json=as_json)


@relations.command("list")
@click.argument("account_id", metavar="[ACCOUNT]", required=False)
@where_options
@as_json_option
def list_(account_id: str | None, as_json: bool, **given: Any) -> None:
    """List the relations of ACCOUNT, or all, that have not ended.

    Example: countenance accounts relations list 123456789012
    """
    with open_governed(given) as governed:
        if account_id is not None:
            governed.accounts.require_account(account_id)
        rows = [_row(relation) for relation in governed.governance.relations.list(account_id)]
    print_rows(
        rows,
        as_json=as_json,
        columns=("RelationId", "Kind", "Upstream", "Downstream", "InForce", "DeclaredAt"),
    )


def _actor(governed: Governed, account_id: str | None, officer: str | None) -> Actor:
    """Who says so: an officer, unless it is said for an account."""
    if account_id is None:
        return Actor(deciding_officer(governed.governance.officers, officer))
    if officer is not None:
        raise click.UsageError("give either --account, whose side it is, or --officer, who decides")
    governed.accounts.require_account(account_id)
    return Actor(machine_user())


def _row(relation: Relation) -> dict[str, Any]:
    return {
        "RelationId": str(relation.relation_id),
        "Kind": relation.kind,
        "Upstream": relation.upstream,
        "Downstream": relation.downstream,
        "DeclaredBy": relation.declared_by,
        "DeclaredAt": relation.declared_at,
        "InForce": relation.in_force,
    }
