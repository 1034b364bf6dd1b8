"""From cosine to false match rate: counted where trials reach, modelled beyond, and marked as such.

The body is counted: knots at fixed exponents of FMR, pairs of people weighted equally, as long as
enough non-mated trials exceed a knot. The tail is a generalised Pareto distribution fitted by
weighted maximum likelihood to the highest exceedances and joined to the last counted knot. Its
shape is never taken below 0 (log-linear): faces closer than chance allows (twins, one person under
two names) make a steeper tail a promise that trials cannot back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.trials import Trials
from countenance.similarity import Calibration

_BODY_EXPONENTS = (0.05, 0.15, 0.3, 0.5, *(0.25 * step for step in range(3, 60)))
_TAIL_EXPONENTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_LEAST_COUNTED = 50.0  # effective pairs of people that exceed a knot: its FMR is known to about +-28 %
_TAIL_TRIALS = 1000.0  # effective pairs of people that the tail is fitted to
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Tail:
    """Generalised Pareto exceedances.

    P(score > start + y | score > start) = (1 + shape y / scale)^(-1 / shape).

    Attributes:
        start: cosine above which trials were taken as exceedances.
        scale: cosine; positive.
        shape: 0 is exponential (log-linear); never negative.
        exceedances: trials fitted to.
    """

    start: float
    scale: float
    shape: float
    exceedances: int

    def excess_at(self, decades: float, *, beyond: float) -> float:
        """How far above `beyond` the survival has fallen by so many decades more."""
        scale = self.scale + self.shape * (beyond - self.start)
        if self.shape < 1e-6:
            return scale * decades * math.log(10.0)
        return float(scale / self.shape * math.expm1(self.shape * decades * math.log(10.0)))


@dataclass(frozen=True, slots=True)
class CalibrationFit:
    """A calibration with what stands behind it.

    Attributes:
        calibration: knots, trial count and the cosine beyond which they are a model.
        effective_trials: Kish's number, with pairs of people weighted equally.
        counted_to_fmr: the lowest false match rate that was counted.
        tail: the model beyond.
    """

    calibration: Calibration
    effective_trials: float
    counted_to_fmr: float
    tail: Tail


def fit_calibration(non_mated: Trials) -> CalibrationFit:
    """Knots from all non-mated trials, rounded to 5 decimals as a manifest states them.

    Raises:
        TooFewTrials: not even FMR 0.1 can be counted.
    """
    order = np.argsort(-non_mated.scores, kind="stable")
    scores, weights = non_mated.scores[order].astype(np.float64), non_mated.weights[order]
    mass = np.cumsum(weights)
    effective = mass**2 / np.cumsum(_squares_added(non_mated, order))
    cosines, exponents = _counted_knots(scores, mass, effective)
    if len(cosines) == 0 or exponents[-1] < 1.0:
        raise TooFewTrials(f"{len(scores)} non-mated trials cannot show FMR 0.1")
    tail = _fit_tail(scores, weights, effective)
    joint = cosines[-1]
    modelled = [joint + tail.excess_at(step, beyond=joint) for step in _TAIL_EXPONENTS]
    calibration = Calibration(
        cosine=tuple(round(cosine, _DECIMALS) for cosine in [*cosines, *modelled]),
        neg_log10_fmr=tuple(
            round(value, _DECIMALS)
            for value in [*exponents, *(exponents[-1] + step for step in _TAIL_EXPONENTS)]
        ),
        trials=len(scores),
        extrapolated_from=round(joint, _DECIMALS),
    )
    return CalibrationFit(calibration, non_mated.effective, 10.0 ** -exponents[-1], tail)


def _squares_added(trials: Trials, order: NDArray[np.intp]) -> NDArray[np.float64]:
    """What each trial, taken in `order`, adds to the sum of squared weights of pairs of people.

    Weight squared over that sum is the effective number of pairs of people: a hundred photos of two
    people are one observation of how alike the two are, not a hundred.
    """
    people = int(max(trials.first.max(), trials.second.max())) + 1
    low, high = np.minimum(trials.first, trials.second), np.maximum(trials.first, trials.second)
    pair = (low.astype(np.int64) * people + high)[order]
    by_pair = np.argsort(pair, kind="stable")
    weights = trials.weights[order][by_pair]
    running = np.cumsum(weights)
    starts = np.flatnonzero(np.diff(pair[by_pair], prepend=-1))
    before_pair = np.repeat(running[starts] - weights[starts], np.diff([*starts, len(pair)]))
    of_pair = running - before_pair
    added = np.empty(len(pair))
    added[by_pair] = of_pair**2 - (of_pair - weights) ** 2
    return added


def _counted_knots(
    scores: NDArray[np.float64], mass: NDArray[np.float64], effective: NDArray[np.float64]
) -> tuple[list[float], list[float]]:
    """Cosine at each exponent of FMR that enough trials exceed; scores descend."""
    cosines: list[float] = []
    exponents: list[float] = []
    for exponent in _BODY_EXPONENTS:
        last = int(np.searchsorted(mass, 10.0**-exponent * (1 + 1e-12), side="right")) - 1
        if last < 0 or effective[last] < _LEAST_COUNTED:
            break
        if np.isfinite(scores[last]) and (not cosines or scores[last] > cosines[-1] + 10.0**-_DECIMALS):
            cosines.append(float(scores[last]))
            exponents.append(exponent)
    return cosines, exponents


def _fit_tail(
    scores: NDArray[np.float64], weights: NDArray[np.float64], effective: NDArray[np.float64]
) -> Tail:
    """Weighted maximum likelihood over the exceedances of the highest trials; scores descend."""
    last = min(int(np.searchsorted(effective, _TAIL_TRIALS)), len(scores) - 1)
    start = float(scores[last])
    above = scores[:last] > start
    excess = scores[:last][above] - start
    share = weights[:last][above] / weights[:last][above].sum()
    mean = float(share @ excess)
    # The likelihood has one free number once shape is eliminated: ratio = shape / scale (Grimshaw, 1993).
    ratios = np.geomspace(1e-4, 1e2, 2000) / mean
    shapes = np.log1p(ratios[:, None] * excess[None, :]) @ share
    likelihoods = -np.log(shapes / ratios) - shapes
    best = int(np.argmax(likelihoods))
    if likelihoods[best] <= -math.log(mean) or shapes[best] < 1e-3:
        return Tail(start, mean, 0.0, len(excess))
    return Tail(start, float(shapes[best] / ratios[best]), float(shapes[best]), len(excess))
