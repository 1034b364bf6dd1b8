"""`countenance drift`: whether searches match by chance as rarely as the calibration states."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import click

from countenance.assurance.drift import KEPT, Drift, read_drift
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_rows
from countenance.evaluation.drift import BINS, Judgement, searches_needed
from countenance.settings import Settings

_DOES_NOT_HOLD = 1


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, KEPT.days),
    default=7,
    show_default=True,
    help="how far back searches are looked at",
)
@settings_options("data_dir", "database_url")
@as_json_option
def drift(days: int, as_json: bool, **given: Any) -> None:
    """Compare production's searches with the false match rates that the calibration states.

    Each search over 500 faces or more lends a few comparisons with faces drawn at random; only how many of
    them reach a stated rate is kept, per day and collection. A rate is called `higher` if even the low end of
    its 95 % interval is over twice the stated one: then Similarity means less on your photos than it says.
    Measure it with `countenance evaluate`, and make a calibration of your own with `countenance calibrate`.

    Exits 1 if a rate is `higher`. The server looks hourly, and puts into the log what it finds.

    \b
    countenance drift
    countenance drift --days 30 --json
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    settings = Settings.from_env(**given)
    with open_store(settings) as (database, _), database.read() as connection:
        found = read_drift(connection, window=timedelta(days=days))
    rows = [row for each in found for row in (_to_json(each) if as_json else _to_rows(each))]
    print_rows(rows, as_json=as_json, nothing="no search over 500 faces or more was counted yet")
    if any(each.is_alarming for each in found):
        problem = "a stated false match rate does not hold: see `countenance drift --help`"
        click.secho(problem, fg="red", err=True)
        sys.exit(_DOES_NOT_HOLD)


def _to_rows(drift: Drift) -> Iterator[dict[str, Any]]:
    for judgement in drift.judgements:
        yield {
            "Collection": drift.name,
            "Account": drift.account_id,
            "Model": drift.face_model_version,
            "Searches": drift.counts.searches,
            "Comparisons": drift.counts.comparisons,
            "StatedFmr": f"{judgement.stated:.2g}",
            "CountedFmr": None if judgement.counted is None else f"{judgement.counted:.2g}",
            "Interval": _interval(judgement),
            "Verdict": _verdict(drift, judgement),
        }


def _to_json(drift: Drift) -> Iterator[dict[str, Any]]:
    edges = [*BINS, None]
    yield {
        "CollectionId": drift.name,
        "AccountId": drift.account_id,
        "Region": drift.region,
        "FaceModelVersion": drift.face_model_version,
        "CalibrationDigest": drift.calibration,
        "Searches": drift.counts.searches,
        "Comparisons": drift.counts.comparisons,
        "Judgements": [
            {
                "StatedFmr": judgement.stated,
                "CountedFmr": judgement.counted,
                "Interval": None
                if judgement.interval is None
                else {"Low": judgement.interval.low, "High": judgement.interval.high},
                "Verdict": judgement.verdict,
            }
            for judgement in drift.judgements
        ],
        "Histogram": [
            {"FromNegLog10Fmr": low, "ToNegLog10Fmr": high, "Comparisons": int(count)}
            for low, high, count in zip(edges, edges[1:], drift.counts.bins, strict=False)
        ],
    }


def _interval(judgement: Judgement) -> str | None:
    interval = judgement.interval
    return None if interval is None else f"{interval.low:.2g} - {interval.high:.2g}"


def _verdict(drift: Drift, judgement: Judgement) -> str:
    if judgement.verdict != "too few" or not drift.counts.searches:
        return judgement.verdict
    needed = searches_needed(
        judgement.exponent, comparisons_a_search=drift.counts.comparisons / drift.counts.searches
    )
    return f"too few: {needed} searches say"
