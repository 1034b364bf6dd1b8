"""Looking at pictures, as the commands do it: with a bar, and Ctrl-C that loses nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import click

from countenance.cli.progress import faces_progress
from countenance.cli.reembedded import Reembedded
from countenance.errors import SetupError
from countenance.gallery.reembedding_records import Reembedding
from countenance.gallery.two_models import Model
from countenance.reembedding.build import Progress, build
from countenance.reembedding.photos import PhotoFolder
from countenance.reembedding.sources import FolderSource, PictureSource, VaultSource

VAULT: Final = "vault"

source_option = click.option(
    "--from",
    "source",
    metavar="FOLDER|vault",
    help="where pictures of the faces are: a folder of the photographs, or the collection's vault of crops",
)
pattern_option = click.option(
    "--photo-pattern",
    "pattern",
    default="",
    metavar="TEXT",
    help="a photograph's file below FOLDER, of {path}, {external_image_id}, {image_id} and {face_id}; by "
    "default {path}, the ExternalImageId with / for :, with the usual extensions",
)
threads_option = click.option(
    "--threads", type=click.IntRange(1, 256), help="pictures looked at at once; all cores unless given"
)


def open_source(opened: Reembedded, source: str, pattern: str) -> PictureSource:
    """Photographs of a folder, or crops of the vault.

    Raises:
        SetupError: there is no such folder, or the collection has no vault.
    """
    if source != VAULT:
        return FolderSource(
            PhotoFolder(Path(source), pattern=pattern, notice=lambda words: click.echo(words, err=True))
        )
    if opened.gallery.vaults.find(opened.collection) is None:
        raise SetupError(
            f"the collection `{opened.collection.name}` has no vault",
            remedy="give --from a folder of the photographs; a vault is for faces enrolled once it is open",
        )
    return VaultSource(opened.gallery.vaults, opened.collection)


def look_at_pictures(
    opened: Reembedded,
    run: Reembedding,
    model: Model,
    *,
    source: PictureSource,
    threads: int | None = None,
) -> tuple[Progress, bool]:
    """One pass, and whether it was interrupted."""
    vision = opened.vision(model)
    with faces_progress(opened.collection.name) as show, _until_interrupted() as is_stopping:
        done = build(
            opened.governed.database,
            opened.gallery.shadow_templates,
            opened.collection,
            run,
            model,
            vision=vision,
            source=source,
            record=lambda connection, faces: opened.record(
                # In words: no face of the gallery is a new one.
                connection,
                "EmbedFaces",
                f"{faces} faces left behind have a template of {model.version}",
            ),
            report=lambda progress: show(progress.done, progress.total),
            is_stopping=is_stopping,
            threads=threads,
        )
        return done, is_stopping()


@contextmanager
def _until_interrupted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed: what is under way is finished and written; pressed again it ends now."""
    pressed = False

    def note(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)
