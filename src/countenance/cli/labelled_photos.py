"""Labelled photos as commands are given them, and what a pack sees in them, with progress on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countenance.cli.progress import photos_progress, work_progress
from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, leave_out
from countenance.measuring.embedding import Embedded, FaceChoice, embed_data_set
from countenance.measuring.evaluating import Material
from countenance.measuring.folders import load_folder
from countenance.measuring.label_errors import LabelErrors, load_label_errors
from countenance.measuring.photos import hash_photos
from countenance.measuring.tables import TABLES, load_table
from countenance.measuring.template_cache import TemplateCache, cache_file
from countenance.settings import Settings
from countenance.vision.packs import InstalledPack
from countenance.vision.pipeline import Vision


def load_photos(dataset: Path, *, cohorts: Sequence[str] = (), labels_by: str = "") -> DataSet:
    """A folder of folders, one a person, or a table.

    Args:
        cohorts: columns whose labels are wanted, which somebody assigned: `labels_by`.

    Raises:
        SetupError: it is neither, or it is wrong.
    """
    if not dataset.exists():
        raise SetupError(f"`{dataset}` is not there", remedy="give a folder of photos, or a table of them")
    if dataset.is_dir():
        if cohorts:
            raise SetupError(
                "a folder has no columns to take cohorts from",
                remedy="give a CSV or Parquet file with the columns subject, path and those of --cohort",
            )
        return load_folder(dataset)
    if dataset.suffix.lower() not in TABLES:
        raise SetupError(
            f"`{dataset}` is neither a folder nor a table", remedy=f"a table ends with {', '.join(TABLES)}"
        )
    return load_table(dataset, cohort_columns=tuple(cohorts), labels_by=labels_by)


def without_label_errors(data: DataSet, listed: Path | None) -> tuple[DataSet, LabelErrors]:
    """What is left of the photos, and what the file lists.

    Raises:
        SetupError: the file is wrong, or nothing is left.
    """
    errors = LabelErrors() if listed is None else load_label_errors(listed, data)
    left = leave_out(data, paths=errors.wrong, doubles=errors.doubles)
    if not left.photos:
        raise SetupError("nothing to evaluate: no photo is left", remedy="give photos that are no attacks")
    return left, errors


def read_files(data: DataSet, errors: LabelErrors, *, threads: int) -> Material:
    """The photos with the SHA-256 of each file, by which templates are kept."""
    files = (*data.photos, *data.attacks)
    with work_progress("files") as shown:
        digests = hash_photos(
            data.root, files, threads=threads, done=lambda count: shown(count, len(files), "")
        )
    return Material(data, tuple(digests), errors)


def look_at(
    pack: InstalledPack,
    material: Material,
    settings: Settings,
    *,
    face: FaceChoice,
    threads: int,
    keeps_templates: bool,
) -> Embedded:
    """Templates of the chosen faces, as the pack makes them; those that were kept are not made again.

    Raises:
        SetupError: the place where templates are kept cannot be used.
    """
    vision = Vision(pack, threads=1)
    file = cache_file(settings.cache_dir, pack_digest=pack.manifest.digest) if keeps_templates else None
    with (
        TemplateCache(file, dimensions=vision.dimensions) as cache,
        photos_progress() as bar,
    ):
        return embed_data_set(
            vision,
            material.data,
            material.digests,
            choices=[face],
            cache=cache,
            threads=threads,
            done=bar.show,
        )
