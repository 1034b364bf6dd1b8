"""`countenance audit about`: what a person may be told of a face or user."""

from __future__ import annotations

import json
import uuid
from typing import Any

import click

from countenance.accounts import Accounts
from countenance.audit import AuditLog, Touch
from countenance.audit.disclosure import Disclosure, disclose
from countenance.audit.reader import LogReader, record_operator_read
from countenance.audit.tree import LogDamaged
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.errors import SetupError
from countenance.settings import Settings


def _parse_face(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A FaceId, as entries have it."""
    try:
        if value is None or str(uuid.UUID(value)) == value.lower():
            return value and value.lower()
    except ValueError:
        pass
    raise click.BadParameter(
        f"`{value}` is no FaceId: it looks like cc5a3315-c2c0-494c-bc0a-f82211d9ac08", ctx, param
    )


@click.command()
@click.option("--account", "account_id", required=True, metavar="ID", help="whose collection it is")
@click.option("--collection", required=True, metavar="NAME", help="the collection's id, as callers name it")
@click.option(
    "--face",
    "face_id",
    metavar="FACE_ID",
    callback=_parse_face,
    help="a face of the collection, or one deleted from it",
)
@click.option("--user", "user_id", metavar="USER_ID", help="a user of the collection")
@click.option("--json", "as_json", is_flag=True, help="print JSON, with what shows each entry to be so")
@settings_options("data_dir", "database_url", "region")
def about(
    account_id: str, collection: str, face_id: str | None, user_id: str | None, as_json: bool, **given: Any
) -> None:
    """Show every entry that touched a face or user: what the person may be told.

    A line is: index in the log, time, operation, how it was touched (candidate, probe, shown to examiners,
    enrolled, associated, named, deleted), and of a candidate its rank and similarity. Of somebody whose face
    is in a user ask twice, for the face and for the user: a search finds the one or the other.

    With --json each entry comes with what the person needs to check it without trusting you
    (docs/operations/audit.md says how): the entry, its proof file, and salt, value, position and path of
    this one touch. Nothing of anybody else is opened. Once a face is deleted only its deletion is left.

    That it was looked up is an entry in the log itself.
    """
    if (face_id is None) == (user_id is None):
        raise click.UsageError("give either --face or --user")
    settings = Settings.from_env(**given)
    subject = (
        Touch(role="named", kind="user", id=user_id)
        if user_id is not None
        else Touch(role="named", kind="face", id=face_id or "")
    )
    with open_store(settings) as (database, keys):
        Accounts(database, keys).require_account(account_id)
        with database.transaction() as connection:
            record_operator_read(connection, f"about account={LogReader(keys, account_id).pseudonym}")
        try:
            with database.read() as connection:
                found = disclose(
                    connection,
                    AuditLog(keys),
                    account_id=account_id,
                    region=settings.region,
                    collection=collection,
                    subject=subject,
                )
        except LogDamaged as error:
            raise SetupError(
                str(error), remedy="find out who changed the database: see `audit reconcile --full`"
            ) from error
    if as_json:
        click.echo(json.dumps([_to_json(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo("no entry touched it, or what they meant was erased with it", err=True)


def _line(found: Disclosure) -> str:
    members, value = found.own.members, found.opening.value
    columns = [
        f"{'-' if found.own.log_index is None else found.own.log_index:>8}",
        members["time"],
        f"{members['operation']:<24}",
        f"{value['role']:<10}",
    ]
    if "rank" in value:
        columns.append(f"rank={value['rank']}")
    if "similarity" in value:
        columns.append(f"similarity={value['similarity']}")
    return "  ".join(columns).rstrip()


def _to_json(found: Disclosure) -> dict[str, Any]:
    """Hashes and salt in hexadecimal, as entries have them."""
    members, value = found.own.members, found.opening.value
    shown = {
        "index": found.own.log_index,
        "event": members["event"],
        "time": members["time"],
        "operation": members["operation"],
        "role": value["role"],
        "rank": value.get("rank"),
        "similarity": value.get("similarity"),
        "value": value,
        "salt": found.opening.salt.hex(),
        "commitment": found.commitment.hex(),
        "position": found.position,
        "count": members["touched"]["count"],
        "path": [each.hex() for each in found.path],
        "root": members["touched"]["root"],
        "entry": found.own.entry.decode(),
        "proof": None if found.proof is None else str(found.proof),
    }
    return {name: each for name, each in shown.items() if each is not None}
