"""What each step of the pipeline gains and costs, on the labelled faces of a data set.

    python bench/run.py steps [--photos DIR] [--write-docs]

Each row compares two ways on the same people: gain in TAR at FAR 1e-4 and 1e-5 (all pairs, people
weighted equally, each way at its own threshold) with the paired 95 % interval over people drawn again, the
same on each half of the people, gain in balanced accuracy (10 draws of pairs), and processor time a face.

User templates: of everybody with four photos or more (13 at most) three drawn at random make the template and
the others search; non-mated are templates with photos of all other people. Means over 5 draws. Each of the
three is degraded at even odds (`step_embeddings`), or none; the photos that search are as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accuracy import label_errors
from countenance.errors import SetupError
from countenance.evaluation.trials import (
    Samples,
    Trials,
    all_mated,
    all_non_mated,
    draw_pairs,
    score_pairs,
    without,
)
from countenance.evaluation.verification import balanced_accuracy
from countenance.types import Templates
from packs import installed_pack
from paired import Measured, gain_of, tars_at
from photographs import DataSet, load_data_set
from step_embeddings import LABELLED, StepEmbeddings, Variant
from tables import print_table
from user_templates import gain_text, measure_user_templates, user_table_of

RATES = (1e-4, 1e-5)
SEED = 2026
DRAWS = 10
_TIMED_PHOTOS = 60
ONE = {
    "found": Variant("found"),
    "refined": Variant("refined"),
    "landmarker": Variant("landmarker"),
    "landmarker alone": Variant("alone"),
    "mirrored": Variant("refined", mirrored=True),
    "smaller": Variant("refined", scale=0.95),
    "linear": Variant("refined", linear=True),
}
SECOND = {"second": Variant("landmarker", network=1)}
OPEN = {"plain": Variant("refined"), "mirrored": Variant("refined", mirrored=True)}
WORSE = {"degraded": Variant("landmarker", degraded=True)}


@dataclass(frozen=True)
class Way:
    """One way to make the templates, measured."""

    balanced: float
    tars: Mapping[float, Measured]
    halves: tuple[Mapping[float, Measured], ...]


@dataclass(frozen=True)
class Step:
    """What is compared with what, and what was decided.

    Attributes:
        costs: names of what it costs beside the way before (`costs_of`), and how often.
    """

    name: str
    before: str
    after: str
    costs: Mapping[str, int]
    kept: str


STEPS = (
    Step("`standard`: further looks at a face for its points", "found", "refined", {"looks": 1}, "kept"),
    Step("... then averaged with landmarks-0009", "refined", "landmarker", {"landmarker": 1}, "kept"),
    Step("... landmarks-0009 alone", "refined", "landmarker alone", {"landmarker": 1}, "no"),
    Step("... embedding averaged with the mirror image's", "refined", "flips", {"embedder 0": 1}, "no"),
    Step("... face 5 % smaller in the crop", "refined", "smaller", {}, "no"),
    Step("... crop bilinear instead of bicubic", "refined", "linear", {}, "no"),
    Step("`research`: MobileFaceNet fused with it", "landmarker", "fused", {"embedder 1": 1}, "kept"),
    Step(
        "`open`: averaged with the mirror image's", "open plain", "open flips", {"open embedder": 1}, "kept"
    ),
)


def run(photos: Path) -> dict[str, Any]:
    """Every row, as JSON values."""
    os.nice(10)
    data = load_data_set(photos)
    try:
        first = StepEmbeddings(installed_pack("research"), data)
        raw = first.raw({**ONE, **SECOND, **WORSE})
    except SetupError:
        first = StepEmbeddings(installed_pack("standard"), data)
        raw = first.raw({**ONE, **WORSE})
    templates = {name: unit(raw[name][:, LABELLED]) for name in ONE}
    templates["flips"] = unit(templates["refined"] + templates["mirrored"])
    if "second" in raw:
        templates["fused"] = unit(np.hstack([templates["landmarker"], unit(raw["second"][:, LABELLED])]))
    opened = StepEmbeddings(installed_pack("open"), data)
    plain, mirrored = (unit(each[:, LABELLED]) for each in opened.raw(OPEN).values())
    templates |= {"open plain": plain, "open flips": unit(plain + mirrored)}
    ways = {name: measure(rows, data) for name, rows in templates.items()}
    costs = costs_of(first, data) | {"open embedder": costs_of(opened, data)["embedder 0"]}
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {"name": data.name, "photos": len(data.files), "people": len(data.people)},
        "typical_length": float(np.median(np.linalg.norm(raw["landmarker"][:, LABELLED], axis=1))),
        "costs_ms": costs,
        "ways": {name: _figures(way) for name, way in ways.items()},
        "steps": [_row(step, ways, costs) for step in STEPS if step.after in ways],
        "user_templates": measure_user_templates(
            raw["landmarker"][:, LABELLED], raw["degraded"][:, LABELLED], data
        ),
    }
    print_result(result)
    return result


def unit(raw: NDArray[np.float32]) -> Templates:
    """Rows of unit length; of a photo without a face zeros."""
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    return np.asarray(raw / np.where(lengths > 0, lengths, 1), np.float32)


def measure(templates: Templates, data: DataSet) -> Way:
    """One way, on all people and on each half of them."""
    samples = Samples(templates, data.subjects, np.any(templates != 0, axis=1))
    balanced = [
        balanced_accuracy(score_pairs(samples, pairs), pairs).mean
        for pairs in (draw_pairs(data.subjects, seed=seed) for seed in range(SEED, SEED + DRAWS))
    ]
    people = len(data.people)
    mated, non_mated = all_mated(samples), without(all_non_mated(samples), label_errors(data))
    is_first = np.random.default_rng(SEED).permutation(people) < people // 2
    return Way(
        float(np.mean(balanced)),
        tars_at(mated, non_mated, max_fmrs=RATES, people=people),
        tuple(
            tars_at(_among(mated, half), _among(non_mated, half), max_fmrs=RATES, people=people)
            for half in (is_first, ~is_first)
        ),
    )


def costs_of(steps: StepEmbeddings, data: DataSet) -> dict[str, float]:
    """Milliseconds of processor time by step, medians over some photos, one after another in turn."""
    spent: dict[str, list[float]] = {}
    parts = [steps.part(Variant("refined", number)) for number in range(len(steps.pack.manifest.embedders))]
    for row in np.random.default_rng(SEED).permutation(len(data.files))[:_TIMED_PHOTOS]:
        for name, seconds in steps.timed(int(row), parts):
            spent.setdefault(name, []).append(seconds)
    return {name: 1000 * float(np.median(seconds)) for name, seconds in spent.items()}


def _among(trials: Trials, people: NDArray[np.bool_]) -> Trials:
    kept = people[trials.first] & people[trials.second]
    weights = trials.weights[kept]
    return Trials(trials.scores[kept], trials.first[kept], trials.second[kept], weights / weights.sum())


def _figures(way: Way) -> dict[str, Any]:
    return {"balanced": way.balanced, "tar": {f"{rate:.0e}": way.tars[rate].tar for rate in RATES}}


def _row(step: Step, ways: Mapping[str, Way], costs: Mapping[str, float]) -> dict[str, Any]:
    before, after = ways[step.before], ways[step.after]
    gains = {rate: gain_of(before.tars[rate], after.tars[rate]) for rate in RATES}
    return {
        "step": step.name,
        "kept": step.kept,
        "ms": sum(times * costs[name] for name, times in step.costs.items()),
        "balanced": after.balanced - before.balanced,
        "gain": {
            f"{rate:.0e}": {
                "gain": each.gain,
                "low": each.interval.low,
                "high": each.interval.high,
                "halves": [
                    gain_of(one[rate], other[rate]).gain
                    for one, other in zip(before.halves, after.halves, strict=True)
                ],
            }
            for rate, each in gains.items()
        },
    }


def table_of(result: Mapping[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Head and rows of the steps' table."""
    head = ["step", "TAR at 1e-4", "TAR at 1e-5", "each half at 1e-5", "balanced", "ms a face", ""]
    return head, [
        [
            row["step"],
            *(gain_text(row["gain"][rate]) for rate in ("1e-04", "1e-05")),
            " / ".join(f"{100 * half:+.2f}" for half in row["gain"]["1e-05"]["halves"]),
            f"{100 * row['balanced']:+.2f}",
            f"{row['ms']:+.1f}",
            row["kept"],
        ]
        for row in result["steps"]
    ]


def print_result(result: Mapping[str, Any]) -> None:
    print_table("what each step gains, percentage points on labelled faces", *table_of(result))
    print_table("users with three photos: TAR", *user_table_of(result["user_templates"]))
