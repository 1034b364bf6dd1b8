"""`countenance basis`: the rotation that a collection's templates are kept in, and another in its place."""

from __future__ import annotations

import sys
from typing import Any

import click

from countenance.audit import AuditLog
from countenance.cli.finishing import renew_basis
from countenance.cli.governed import open_governed, where_options
from countenance.cli.one_collection import collection_argument, find_collection
from countenance.cli.options import settings_options
from countenance.cli.progress import counting_progress
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Collection, Gallery
from countenance.gallery.finality import BasisOf, Finality
from countenance.types import AccountId

_where_region = settings_options("data_dir", "database_url", "terms", "region")


@click.group()
def basis() -> None:
    """The rotation that a collection's templates are kept in, if it has one of its own.

    Answers are the same in any. Templates of two bases are strangers: what got out of another collection, or
    out of this one before it was renewed, cannot be compared with what is there. It is no anonymisation, and
    no encryption: templates are sealed in any case.

    Beside a running server, which goes on answering. What was interrupted is taken up again by the next call,
    and by the server within an hour.

    \b
    countenance basis status
    countenance basis renew staff
    countenance basis leave staff
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@basis.command("status")
@click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
@click.option("--collection", metavar="NAME", help="of collections of this name alone")
@where_options
@as_json_option
def status(account_id: str | None, collection: str | None, as_json: bool, **given: Any) -> None:
    """Say which collections have a basis of their own, since when, and whether one is being renewed.

    Example: countenance basis status --json
    """
    account = None if account_id is None else AccountId(account_id)
    with open_governed(given) as governed:
        found = Finality(governed.database, governed.keys).bases(account_id=account, name=collection)
    print_rows([_to_row(each) for each in found], as_json=as_json, nothing="there is no such collection")


@basis.command("renew")
@collection_argument
@_where_region
@as_json_option
def renew(name: str, account_id: str | None, as_json: bool, **given: Any) -> None:
    """Give COLLECTION a new basis of its own, and destroy the seed of the one before.

    After templates may have got out: they are of no use against it any more. Its keys are replaced as well,
    and deletions that were pending are final.

    Example: countenance basis renew staff
    """
    _turn(name, account_id, given, is_own=True, as_json=as_json)


@basis.command("leave")
@collection_argument
@_where_region
@as_json_option
def leave(name: str, account_id: str | None, as_json: bool, **given: Any) -> None:
    """Bring COLLECTION back into the basis of its model, as collections are made.

    Example: countenance basis leave staff
    """
    _turn(name, account_id, given, is_own=False, as_json=as_json)


def _turn(name: str, account_id: str | None, given: dict[str, Any], *, is_own: bool, as_json: bool) -> None:
    with open_governed(given) as governed:
        finality, audit = Finality(governed.database, governed.keys), AuditLog(governed.keys)
        gallery = Gallery(governed.database, governed.keys)
        collection = find_collection(gallery, name, account_id, region=governed.settings.region)
        reason, faces, seconds = "", 0, 0.0
        if _basis_of(finality, collection).is_renewing:
            click.echo("One that was begun before is brought to its end first.", err=True)
            reason, faces, seconds = _renewed(finality, audit, collection, is_own=is_own)
        if not reason and (is_own or _basis_of(finality, collection).is_own):
            reason, faces, seconds = _renewed(finality, audit, collection, is_own=is_own)
        row = _to_row(_basis_of(finality, collection))
    print_facts(row | {"Faces": faces, "Seconds": seconds, "Failed": reason or None}, as_json=as_json)
    if reason:
        click.echo(reason, err=True)
        sys.exit(1)


def _renewed(
    finality: Finality, audit: AuditLog, collection: Collection, *, is_own: bool
) -> tuple[str, int, float]:
    """Why it could not be done, if so; how many faces were sealed anew, and in how many seconds."""
    total = finality.count_faces(collection)
    with counting_progress(collection.name, "faces", total=total) as counted:
        reason = renew_basis(finality, audit, collection, is_own=is_own, progress=counted.add)
    return reason, counted.count, round(counted.seconds, 1)


def _basis_of(finality: Finality, collection: Collection) -> BasisOf:
    """Raises ResourceNotFoundException: the collection was deleted meanwhile."""
    for each in finality.bases(account_id=collection.account_id, name=collection.name):
        if each.collection.collection_id == collection.collection_id:
            return each
    raise ResourceNotFoundException(f"the collection `{collection.name}` was deleted meanwhile")


def _to_row(each: BasisOf) -> dict[str, Any]:
    return {
        "AccountId": each.collection.account_id,
        "Region": each.collection.region,
        "CollectionId": each.collection.name,
        "Basis": "its own" if each.is_own else "the model's",
        "Since": None if each.since is None else each.since.isoformat(timespec="seconds"),
        "Renewal": "begun and not finished" if each.is_renewing else None,
    }
