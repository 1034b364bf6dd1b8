"""The detection error trade-off: FNMR over FMR, with what the draw of people leaves open of it.

Each point is FNMR at the lowest threshold that keeps a FMR (`verification.fnmr_at_fmr`), so that the
band at a point holds the true FNMR at that FMR, the threshold's own uncertainty included. It is
pointwise: that the whole true curve lies inside is less likely than 95 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.trials import Trials
from countenance.evaluation.verification import OperatingPoints

_POINTS_A_DECADE = 5


@dataclass(frozen=True, slots=True)
class DetPoint:
    """One point of the curve.

    Attributes:
        fmr: at the threshold, at most what was asked for.
        fnmr: at the threshold.
        fnmr_low: lower end of the 95 % interval of the true FNMR at the FMR asked for.
        fnmr_high: upper end.
        cosine: the threshold.
    """

    fmr: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How cosines are distributed.

    Attributes:
        edges: (bins + 1,) cosines, ascending; a bin holds its lower edge, the last both.
        mated: (bins,) share of the weight of mated trials.
        non_mated: (bins,) the same of non-mated ones.

    Trials with a sample that failed to enrol are in no bin: shares sum to 1 less their weight.
    """

    edges: tuple[float, ...]
    mated: tuple[float, ...]
    non_mated: tuple[float, ...]


def det_curve(
    mated: Trials, non_mated: Trials, *, points_a_decade: int = _POINTS_A_DECADE
) -> tuple[DetPoint, ...]:
    """Points at log-spaced FMR from the lowest that the trials carry up to 1, ascending.

    Points that ties put on one threshold are given once.

    Raises:
        TooFewTrials: fewer than two effective non-mated trials.
    """
    decades = math.floor(math.log10(non_mated.effective) * points_a_decade + 1e-9)
    if decades < 1:
        raise TooFewTrials("a curve takes two effective non-mated trials or more", trials_needed=2)
    points = OperatingPoints(mated, non_mated)
    curve: list[DetPoint] = []
    for step in range(decades, 0, -1):
        at = points.at_fmr(10.0 ** (-step / points_a_decade))
        if not curve or at.threshold < curve[-1].cosine:
            curve.append(DetPoint(at.fmr, at.fnmr, at.fnmr_interval.low, at.fnmr_interval.high, at.threshold))
    return tuple(curve)


def histogram_of(mated: Trials, non_mated: Trials, *, bins: int = 100) -> Histogram:
    """Shares of weight in equal bins from the lowest to the highest cosine.

    Raises:
        TooFewTrials: no trial has a cosine.
    """
    finite = [trials.scores[np.isfinite(trials.scores)] for trials in (mated, non_mated)]
    if not any(len(scores) for scores in finite):
        raise TooFewTrials("every trial is with a sample that failed to enrol", trials_needed=1)
    low = min(float(scores.min()) for scores in finite if len(scores))
    high = max(float(scores.max()) for scores in finite if len(scores))
    edges = np.linspace(low, max(high, low + 1e-6), bins + 1)
    shares = [_shares(trials, edges) for trials in (mated, non_mated)]
    return Histogram(tuple(edges.tolist()), *(tuple(each.tolist()) for each in shares))


def _shares(trials: Trials, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.isfinite(trials.scores)
    shares, _ = np.histogram(trials.scores[found], bins=edges, weights=trials.weights[found])
    return np.asarray(shares, np.float64)
