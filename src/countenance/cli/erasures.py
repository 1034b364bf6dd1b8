"""`countenance erasures`: deletions that are not final yet, and making them so now."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import datetime
from typing import Any

import click

from countenance.audit import AuditLog
from countenance.cli.finishing import make_final
from countenance.cli.governed import open_governed, where_options
from countenance.cli.tables import as_json_option, print_rows
from countenance.errors import SetupError
from countenance.gallery.finality import Finality, PendingErasure


@click.group()
def erasures() -> None:
    """Deletions, and when they are final.

    A deleted face is gone from every list and search at once. Its sealed bytes stay in old pages, logs and
    backups of the database, where they open with a key that the database never had. A server replaces that
    key and destroys it within 24 hours of the deletion: then it is final, and the log says so.

    \b
    countenance erasures list
    countenance erasures finish
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@erasures.command("list")
@where_options
@as_json_option
def list_(as_json: bool, **given: Any) -> None:
    """List collections with deletions that are not final yet, the oldest first.

    Example: countenance erasures list --json
    """
    with open_governed(given) as governed:
        pending = Finality(governed.database, governed.keys).pending()
    _print(pending, as_json=as_json)


@erasures.command("finish")
@click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
@click.option("--collection", metavar="NAME", help="of collections of this name alone")
@where_options
@as_json_option
def finish(account_id: str | None, collection: str | None, as_json: bool, **given: Any) -> None:
    """Make deletions final now: replace keys, seal what is there anew, destroy the keys before.

    Beside a running server; interrupted, it goes on where it ended when it is called again.

    Example: countenance erasures finish --collection staff
    """
    with open_governed(given) as governed:
        finality, audit = Finality(governed.database, governed.keys), AuditLog(governed.keys)
        wanted = [
            each
            for each in finality.pending()
            if account_id in {None, each.collection.account_id} and collection in {None, each.collection.name}
        ]
        if not wanted and (account_id or collection):
            raise SetupError(
                "there is no such collection with deletions that are not final",
                remedy="see `countenance erasures list`",
            )
        reasons = {id(each): _finish(finality, audit, each) for each in wanted if not each.is_with_collection}
    for reason in filter(None, reasons.values()):
        click.echo(reason, err=True)
    _print(wanted, as_json=as_json, done={each for each, reason in reasons.items() if not reason})
    if any(reasons.values()):
        sys.exit(1)


def _finish(finality: Finality, audit: AuditLog, pending: PendingErasure) -> str:
    sealed = 0

    def progress(faces: int) -> None:
        nonlocal sealed
        sealed += faces
        if sys.stderr.isatty():
            click.echo(f"\r{pending.collection.name}: {sealed:,} faces sealed anew", nl=False, err=True)

    reason = make_final(finality, audit, pending.collection, progress=progress)
    if sys.stderr.isatty():
        click.echo("", err=True)
    return reason


def _print(pending: list[PendingErasure], *, as_json: bool, done: Collection[int] = ()) -> None:
    rows = [
        {
            "AccountId": each.collection.account_id,
            "Region": each.collection.region,
            "CollectionId": each.collection.name,
            "PendingFaces": 0 if id(each) in done else each.faces,
            "OldestDeletion": each.oldest_at.isoformat(timespec="seconds"),
            "FinalBy": "final now" if id(each) in done else _moment(each.final_by),
        }
        for each in pending
    ]
    print_rows(rows, as_json=as_json, nothing="every deletion is final")


def _moment(final_by: datetime | None) -> str:
    return "with the collection" if final_by is None else final_by.isoformat(timespec="seconds")
