"""`countenance calibrate`: what a similarity means on an operator's own photos."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from countenance.cli.calibration_options import acceptance_option, why_option
from countenance.cli.governed import officer_option
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option
from countenance.errors import TooFewTrials
from countenance.settings import Settings

_TOO_FEW = 1


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--pack", metavar="NAME", help="the pack to calibrate; by default the one for new collections")
@click.option(
    "--label-errors",
    type=click.Path(path_type=Path, dir_okay=False),
    help="a TOML file of labels known to be wrong: they are left out",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("calibration.json"),
    show_default=True,
    help="the file to write",
)
@click.option(
    "--use", "is_used", is_flag=True, help="put it on record and in force, by --officer and --reason"
)
@why_option
@acceptance_option
@click.option("--no-cache", is_flag=True, help="keep no templates, and use none that were kept")
@click.option(
    "--threads", type=click.IntRange(1, 256), help="photos looked at at once; all cores unless given"
)
@officer_option
@settings_options("models", "cache_dir", "data_dir", "database_url", "terms")
@as_json_option
def calibrate(
    dataset: Path,
    *,
    pack: str | None,
    label_errors: Path | None,
    out: Path,
    is_used: bool,
    reason: str | None,
    accept_difference: bool,
    no_cache: bool,
    threads: int | None,
    officer: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Fit what a Similarity means to your own labelled photographs.

    DATASET is a folder of folders, one a person, or a CSV or Parquet file as of `countenance evaluate`.
    Everybody is compared with everybody else, pairs of people weigh the same, and a false match rate is
    counted as far as the people reach; beyond that it is a model, and marked so. It says what would change
    and writes a file. Nothing changes until it is put in force: with --use, or later with `countenance
    calibration use FILE`.

    A wrong label makes every rate wrong: one person under two names looks like a false match. Look at the
    worst pairs first (`countenance evaluate DATASET --worst-pairs FILE`) and list what is wrong.

    Exit codes: 0 done; 1 there are too few people, or the calibration was refused; 2 the command line is
    wrong; 3 the set-up or the data set is.

    Example: countenance calibrate staff-photos/ --use --officer "Maria Lind" --reason "our own cameras"
    """
    if is_used and reason is None:
        raise click.UsageError("--use needs --reason: it goes on record.")
    if not is_used and (reason is not None or accept_difference or officer is not None):
        raise click.UsageError("--officer, --reason and --accept-difference go with --use.")
    from countenance.cli import calibrate_work as work  # a second of imports, which --help need not wait for

    settings = Settings.from_env(models=given["models"], cache_dir=given["cache_dir"])
    asked = work.Asked(dataset, pack or settings.pack, label_errors, no_cache=no_cache, threads=threads)
    try:
        manifest, document = work.fit(asked, settings, made_at=datetime.now(UTC))
    except TooFewTrials as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(_TOO_FEW)
    work.write(out, document)
    work.show(manifest, document, out, as_json=as_json)
    if is_used:
        assert reason is not None
        version = work.put_in_force(
            manifest,
            document,
            officer=officer,
            reason=reason,
            accept_difference=accept_difference,
            given={name: given[name] for name in ("data_dir", "database_url", "terms")},
        )
        click.echo(f"in force as version {version}, from the next call on", err=as_json)
