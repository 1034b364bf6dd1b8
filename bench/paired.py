"""Two ways to make templates, compared on the same people: what changes, and how surely.

Thresholds are each way's own at the rate, in every draw of people again, so that what the threshold does not
know is in the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.bootstrap import draw_counts, percentile_interval
from countenance.evaluation.intervals import Interval
from countenance.evaluation.trials import Trials

_REPLICATES = 400
_SEED = 28
_HIGHEST = 40.0
"""Trials of so many times the rate are enough to find the threshold of any draw of people."""


@dataclass(frozen=True)
class Measured:
    """One way's true accept rate at a false match rate, and what it was in every draw of people."""

    tar: float
    replicates: NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """How much the second of two ways accepts more than the first."""

    gain: float
    interval: Interval


def tars_at(
    mated: Trials, non_mated: Trials, *, max_fmrs: Sequence[float], people: int
) -> dict[float, Measured]:
    """By rate: of the trials, and of trials of people drawn again, the same draws for all of so many people.

    Raises:
        TooFewTrials: effective non-mated trials x rate < 1.
    """
    if non_mated.effective * min(max_fmrs) < 1:
        raise TooFewTrials(f"FMR {min(max_fmrs):g} is less than one effective non-mated trial")
    counts = draw_counts(people, replicates=_REPLICATES, seed=_SEED)
    total = _total(non_mated, counts)
    top = _highest(non_mated, _HIGHEST * max(max_fmrs))
    once = np.ones(people)
    return {
        rate: Measured(
            _tar(mated, top, once, rate),
            np.array([_tar(mated, top, count, rate * of) for count, of in zip(counts, total, strict=True)]),
        )
        for rate in max_fmrs
    }


def gain_of(before: Measured, after: Measured) -> Gain:
    return Gain(after.tar - before.tar, percentile_interval(after.replicates - before.replicates))


def _tar(mated: Trials, top: Trials, count: NDArray[np.float64], mass: float) -> float:
    """Share of mated weight at the lowest threshold that not more than `mass` of non-mated weight reaches."""
    masses = np.cumsum(top.weights * count[top.first] * count[top.second])
    over = int(np.searchsorted(masses, mass * (1 + 1e-12), side="right"))
    threshold = np.nextafter(top.scores[min(over, len(top) - 1)], np.float32(np.inf))
    weights = mated.weights * count[mated.first]
    return float(weights[mated.scores >= threshold].sum() / weights.sum())


def _highest(trials: Trials, mass: float) -> Trials:
    """The trials with the highest scores, descending: `mass` of the weight or more."""
    some = min(len(trials), max(1000, round(4 * mass * len(trials))))
    chosen = np.argpartition(-trials.scores, some - 1)[:some]
    chosen = chosen[np.argsort(-trials.scores[chosen], kind="stable")]
    return Trials(trials.scores[chosen], trials.first[chosen], trials.second[chosen], trials.weights[chosen])


def _total(trials: Trials, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(replicates,) weight of all non-mated trials in each draw."""
    people = counts.shape[1]
    cells = trials.first.astype(np.int64) * people + trials.second
    between = np.bincount(cells, trials.weights, minlength=people**2).reshape(people, people)
    return np.asarray(np.einsum("rp,rp->r", counts @ between, counts))
