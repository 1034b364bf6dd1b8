"""`countenance reembed report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from countenance.assurance.calibrations import Calibrations
from countenance.cli.reembedded import Reembedded, collection_options, open_reembedded
from countenance.cli.tables import as_json_option, print_json
from countenance.gallery.two_models import Model
from countenance.reembedding.differences import MOST_EXACT, SAMPLE, Differences, Side, compare
from countenance.reembedding.report_files import to_csv, to_json, to_text
from countenance.similarity import Calibration
from countenance.store.files import write_private
from countenance.types import Similarity
from countenance.vision.pipeline_digest import pipeline_digest


@click.command()
@collection_options
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=80.0,
    show_default=True,
    help="the similarity that your searches ask for",
)
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="write every difference to a file, mode 600"
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=SAMPLE,
    show_default=True,
    help=f"how many are drawn at random, of more than {MOST_EXACT:,} faces, and compared with all",
)
@as_json_option
def report(
    name: str,
    account_id: str | None,
    threshold: float,
    csv_file: Path | None,
    sample: int,
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """Say whose answers would change: every face of COLLECTION searched under both models.

    Which pairs of faces begin to match and which stop, of one person and of different people (by their
    users), whose best candidate changes. It says that the models disagree, and not which is right. The
    report names people and is for you: nothing of it is logged.

    Example: countenance reembed report staff --threshold 95 --csv changes.csv
    """
    with open_reembedded(name, account_id, given) as opened:
        run = opened.gallery.reembeddings.require(opened.collection)
        found = differences(opened, run.from_model, run.to_model, threshold=threshold, sample=sample)
    if csv_file is not None:
        write_private(csv_file, to_csv(found).encode(), replace=True)
    if as_json:
        print_json(to_json(found))
    else:
        click.echo(to_text(found), nl=False)


def calibration_of(opened: Reembedded, model: Model) -> Calibration:
    """That is in force for the pack of a model: what its similarities mean to callers."""
    manifest = opened.require_pack(model).manifest
    record = Calibrations(opened.governed.database, pipeline_digest=pipeline_digest())
    return record.find(manifest.digest) or manifest.calibration


def differences(
    opened: Reembedded, before: Model, after: Model, *, threshold: float, sample: int = SAMPLE
) -> Differences:
    """Of two models of the collection, both of whose packs are installed."""
    sides = [
        Side(
            model.version,
            opened.gallery.shadow_templates.templates(opened.collection, model),
            calibration_of(opened, model),
        )
        for model in (before, after)
    ]
    return compare(*sides, threshold=Similarity(threshold), sample=sample)
