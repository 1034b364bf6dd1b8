"""`countenance reembed status`."""

from __future__ import annotations

from typing import Any

import click

from countenance.cli.governed import open_governed
from countenance.cli.options import settings_options
from countenance.cli.reembedded import Reembedded, collection_options, open_reembedded
from countenance.cli.tables import as_json_option, print_json, print_rows
from countenance.gallery import Gallery
from countenance.gallery.reembedding_records import Reembedding
from countenance.reembedding.reasons import MEANINGS, Reason

_MOST_LISTED = 100_000
_NEXT = {
    "building": "was not finished: `countenance reembed start` again goes on",
    "ready": "`countenance reembed report`, then `countenance reembed switch`",
    "switched": "`countenance reembed rollback`, or `countenance reembed discard` to keep it",
    "rolled_back": "`countenance reembed switch` again, or `countenance reembed discard`",
    "discarding": "was not finished: `countenance reembed discard` again goes on",
}


@click.command()
@collection_options
@click.option(
    "--missing", "with_missing", is_flag=True, help="list the faces without a template of the new model"
)
@as_json_option
def status(name: str, account_id: str | None, *, with_missing: bool, as_json: bool, **given: Any) -> None:
    """Say how far the re-embedding of COLLECTION is, and how many faces have no template, and why.

    Example: countenance reembed status staff --missing
    """
    with open_reembedded(name, account_id, given) as opened:
        if with_missing:
            _print_missing(opened, as_json=as_json)
        else:
            print_status(opened, as_json=as_json)


@click.command("list")
@settings_options("data_dir", "database_url", "terms")
@as_json_option
def list_(*, as_json: bool, **given: Any) -> None:
    """List the collections that are being re-embedded, of all accounts.

    Example: countenance reembed list
    """
    with open_governed(given) as governed:
        gallery = Gallery(governed.database, governed.keys)
        rows = [
            {
                "AccountId": collection.account_id,
                "Region": collection.region,
                "CollectionId": collection.name,
                "State": run.state,
                "From": run.from_model.version,
                "Onto": run.to_model.version,
                "StartedAt": run.started_at.isoformat(timespec="seconds"),
            }
            for collection in gallery.reembeddings.list_collections()
            if (run := gallery.reembeddings.find(collection)) is not None
        ]
    print_rows(rows, as_json=as_json, nothing="no collection is being re-embedded")


def print_status(opened: Reembedded, *, as_json: bool) -> None:
    """Facts about the collection's re-embedding."""
    run = opened.gallery.reembeddings.require(opened.collection)
    facts, reasons = status_of(opened, run)
    if as_json:
        print_json(facts | {"Reasons": reasons})
        return
    for fact, value in facts.items():
        click.echo(f"{fact:18} {value:,}" if isinstance(value, int) else f"{fact:18} {value}")
    for reason, count in reasons.items():
        click.echo(f"  {count:,} {reason}: {MEANINGS[Reason(reason)]}")
    click.echo(f"next               {_NEXT[run.state]}")


def status_of(opened: Reembedded, run: Reembedding) -> tuple[dict[str, Any], dict[str, int]]:
    """Facts, and faces by the reason for which they have no template."""
    shadows, collection = opened.gallery.shadow_templates, opened.collection
    new = shadows.coverage(collection, run.to_model)
    old = shadows.coverage(collection, run.from_model)
    facts = {
        "AccountId": collection.account_id,
        "CollectionId": collection.name,
        "State": run.state,
        "From": run.from_model.version,
        "Onto": run.to_model.version,
        "Source": run.source,
        "StartedAt": run.started_at.isoformat(timespec="seconds"),
        "Faces": new.faces,
        "Embedded": new.embedded,
        "Missing": new.missing,
        "MissingOld": old.missing,
    }
    return facts, shadows.count_failures(collection, run)


def _print_missing(opened: Reembedded, *, as_json: bool) -> None:
    run = opened.gallery.reembeddings.require(opened.collection)
    missing = opened.gallery.shadow_templates.list_missing(
        opened.collection, run, run.to_model, limit=_MOST_LISTED
    )
    rows = [
        {
            "FaceId": str(each.face_id),
            "ExternalImageId": each.external_image_id,
            "UserId": each.user_id,
            "ImageId": str(each.image_id),
            "Reason": each.reason or "not looked at yet",
        }
        for each in missing
    ]
    print_rows(rows, as_json=as_json, nothing="every face has a template")
