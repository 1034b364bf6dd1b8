"""`countenance evaluate`: what a pack is worth on labelled photographs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from countenance.cli.evaluate_options import Asked, data_set_options, protocol_options
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option
from countenance.settings import Settings

_INTERRUPTED = 130


@click.command()
@click.argument("dataset", required=False, type=click.Path(path_type=Path))
@data_set_options
@protocol_options
@click.option("--pack", metavar="NAME", help="the pack to measure; by default the one for new collections")
@click.option(
    "--compare",
    nargs=2,
    metavar="PACK_A PACK_B",
    help="measure two packs on the same samples, and how they differ",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="write evaluation.json there, and the report as HTML and CSV",
)
@click.option(
    "--worst-pairs",
    "worst_pairs",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write paths and similarities of the pairs that went most wrong to a file of mode 600; it names "
    "photos, and is for those who may see them",
)
@click.option("--no-cache", is_flag=True, help="keep no templates, and use none that were kept")
@click.option(
    "--forget", is_flag=True, help="remove every template that evaluations kept, and do nothing else"
)
@click.option(
    "--threads", type=click.IntRange(1, 256), help="photos looked at at once; all cores unless given"
)
@settings_options("models", "cache_dir")
@as_json_option
def evaluate(dataset: Path | None, *, as_json: bool, forget: bool, threads: int | None, **given: Any) -> None:
    """Measure a pack on labelled photographs: how often it is wrong, and how sure that is.

    DATASET is a folder of folders, one a person; or a CSV or Parquet file with the columns `subject` and
    `path` (relative to the file), and if you have them `box` (left,top,width,height in pixels), `attack`,
    `pad_score` (of your own attack detector: Countenance ships none), `session` and columns of cohorts.
    With --pairs it is the folder that a list of pairs names photos of.

    Photographs go through the very pipeline that serves. What cannot be read, or shows no face, counts as
    a failure to enrol. People are weighted equally, intervals are over the draw of people, and a rate that
    the trials cannot carry is refused, with the number of trials that it would take.

    The pack's own calibration is evaluated. One of yours that is in force on a server is not, as no database
    is opened: give its file with --calibration, or the gate will not count the evaluation for it.

    Templates are kept in the cache folder, for nobody else to read, so that a second run, a run that was
    interrupted or a larger data set costs its new photos only. They are personal data: --no-cache keeps
    none, --forget removes all. No server and no database is needed.

    Exit codes: 0 done; 2 the command line is wrong; 3 the data set is, or there is nothing to evaluate; 130
    interrupted.

    \b
    Examples:
      countenance evaluate photos/                              a folder for each person
      countenance evaluate photos/ --pack open --out report/    with reports to read and to keep
      countenance evaluate lfw/ --pairs pairs.txt               a list as Labeled Faces in the Wild has it
      countenance evaluate people.csv --cohort sex --labels-by "the people, when they applied"
      countenance evaluate photos/ --compare standard open      two packs on the same photos
      countenance evaluate photos/ --calibration own.json       for the calibration that you put in force
      countenance evaluate presentations.csv --pad-threshold 0.5    your attack detector's scores, too
      countenance evaluate --forget                             remove the templates that were kept
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    settings = Settings.from_env(models=given.pop("models"), cache_dir=given.pop("cache_dir"))
    if forget:
        _forget(settings, is_alone=dataset is None)
        return
    if dataset is None:
        raise click.UsageError("Missing argument 'DATASET'.")
    asked = Asked.from_options(dataset, given)
    from countenance.cli.evaluate_work import run  # a second of imports, which --help need not wait for

    try:
        run(asked, settings, threads=threads, as_json=as_json)
    except KeyboardInterrupt:
        kept = "what was seen is lost" if asked.no_cache else "what was seen is kept: run it again to go on"
        click.echo(f"interrupted; {kept}", err=True)
        sys.exit(_INTERRUPTED)


def _forget(settings: Settings, *, is_alone: bool) -> None:
    if not is_alone:
        raise click.UsageError("--forget does nothing else: give no DATASET with it.")
    from countenance.measuring.template_cache import forget

    size = forget(settings.cache_dir)
    click.echo(f"removed {size / 2**20:.1f} MiB of templates" if size else "no templates were kept")
