"""`countenance keys`: where the master key is, another one in its place, and templates sealed anew."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import click

from countenance.audit import AuditLog
from countenance.cli.finishing import seal_anew
from countenance.cli.governed import open_governed
from countenance.cli.options import settings_options
from countenance.cli.progress import counting_progress
from countenance.cli.rotating import recording, rotation_of
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import SetupError
from countenance.gallery.finality import Finality
from countenance.store import KeyStore, Rotated
from countenance.store.master_places import Kind, Place
from countenance.store.wrapped_files import BASIS
from countenance.types import AccountId

_where = settings_options(
    "data_dir",
    "database_url",
    "kms_key_id",
    "kms_endpoint",
    "kms_region",
    "kms_access_key_id",
    "kms_secret_access_key",
)
_WHERE = {"file": "in a file", "kms": "in a key service"}


@click.group()
def keys() -> None:
    """The master key that everything is under, and the keys of templates.

    All of it beside a running server, which goes along by itself. What was interrupted is taken up again by
    the next call.

    \b
    countenance keys status
    countenance keys rotate
    countenance keys move --to kms
    countenance keys reseal --collection staff
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@keys.command("status")
@_where
@as_json_option
def status(as_json: bool, **given: Any) -> None:
    """Say where the master key is, since when, and how much is under it.

    Example: countenance keys status --json
    """
    with open_governed(given) as governed:
        ring = governed.keys.ring.read()
        places = governed.keys.ring.places(ring)
        under = rotation_of(governed.database, governed.keys).count_under()
        facts: dict[str, Any] = {
            "MasterKeys": [
                _to_facts(place, places.key_id(place), under[place.fingerprint]) for place in ring.places
            ],
            "KeyStore": str(ring.store),
            "Rotation": "begun and not finished" if len(ring.places) > 1 else None,
            "OpensWithNone": under[None],
            "Files": dict(_count_files(governed.keys)),
        }
    if as_json:
        print_facts(facts, as_json=True)
        return
    print_rows(facts.pop("MasterKeys"), as_json=False)
    files = [f"{count} {what}" for what, count in facts["Files"].items()]
    print_facts(facts | {"Files": files}, as_json=False)


@keys.command("rotate")
@_where
@as_json_option
def rotate(as_json: bool, **given: Any) -> None:
    """Put a new master key in the place of the one in use, and everything under it.

    The new one is where the old one was: in a file, or in the key service under the key that kms_key_id
    names now.

    Example: countenance keys rotate
    """
    _rotate(None, given, as_json=as_json)


@keys.command("move")
@click.option(
    "--to", "kind", type=click.Choice(["file", "kms"]), required=True, help="where the master key is to be"
)
@_where
@as_json_option
def move(kind: Kind, as_json: bool, **given: Any) -> None:
    """Move the master key from a file into a key service, or back: as a new key, as `rotate` makes one.

    Before it moves into a service every process of the server has to know that: start the server again
    with kms_key_id set.

    Example: countenance keys move --to kms
    """
    _rotate(kind, given, as_json=as_json)


@keys.command("reseal")
@click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
@click.option("--collection", metavar="NAME", help="of collections of this name alone")
@_where
@as_json_option
def reseal(account_id: str | None, collection: str | None, as_json: bool, **given: Any) -> None:
    """Replace the keys of templates now, seal what is there anew, destroy the keys before.

    Deletions that were pending are final with it. A running server goes on answering.

    Example: countenance keys reseal --collection staff
    """
    rows = []
    with open_governed(given) as governed:
        finality, audit = Finality(governed.database, governed.keys), AuditLog(governed.keys)
        account = None if account_id is None else AccountId(account_id)
        wanted = finality.collections(account_id=account, name=collection)
        if not wanted and (account_id or collection):
            raise SetupError(
                "there is no such collection",
                remedy="see `aws rekognition list-collections` with an access key of the account's",
            )
        for each in wanted:
            with counting_progress(each.name, "faces", total=finality.count_faces(each)) as counted:
                reason = seal_anew(finality, audit, each, progress=counted.add)
            rows.append(
                {
                    "AccountId": each.account_id,
                    "Region": each.region,
                    "CollectionId": each.name,
                    "Faces": counted.count,
                    "Seconds": round(counted.seconds, 1),
                    "Failed": reason or None,
                }
            )
    print_rows(rows, as_json=as_json, nothing="there is no collection")
    if any(row["Failed"] for row in rows):
        sys.exit(1)


def _rotate(kind: Kind | None, given: dict[str, Any], *, as_json: bool) -> None:
    with open_governed(given) as governed:
        rotation = rotation_of(governed.database, governed.keys)
        was_begun = rotation.is_begun()
        if kind is not None and not was_begun and governed.keys.ring.read().places[0].kind == kind:
            raise SetupError(
                f"the master key is {_WHERE[kind]} already",
                remedy="`countenance keys rotate` puts another one there",
            )
        with counting_progress("under the new master key", "keys and secrets") as counted:
            rotated = rotation.rotate(kind, record=recording(governed.keys), progress=counted.add)
        path = governed.keys.directory / rotated.old.name
    facts = {
        "NewKey": f"{rotated.new.name} {rotated.new.fingerprint.hex()}",
        "OldKey": f"{rotated.old.name} {rotated.old.fingerprint.hex()}",
        "Files": rotated.files,
        "Rows": rotated.rows,
        "PassedOver": list(rotated.passed_over),
        "WasBegunBefore": was_begun,
    }
    print_facts(facts, as_json=as_json)
    for line in _left_to_do(rotated, str(path), asked=kind, was_begun=was_begun):
        click.echo(line, err=True)
    if rotated.passed_over:
        sys.exit(1)


def _left_to_do(rotated: Rotated, path: str, *, asked: Kind | None, was_begun: bool) -> list[str]:
    kept = "its bytes may" if rotated.old.kind == "file" else "what the service encrypted may"
    lines = [
        f"`{path}` is removed: {kept} remain in free blocks of the disk, in snapshots and in backups.",
        "It opens nothing that is in use now, but copies of keys and database of before:",
        "destroy those once you have made new backups of both.",
        "If others may have read it: `countenance keys reseal`, and give out new access keys.",
    ]
    if was_begun and asked is not None and rotated.new.kind != asked:
        lines.append(f"This finished a rotation that was begun before. Call it again to move it to {asked}.")
    return lines


def _to_facts(place: Place, key_id: str | None, under: int) -> dict[str, Any]:
    return {
        "File": place.name,
        "Where": _WHERE[place.kind],
        "KmsKey": key_id,
        "Fingerprint": place.fingerprint.hex(),
        "Since": place.since,
        "KeysAndSecrets": under,
    }


def _count_files(store: KeyStore) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in store.files.list():
        if path.parent == store.files.secrets:
            found["secrets"] += 1
        else:
            _, dot, which = path.name.partition(".")
            kind = "seeds of bases" if which.startswith(BASIS) else "keys of templates"
            found[kind if dot else "keys of collections"] += 1
    return found
