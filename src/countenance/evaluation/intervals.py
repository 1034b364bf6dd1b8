"""How sure a rate is: intervals that respect that one person's trials are not independent.

Each rate's variance is estimated from people, not from comparisons, and turned into the number of
independent trials that would have had it; Wilson's interval for so many trials is right near 0 and
1, where a symmetric one is not, and where the percentiles of a bootstrap end at the last error seen.

Where few people err, their variance is hardly known, and where nobody does, not at all. So it is
taken together with that of `_SUPPOSED` people all of whose trials agree: without an error there are
as many independent trials as people, and with errors of many people as many as the variance says.
`bench/coverage.py` counts how often that holds the truth; docs/benchmarks.md says what it counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.trials import Trials

_NORMAL_975 = 1.959963984540054
_SUPPOSED = 2.0  # people


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of trials with how sure it is.

    Attributes:
        rate: in [0, 1], people (or pairs of people) weighted equally.
        interval: 95 %, over the draw of people.
        trials: comparisons or searches made.
        effective: independent ones that would be as sure: what a bound may be taken of.
    """

    rate: float
    interval: Interval
    trials: int
    effective: float


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


def rate_of(
    outcomes: NDArray[np.bool_],
    weights: NDArray[np.float64],
    clusters: NDArray[np.int64],
    *,
    variance: float | None = None,
    added_variance: float = 0.0,
) -> Rate:
    """The weighted share of `outcomes`, with how sure it is.

    Args:
        outcomes: (n,) what is counted, a trial each.
        weights: (n,) summing to 1.
        clusters: (n,) whose trial each is: a person, or a pair of people, as a number from 0.
        variance: of the share; where not given, clusters are independent of each other.
        added_variance: from elsewhere, such as a threshold's.
    """
    rate = min(1.0, float(weights[outcomes].sum()))
    if variance is None:
        variance = float(np.sum(np.bincount(clusters, weights * (outcomes - rate)) ** 2))
    rarer = outcomes if rate <= 0.5 else ~outcomes
    effective = effective_trials(
        rate,
        variance + added_variance,
        people=kish(_by_cluster(clusters, weights)),
        trials=kish(weights),
        erring=kish(_by_cluster(clusters, weights * rarer)),
    )
    return Rate(rate, wilson(rate, effective), len(outcomes), effective)


def effective_trials(rate: float, variance: float, *, people: float, trials: float, erring: float) -> float:
    """Independent trials that would be as sure.

    Args:
        rate: the share.
        variance: of it.
        people: effective clusters.
        trials: effective trials, which are never exceeded.
        erring: effective clusters in which the rarer outcome was seen.
    """
    spread = rate * (1.0 - rate)
    if spread <= 0.0:
        return people
    design_effect = max(variance * people / spread, people / trials)
    supposed = max(design_effect, 1.0)
    return people * (erring + _SUPPOSED) / (erring * design_effect + _SUPPOSED * supposed)


def _by_cluster(clusters: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.bincount(clusters, weights), np.float64)


def kish(weights: NDArray[np.float64]) -> float:
    """Kish's effective number: equal to the count when all weigh the same; 0 of nothing."""
    squares = float(np.sum(weights**2))
    return float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0


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
