"""How far the rates of groups lie apart: measures derived from them, never in place of them.

Max/min, max/geometric mean and the Gini coefficient are what NIST's FRTE tabulates (Grother, NISTIR
8429, 2022). Gini is that of Howard et al., "Evaluating Proposed Fairness Models for Face Recognition
Algorithms" (2022), G = n/(n-1) * sum_ij |x_i - x_j| / (2 n^2 mean(x)), whose first factor makes 1 its
maximum for any number of groups.

Each measure is an extreme over contrasts of the groups' log rates (or, for Gini, a seminorm of their
shares), and noise alone makes an extreme large: a percentile of replicates would hardly ever reach
down to equality. So the intervals are simultaneous over the contrasts, and one that holds equality
is one where the groups were not seen to differ. With two groups they are exact, with more they are wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.group_rates import Moments
from countenance.evaluation.intervals import Interval

LEAST_ERRORS = 10.0
"""Effective errors that each group must show before rates are divided: below, a ratio is mostly noise."""
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Differential:
    """One measure of how far rates of groups lie apart.

    Attributes:
        measure: "max/min", "max/geomean", "gini", or "min/max" of a rate where more is better.
        value: 1 (Gini: 0) where all rates are equal.
        interval: two-sided, 95 %, over the draw of subjects, at least.
    """

    measure: str
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Refused:
    """A figure that the trials cannot carry.

    Attributes:
        reason: one sentence.
        trials_needed: how many it takes of what `reason` counts; None where nothing seen tells.
    """

    reason: str
    trials_needed: int | None


def gini(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gini coefficient over the last axis, 0 (equal) to 1 (one group has all the errors).

    Raises:
        ValueError: fewer than two groups, or all rates are 0.
    """
    groups = rates.shape[-1]
    total = rates.sum(axis=-1)
    if groups < 2 or np.any(total <= 0):
        raise ValueError("a Gini coefficient needs two or more rates that are not all 0")
    return np.asarray(_spread(rates) / ((groups - 1) * total))


def deviations_of(moments: Moments, replicated: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations of log rates in replicates whose variance is the one that `moments` states.

    Drawing subjects with replacement counts what belongs to a pair of people alone three times (Owen,
    2007), as the product of two counts varies more than their sum. So replicates are drawn in towards
    the rate before their logarithm is taken.

    Args:
        moments: of G groups, whose rates are positive.
        replicated: (R, G) the rates in replicates of the draw.

    Returns:
        (R, G) float64; -inf where a replicate has a rate of 0, or none.
    """
    spread = np.nanstd(replicated, axis=0)
    scale = np.divide(np.sqrt(moments.variance), spread, out=np.ones_like(spread), where=spread > 0)
    drawn_in = 1.0 + (replicated / moments.rate - 1.0) * scale
    positive = np.nan_to_num(drawn_in) > 0
    return np.asarray(np.log(drawn_in, out=np.full(drawn_in.shape, -np.inf), where=positive))


def differentials_of(
    moments: Moments, replicated: NDArray[np.float64], *, better: Literal["low", "high"]
) -> tuple[Differential, ...] | Refused:
    """All measures for one kind of rate, or why there are none.

    Args:
        moments: of G groups.
        replicated: (R, G) the rates in replicates of the draw of subjects.
        better: "low" for error rates; "high" for a rate of right answers, compared by min/max alone.
    """
    if len(moments.rate) < 2:
        return Refused("fewer than two groups have a rate: nothing to compare", None)
    refused = refuse_thin(moments)
    if refused is not None:
        return refused
    deviations = deviations_of(moments, replicated)
    logs, errors = np.log(moments.rate), np.sqrt(moments.variance) / moments.rate
    ratio = _extreme(logs, errors, deviations, _pairwise(len(logs)))
    if better == "high":
        low, value, high = (1.0 / side for side in reversed(ratio))
        return (Differential("min/max", value, Interval(low, high)),)
    to_mean = np.eye(len(logs)) - 1.0 / len(logs)
    low_mean, mean, high_mean = _extreme(logs, errors, deviations, to_mean)
    return (
        Differential("max/min", ratio[1], Interval(ratio[0], ratio[2])),
        Differential("max/geomean", mean, Interval(low_mean, high_mean)),
        _gini_with_interval(logs, deviations),
    )


def refuse_thin(moments: Moments) -> Refused | None:
    """Why rates cannot be divided: a group shows too few errors. None where all show enough.

    What it takes is reckoned at the group's own rate, or where that is 0, at the mean of all groups.
    """
    errors = moments.effective_errors
    thinnest = int(np.argmin(errors))
    if errors[thinnest] >= LEAST_ERRORS:
        return None
    reason = (
        f"a group shows {errors[thinnest]:.3g} effective errors in {moments.trials[thinnest]} trials; "
        f"a ratio needs {LEAST_ERRORS:g} in every group"
    )
    rarer = np.minimum(moments.rate, 1.0 - moments.rate)
    if errors[thinnest] > 0:
        return Refused(reason, math.ceil(moments.trials[thinnest] * LEAST_ERRORS / errors[thinnest]))
    if not np.any(rarer > 0):
        return Refused(reason, None)
    per_effective = moments.trials[thinnest] / moments.effective[thinnest]
    return Refused(reason, math.ceil(per_effective * LEAST_ERRORS / rarer.mean()))


def _pairwise(groups: int) -> NDArray[np.float64]:
    """(G (G - 1), G): each ordered pair's difference."""
    rows = np.eye(groups)
    return np.array([rows[i] - rows[j] for i in range(groups) for j in range(groups) if i != j])


def _extreme(
    logs: NDArray[np.float64],
    errors: NDArray[np.float64],
    deviations: NDArray[np.float64],
    contrasts: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Low end, value and high end of exp(the largest contrast), by simultaneous intervals of all."""
    standard = np.sqrt(contrasts**2 @ errors**2)
    usable = np.all(np.isfinite(deviations), axis=1)
    studentized = np.abs(deviations[usable] @ contrasts.T) / standard
    largest = np.full(len(deviations), np.inf)  # a replicate without an error is as far off as can be
    largest[usable] = studentized.max(axis=1)
    width = float(np.quantile(largest, _CONFIDENCE, method="higher")) * standard
    seen = contrasts @ logs
    return (
        math.exp(max(0.0, float(np.max(seen - width)))),
        math.exp(float(np.max(seen))),
        math.exp(float(np.max(seen + width))),
    )


def _gini_with_interval(logs: NDArray[np.float64], deviations: NDArray[np.float64]) -> Differential:
    """By the triangle inequality: no Gini moves further than the seminorm of how the shares moved."""
    rates = np.exp(logs)
    replicated = np.exp(logs + deviations)
    shares = rates / rates.sum()
    moved = replicated / replicated.sum(axis=1, keepdims=True) - shares
    width = float(np.quantile(_spread(moved) / (len(logs) - 1), _CONFIDENCE, method="higher"))
    value = float(gini(rates))
    return Differential("gini", value, Interval(max(0.0, value - width), min(1.0, value + width)))


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over unordered pairs of the absolute difference, along the last axis."""
    ranked = np.sort(values, axis=-1)
    count = values.shape[-1]
    return np.asarray(ranked @ (2.0 * np.arange(count) - count + 1.0))
