"""`countenance reembed discard`."""

from __future__ import annotations

from typing import Any

import click

from countenance.cli.reembedded import Reembedded, collection_options, open_reembedded
from countenance.cli.tables import as_json_option, print_facts
from countenance.errors import SetupError
from countenance.gallery.reembedding_records import FacesLeftBehind, Reembedding
from countenance.store import UnitOfWork


@click.command()
@collection_options
@click.option(
    "--erase-left-behind",
    is_flag=True,
    help="also where faces have no template of the model in use: they are erased, as the log then says",
)
@as_json_option
def discard(
    name: str, account_id: str | None, *, erase_left_behind: bool, as_json: bool, **given: Any
) -> None:
    """End the re-embedding of COLLECTION: keep the model in use, delete the templates of the other one.

    There is no way back from it. What is deleted is final within a day, as deleted faces are (`countenance
    erasures list`). Interrupted, it goes on where it ended when it is called again.

    Example: countenance reembed discard staff
    """
    with open_reembedded(name, account_id, given) as opened:
        run = opened.gallery.reembeddings.require(opened.collection)
        if run.state != "discarding":
            _begin(opened, run, erase_left_behind=erase_left_behind)
        swept, erased = _sweep(opened), _erase(opened)
        with UnitOfWork(opened.governed.database) as uow:
            opened.gallery.reembeddings.end(uow, opened.collection, run)
            opened.record(
                uow.connection,
                "DiscardTemplates",
                f"face model {opened.collection.face_model_version} stays; {swept} templates are deleted",
            )
            uow.commit()
        facts = {
            "CollectionId": opened.collection.name,
            "FaceModelVersion": opened.collection.face_model_version,
            "DeletedTemplates": swept,
            "ErasedFaces": erased,
        }
    print_facts(facts, as_json=as_json)


def _begin(opened: Reembedded, run: Reembedding, *, erase_left_behind: bool) -> None:
    collection = opened.collection
    try:
        with UnitOfWork(opened.governed.database) as uow:
            opened.gallery.reembeddings.begin_discarding(uow, collection, run, leave_behind=erase_left_behind)
            uow.commit()
    except FacesLeftBehind as error:
        raise SetupError(
            str(error),
            remedy=f"`countenance reembed start {collection.name}` with --from a folder that has their "
            "photographs, or --erase-left-behind to delete these faces",
        ) from error


def _sweep(opened: Reembedded) -> int:
    """Part by part: templates of the model that is not in use."""
    deleted = 0
    while True:
        with UnitOfWork(opened.governed.database) as uow:
            part = opened.gallery.reembeddings.sweep(uow, opened.collection)
            uow.commit()
        deleted += part
        if not part:
            return deleted


def _erase(opened: Reembedded) -> int:
    """Part by part, each with its entry in the log: faces that would have no template at all."""
    erased, collection = 0, opened.collection
    while True:
        with UnitOfWork(opened.governed.database) as uow:
            part = opened.gallery.reembeddings.erase_left_behind(uow, collection)
            if not part:
                return erased
            opened.audit.record_erasure(
                uow.connection,
                "EraseLeftBehind",
                account_id=collection.account_id,
                region=collection.region,
                collection=collection.name,
                face_ids=[str(face_id) for face_id in part],
                resource="no template of the face model that the collection was switched to",
            )
            uow.commit()
        erased += len(part)
