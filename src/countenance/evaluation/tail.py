"""Beyond the trials: a generalised Pareto distribution of the highest scores, and how sure it is of itself.

Weighted maximum likelihood over the exceedances of a start (peaks over threshold: Grimshaw, 1993).
The shape is never taken below 0 (log-linear): faces closer than chance allows (twins, one person
under two names) make a steeper tail a promise that trials cannot back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LOG10 = math.log(10.0)
_MOST_DECADES = 12.0  # nothing is known of how rare what was never seen is
_LEAST_SHAPE = -0.5  # below it maximum likelihood has no normal errors


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
            return scale * decades * _LOG10
        return float(scale / self.shape * math.expm1(self.shape * decades * _LOG10))


def fit_tail(excess: NDArray[np.float64], weights: NDArray[np.float64], *, start: float) -> Tail:
    """The likeliest tail of shape 0 or more.

    Args:
        excess: (n,) cosines above `start`, positive.
        weights: (n,) positive.
        start: cosine.
    """
    share = weights / weights.sum()
    ratios = np.geomspace(1e-4, 1e2, 2000) / float(share @ excess)
    shape, scale = _likeliest(excess, share[None, :], ratios)
    if shape[0] < 1e-3:
        return Tail(start, float(share @ excess), 0.0, len(excess))
    return Tail(start, float(scale[0]), float(shape[0]), len(excess))


def replicate_decades(
    excess: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    joint: float,
    beyond: NDArray[np.float64],
    may_end: bool,
) -> NDArray[np.float64]:
    """(replicates, len(beyond)) decades that survival falls from `joint` on, in each replicate's own tail.

    Args:
        excess: (n,) cosines above the start of the tail.
        weights: (replicates, n) of each trial in each replicate, zero where it has none.
        joint: cosine above the start, as an excess, from which decades are counted.
        beyond: excesses above the start, `joint` or more.
        may_end: whether shapes below 0 are fitted too, whose scores have a highest one; at most 12 decades
            are told of any.
    """
    drawn = weights.sum(axis=1) > 0
    share = weights[drawn] / weights[drawn].sum(axis=1, keepdims=True)
    mean = float((share @ excess).mean())
    ratios = np.geomspace(1e-3, 1e2, 150) / mean
    if may_end:
        towards_end = np.concatenate([np.geomspace(1e-3, 0.5, 60), 1.0 - np.geomspace(0.5, 1e-3, 60)])
        ratios = np.concatenate([ratios, -towards_end / excess.max()])
    shape, scale = _likeliest(excess, share, ratios)
    fallen = _log_survival(beyond[None, :], shape[:, None], scale[:, None])
    fallen -= _log_survival(np.array([[joint]]), shape[:, None], scale[:, None])
    return np.minimum(-fallen / _LOG10, _MOST_DECADES)


def _likeliest(
    excess: NDArray[np.float64], share: NDArray[np.float64], ratios: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(replicates,) shape and scale of the highest likelihood at the given ratios of shape to scale, or at 0.

    The likelihood has one free number once shape is eliminated: ratio = shape / scale. It is told less 1.
    """
    shapes = share @ np.log1p(ratios[None, :] * excess[:, None])
    likelihoods = np.where(shapes >= _LEAST_SHAPE, -np.log(shapes / ratios) - shapes, -np.inf)
    best = np.argmax(likelihoods, axis=1)
    rows, mean = np.arange(len(share)), share @ excess
    exponential = likelihoods[rows, best] <= -np.log(mean)
    shape = np.where(exponential, 0.0, shapes[rows, best])
    return shape, np.where(exponential, mean, shapes[rows, best] / ratios[best])


def _log_survival(
    excess: NDArray[np.float64], shape: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Natural logarithm of P(score > start + excess | score > start); -inf beyond a tail's end."""
    relative = excess / scale
    straight = np.abs(shape) < 1e-6
    bent = np.where(straight, 1.0, shape)
    with np.errstate(divide="ignore"):
        return np.where(straight, -relative, -np.log(np.maximum(1.0 + bent * relative, 0.0)) / bent)
