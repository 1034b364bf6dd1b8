"""What a Similarity means: a false match rate, not a scaled cosine.

`similarity = 100 * sigmoid(1.386 + 1.604 * (-log10 FMR(cosine) - 4))`, so 80 is a false match rate
of 1e-4 per comparison and 99 is 1e-6, log-linear in the logit in between and beyond
(docs/ARCHITECTURE.md, "Similarity means something").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from countenance.types import Cosine, Similarity

_LOGIT_AT_FMR_1E4 = 1.386
_LOGIT_PER_DECADE = 1.604
_SMALLEST_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Calibration:
    """FMR as a function of cosine, for one model pack.

    Attributes:
        cosine: knots, strictly increasing.
        neg_log10_fmr: -log10 of the false match rate at each knot, strictly increasing.
        trials: non-mated comparisons behind the knots.
        extrapolated_from: the cosine beyond which the knots are a model and not a count.

    Between knots the exponent is linear in cosine; outside them the end segments go on.
    """

    cosine: tuple[float, ...]
    neg_log10_fmr: tuple[float, ...]
    trials: int
    extrapolated_from: float

    def __post_init__(self) -> None:
        if len(self.cosine) < 2 or len(self.cosine) != len(self.neg_log10_fmr):
            raise ValueError("a calibration needs two or more knots, as many rates as cosines")
        for knots in (self.cosine, self.neg_log10_fmr):
            if any(b <= a for a, b in pairwise(knots)):
                raise ValueError("a calibration's knots must be strictly increasing")

    def to_neg_log10_fmr(self, cosine: NDArray[np.float64]) -> NDArray[np.float64]:
        return _piecewise(np.asarray(cosine, np.float64), self.cosine, self.neg_log10_fmr)

    def to_similarity(self, cosine: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float32]:
        """Similarities as they are answered: rounded to 0.01 and widened from float32.

        Fine scores leak templates, so the rounding is part of the definition: a threshold is
        compared with the rounded value, which is the one a caller sees.
        """
        exponent = self.to_neg_log10_fmr(np.asarray(cosine, np.float64))
        logit = _LOGIT_AT_FMR_1E4 + _LOGIT_PER_DECADE * (exponent - 4.0)
        return np.round(100.0 / (1.0 + np.exp(-np.clip(logit, -60, 60))), 2).astype(np.float32)

    def similarity_of(self, cosine: Cosine) -> Similarity:
        return Similarity(float(self.to_similarity(np.array([cosine], np.float64))[0]))

    def cosine_floor(self, threshold: Similarity) -> Cosine:
        """A cosine below which no comparison can round to `threshold`: for pruning, not deciding."""
        percent = min(max(float(threshold) - _SMALLEST_STEP, 0.0), 99.994)
        if percent <= 0.0:
            return Cosine(-1.0)
        logit = math.log(percent / (100.0 - percent))
        exponent = (logit - _LOGIT_AT_FMR_1E4) / _LOGIT_PER_DECADE + 4.0
        cosine = _piecewise(np.array([exponent]), self.neg_log10_fmr, self.cosine)[0]
        return Cosine(max(float(cosine) - 1e-6, -1.0))


def similarity_at_fmr(fmr: float) -> Similarity:
    """The least similarity, in steps of 0.01, whose false match rate is at most `fmr`, (0, 1].

    What is answered is rounded to the nearest step, so a comparison meets a threshold from half a step below
    it: that is where the rate is taken. 100 is the end: it stands for every rate under 5e-10.
    """
    logit = _LOGIT_AT_FMR_1E4 + _LOGIT_PER_DECADE * (-math.log10(fmr) - 4.0)
    percent = 100.0 / (1.0 + math.exp(-min(max(logit, -60.0), 60.0)))
    steps = math.ceil(percent / _SMALLEST_STEP + 0.5)
    return Similarity(min(round(steps * _SMALLEST_STEP, 2), 100.0))


def meets(similarity: NDArray[np.float32] | float, threshold: Similarity) -> NDArray[np.bool_]:
    """Inclusive comparison at the precision that is answered (float32)."""
    return np.asarray(np.asarray(similarity, np.float32) >= np.float32(threshold))


def _piecewise(x: NDArray[np.float64], xs: tuple[float, ...], ys: tuple[float, ...]) -> NDArray[np.float64]:
    knots, values = np.asarray(xs), np.asarray(ys)
    segment = np.clip(np.searchsorted(knots, x) - 1, 0, len(knots) - 2)
    slope = (values[segment + 1] - values[segment]) / (knots[segment + 1] - knots[segment])
    return np.asarray(values[segment] + slope * (x - knots[segment]))
