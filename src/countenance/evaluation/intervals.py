"""How sure a rate is: intervals that respect that one person's trials are not independent.

Each rate's variance is estimated from people, not from comparisons, and turned into the number of
independent trials that would have had it; Wilson's interval for so many trials is right near 0 and
1, where a symmetric one is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.trials import Trials

_NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided 95 % confidence interval."""

    low: float
    high: float


def wilson(rate: float, trials: float) -> Interval:
    """Wilson's interval for a proportion seen in so many independent trials.

    Raises:
        ValueError: a rate outside [0, 1], or no trials.
    """
    if not 0.0 <= rate <= 1.0 or trials <= 0:
        raise ValueError(f"{rate} of {trials} trials is no proportion")
    z2 = _NORMAL_975**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _NORMAL_975 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return Interval(0.0 if rate == 0.0 else centre - half, 1.0 if rate == 1.0 else centre + half)


def interval_of(rate: float, *, variance: float, most_trials: float) -> Interval:
    """Wilson's interval for as many trials as explain `variance`, at most `most_trials`."""
    spread = rate * (1.0 - rate)
    if spread <= 0.0 or variance <= spread / most_trials:
        return wilson(rate, most_trials)
    return wilson(rate, spread / variance)


def variance_of_match_rate(trials: Trials, matches: NDArray[np.bool_]) -> float:
    """Sampling variance of the weighted share of `matches`, over the draw of people.

    Mated: each person is a cluster. Non-mated: each trial belongs to two people, so that trials
    which share a person are correlated (dyadic clusters: Fafchamps and Gubert, 2007; Aronow, Samii
    and Assenova, 2015).

    Memory for non-mated trials: number of people squared, 8 bytes each.
    """
    residuals = trials.weights * (matches - trials.weights[matches].sum())
    people = int(max(trials.first.max(), trials.second.max())) + 1
    if trials.is_mated:
        return float(np.sum(np.bincount(trials.first, residuals) ** 2))
    cells = trials.first.astype(np.int64) * people + trials.second
    between = np.bincount(cells, residuals, minlength=people * people).reshape(people, people)
    between = between + between.T
    twice_by_pair = float(np.sum(between**2))
    by_person = float(np.sum(between.sum(axis=1) ** 2))
    return max(by_person - twice_by_pair / 2, twice_by_pair / 2)


def effective_people(trials: Trials) -> float:
    """Kish's effective number of people behind mated trials."""
    weights = np.bincount(trials.first, trials.weights)
    return float(1.0 / np.sum(weights**2))
