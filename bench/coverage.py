"""How often the intervals hold the true rate: on people who are generated, so that it is known.

    python bench/coverage.py [--sets 400]

Three kinds of people: *strangers* (directions at random), *hubs* (some resemble everybody, so that
comparisons which share a person depend on each other) and *many photos* (hubs with five photos each).
The true rates are those of large draws of the same kind. Of each kind so many small data sets are
generated, and each states its intervals as an evaluation does. A two-sided 95 % interval should hold
the truth in 93 to 97 % of them; where a data set sees next to no error it must hold it more often.
The share of one-sided bounds that hold should be 95 % or more.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from countenance.errors import TooFewTrials
from countenance.evaluation.bounds import upper_bound
from countenance.evaluation.calibration import fit_calibration
from countenance.evaluation.intervals import Interval
from countenance.evaluation.open_set import Searches, draw_open_set, search
from countenance.evaluation.open_set_rates import fnir_at_fpir, rates_at
from countenance.evaluation.trials import Samples, Trials, all_mated, all_non_mated
from countenance.evaluation.verification import OperatingPoints, match_rate, match_rate_of
from countenance.types import Cosine
from tables import print_table

DIMENSIONS = 24
GALLERY = 60
COUNTED = (1e-1, 1e-2, 1e-3)
MODELLED = (1e-4, 1e-5, 1e-6)
LARGE_DRAWS = 4
LARGE_SEARCHED = 14  # draws whose searches give the true rates of searches
LARGE = 8000  # people whose pairs give the true FMR of each draw
SEED = 2026
OWN_STREAM = 500_000  # added to a seed: who is enrolled is drawn by other numbers than the people are


@dataclass(frozen=True)
class Kind:
    """One way to generate people: how far some lean towards all others, photos each, people in a data set."""

    name: str
    lean: float
    photos: int
    people: int
    spread: float = 0.8


KINDS = (
    Kind("strangers", lean=0.0, photos=2, people=200),
    Kind("hubs", lean=3.0, photos=2, people=200),
    Kind("many photos", lean=3.0, photos=5, people=100),
)


@dataclass(frozen=True)
class Truth:
    """Cosines by their true FMR, and the true rate of each figure."""

    cosines: dict[float, float]
    rates: dict[str, float]


def generate(kind: Kind, people: int, seed: int, *, photos: int | None = None) -> Samples:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, DIMENSIONS))
    centres[:, 0] += kind.lean * random.random(people)
    subjects = np.repeat(np.arange(people), photos or kind.photos)
    templates = centres[subjects] + kind.spread * random.normal(size=(len(subjects), DIMENSIONS))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))


def truth_of(kind: Kind) -> Truth:
    """From large draws: FMR of people with a photo each, the others of a few thousand people."""
    highest = np.sort(np.concatenate([_highest(kind, SEED + draw) for draw in range(LARGE_DRAWS)]))[::-1]
    pairs = LARGE_DRAWS * LARGE * (LARGE - 1) // 2
    cosines = {rate: float(highest[round(rate * pairs)]) for rate in (*COUNTED, *MODELLED)}
    rates = {f"FMR {rate:.0e}": rate for rate in COUNTED}
    rates |= {f"stated FMR {rate:.0e}": rate for rate in (*COUNTED, *MODELLED)}
    mated = [all_mated(generate(kind, LARGE, SEED + draw)) for draw in range(LARGE_DRAWS)]
    for rate in COUNTED:
        fnmr = 1.0 - float(np.mean([match_rate(trials, cosines[rate]) for trials in mated]))
        rates |= {f"FNMR where FMR is {rate:.0e}": fnmr, f"FNMR at FMR {rate:.0e}": fnmr}
        rates[f"bound of FNMR where FMR is {rate:.0e}"] = fnmr
    searches = [
        _searches(kind, generate(kind, 3000, SEED + draw), SEED + 100 * draw, draws=30)
        for draw in range(LARGE_SEARCHED)
    ]
    for rate in COUNTED:
        points = [rates_at(each, cosines[rate], list_length=1) for each in searches]
        rates[f"FPIR where FMR is {rate:.0e}"] = float(np.mean([point.fpir.rate for point in points]))
        rates[f"FNIR where FMR is {rate:.0e}"] = float(np.mean([point.fnir.rate for point in points]))
    points = [fnir_at_fpir(each, max_fpir=0.1, list_length=1) for each in searches]
    rates["FNIR at FPIR 0.1"] = float(np.mean([point.fnir.rate for point in points]))
    return Truth(cosines, rates)


def _highest(kind: Kind, seed: int) -> np.ndarray:
    """The highest tenth and a little more of all non-mated scores of one photo a person."""
    templates = generate(kind, LARGE, seed, photos=1).templates
    kept = [
        (templates[start : start + 1000] @ templates[start:].T)[
            np.arange(LARGE - start) > np.arange(min(1000, LARGE - start))[:, None]
        ]
        for start in range(0, LARGE, 1000)
    ]
    scores = np.concatenate(kept)
    return np.sort(np.partition(scores, int(0.88 * len(scores)))[int(0.88 * len(scores)) :])


def _searches(kind: Kind, samples: Samples, seed: int, *, draws: int) -> Searches:
    drawn = [
        draw_open_set(
            samples.subjects, size=GALLERY, seed=OWN_STREAM + seed + draw, most_probes_a_person=kind.photos
        )
        for draw in range(draws)
    ]
    return search(samples, drawn)


def intervals_of(kind: Kind, samples: Samples, truth: Truth, seed: int) -> Iterator[tuple[str, Interval]]:
    """Every figure's interval, as a data set of these people states it; bounds go from 0."""
    mated, non_mated = all_mated(samples), all_non_mated(samples)
    yield from _of_comparisons(mated, non_mated, truth)
    calibration = fit_calibration(non_mated, seed=seed).calibration
    for rate in (*COUNTED, *MODELLED):
        stated = calibration.fmr_interval(Cosine(truth.cosines[rate]))
        if stated is not None:
            yield f"stated FMR {rate:.0e}", Interval(*stated)
    searches = _searches(kind, samples, seed, draws=3)
    for rate in COUNTED:
        point = rates_at(searches, truth.cosines[rate], list_length=1)
        yield f"FPIR where FMR is {rate:.0e}", point.fpir.interval
        yield f"FNIR where FMR is {rate:.0e}", point.fnir.interval
    yield "FNIR at FPIR 0.1", fnir_at_fpir(searches, max_fpir=0.1, list_length=1).fnir.interval


def _of_comparisons(mated: Trials, non_mated: Trials, truth: Truth) -> Iterator[tuple[str, Interval]]:
    points = OperatingPoints(mated, non_mated)
    for rate in COUNTED:
        yield f"FMR {rate:.0e}", match_rate_of(non_mated, truth.cosines[rate]).interval
        matched = match_rate_of(mated, truth.cosines[rate])
        yield (
            f"FNMR where FMR is {rate:.0e}",
            Interval(1.0 - matched.interval.high, 1.0 - matched.interval.low),
        )
        bound = upper_bound(1.0 - matched.rate, matched.effective)
        yield f"bound of FNMR where FMR is {rate:.0e}", Interval(0.0, bound)
        try:
            yield f"FNMR at FMR {rate:.0e}", points.at_fmr(rate).fnmr_interval
        except TooFewTrials:
            continue


def coverage_of(kind: Kind, *, sets: int) -> list[tuple[str, float, float, int, int, int]]:
    """(figure, truth, share of intervals that hold it, truth below, truth above, intervals)."""
    truth = truth_of(kind)
    counts: dict[str, list[int]] = {}
    for seed in range(sets):
        samples = generate(kind, kind.people, seed)
        for figure, interval in intervals_of(kind, samples, truth, seed):
            rate, count = truth.rates[figure], counts.setdefault(figure, [0, 0, 0])
            count[0] += rate < interval.low
            count[1] += rate > interval.high
            count[2] += 1
    return [
        (figure, truth.rates[figure], 1.0 - (below + above) / made, below, above, made)
        for figure, (below, above, made) in sorted(counts.items())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=400, help="data sets of each kind")
    given = parser.parse_args()
    os.nice(10)
    for kind in KINDS:
        print_table(
            f"{kind.name}: {given.sets} data sets of {kind.people} people with {kind.photos} photos each",
            ("figure", "true rate", "held", "truth below", "truth above", "intervals"),
            [
                (figure, f"{rate:.2e}", f"{held:.1%}", str(below), str(above), str(made))
                for figure, rate, held, below, above, made in coverage_of(kind, sets=given.sets)
            ],
        )


if __name__ == "__main__":
    main()
