"""`countenance reembed start`."""

from __future__ import annotations

import sys
from typing import Any

import click

from countenance.cli.reembed_build import (
    VAULT,
    look_at_pictures,
    open_source,
    pattern_option,
    source_option,
    threads_option,
)
from countenance.cli.reembed_status import print_status
from countenance.cli.reembedded import Reembedded, collection_options, open_reembedded
from countenance.cli.tables import as_json_option
from countenance.errors import SetupError
from countenance.gallery.reembedding_records import Reembedding, Source
from countenance.gallery.two_models import Model
from countenance.store import UnitOfWork

_INTERRUPTED = 130


@click.command()
@collection_options
@click.option("--onto", metavar="PACK", required=True, help="the model pack (`countenance models list`)")
@source_option
@pattern_option
@threads_option
@as_json_option
def start(
    name: str,
    account_id: str | None,
    onto: str,
    source: str | None,
    *,
    pattern: str,
    threads: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a template of the pack PACK for each face of COLLECTION, beside the one in use.

    A photograph is the one that a face was enrolled from if it is the same byte for byte; it is looked for
    by the face's ExternalImageId and then by content. The face in it is the one where the stored box is.
    Faces that get no template are listed with the reason. Ctrl-C ends it and loses nothing: started again,
    with the same or another source, it goes on with what is missing.

    \b
    countenance reembed start staff --onto standard --from /photos
    countenance reembed start staff --onto standard --from vault
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    if source is None:
        raise click.UsageError("say where pictures of the faces are, with --from FOLDER or --from vault")
    with open_reembedded(name, account_id, given) as opened:
        manifest = opened.packs.require(onto).manifest
        model = Model(manifest.face_model_version, manifest.embedder.dimensions)
        pictures = open_source(opened, source, pattern)
        opened.require_allowed(model)
        run = _begin(opened, model, "vault" if source == VAULT else "folder")
        _, interrupted = look_at_pictures(opened, run, model, source=pictures, threads=threads)
        if not interrupted:
            with UnitOfWork(opened.governed.database) as uow:
                opened.gallery.reembeddings.finish_building(uow, opened.collection, run)
                uow.commit()
        print_status(opened, as_json=as_json)
    if interrupted:
        click.echo("interrupted: start it again to go on", err=True)
        sys.exit(_INTERRUPTED)


def _begin(opened: Reembedded, model: Model, source: Source) -> Reembedding:
    """A new one, or the one that there is taken up again."""
    reembeddings, collection = opened.gallery.reembeddings, opened.collection
    present = reembeddings.find(collection)
    if present is not None and model != present.to_model:
        raise SetupError(
            f"the collection `{collection.name}` is being re-embedded onto face model "
            f"`{present.to_model.version}`",
            remedy=f"go on with that one, or end it: `countenance reembed discard {collection.name}`",
        )
    with UnitOfWork(opened.governed.database) as uow:
        if present is None:
            reembeddings.start(uow, collection, model, source)
            told = f"face model {collection.face_model_version} to {model.version}, from {source}"
            opened.record(uow.connection, "StartReembedding", told)
        else:
            reembeddings.take_up(uow, collection, present, source)
        uow.commit()
    return reembeddings.require(collection)
