"""What a Similarity means: a false match rate, not a scaled cosine.

`similarity = 100 * sigmoid(1.386 + 1.604 * (-log10 FMR(cosine) - 4))`, so 80 is a false match rate
of 1e-4 per comparison and 99 is 1e-6, log-linear in the logit in between and beyond
(docs/ARCHITECTURE.md, "Similarity means something").
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NewType

import numpy as np
from numpy.typing import NDArray

from countenance.types import Cosine, Similarity

FMR = NewType("FMR", float)
"""False match rate per comparison, a share in [0, 1]."""

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
        neg_log10_fmr_low: lower end of the exponent's 95 % interval at each knot (the higher FMR); empty
            where nobody measured it.
        neg_log10_fmr_high: upper end; given with the lower one or not at all.

    Between knots the exponent is linear in cosine; outside them the end segments go on. So are the ends
    of its interval.
    """

    cosine: tuple[float, ...]
    neg_log10_fmr: tuple[float, ...]
    trials: int
    extrapolated_from: float
    neg_log10_fmr_low: tuple[float, ...] = ()
    neg_log10_fmr_high: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.cosine) < 2 or len(self.cosine) != len(self.neg_log10_fmr):
            raise ValueError("a calibration needs two or more knots, as many rates as cosines")
        for knots in (self.cosine, self.neg_log10_fmr):
            if any(b <= a for a, b in pairwise(knots)):
                raise ValueError("a calibration's knots must be strictly increasing")
        if self.neg_log10_fmr_low or self.neg_log10_fmr_high:
            self._check_band(self.neg_log10_fmr_low, self.neg_log10_fmr_high)

    def _check_band(self, low: tuple[float, ...], high: tuple[float, ...]) -> None:
        if not len(low) == len(high) == len(self.cosine):
            raise ValueError("a calibration's band needs both ends at every knot")
        if any(not a <= b <= c for a, b, c in zip(low, self.neg_log10_fmr, high, strict=True)):
            raise ValueError("a calibration's band must hold the rate of each knot")
        if any(b < a for end in (low, high) for a, b in pairwise(end)):
            raise ValueError("the ends of a calibration's band must not fall")

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal, of every value: two calibrations that state the same have the same.

        Of UTF-8 text, one member a line in the order of the attributes: its name, then its numbers as
        the shortest decimals that give the float64 back, each after a space.
        """
        return _digest_of(self)

    def to_neg_log10_fmr(self, cosine: NDArray[np.float64]) -> NDArray[np.float64]:
        return _piecewise(np.asarray(cosine, np.float64), self.cosine, self.neg_log10_fmr)

    def to_fmr(self, cosine: Cosine) -> FMR:
        """The false match rate of a threshold at `cosine`, per comparison."""
        return _to_fmr(float(self.to_neg_log10_fmr(np.array([cosine], np.float64))[0]))

    def fmr_interval(self, cosine: Cosine) -> tuple[float, float] | None:
        """(low, high) of the 95 % interval of `to_fmr`, over the draw of people; None where not measured."""
        if not self.neg_log10_fmr_low:
            return None
        at = np.array([cosine], np.float64)
        exponent = float(self.to_neg_log10_fmr(at)[0])
        low = float(_piecewise(at, self.cosine, self.neg_log10_fmr_low)[0])
        high = float(_piecewise(at, self.cosine, self.neg_log10_fmr_high)[0])
        # beyond the outermost knots the three lines may cross: the rate stays within its interval
        return _to_fmr(max(high, exponent)), _to_fmr(min(low, exponent))

    def cosine_at_fmr(self, fmr: FMR) -> Cosine:
        """The cosine of a threshold with that rate, (0, 1]; it may lie outside [-1, 1]."""
        exponent = np.array([-math.log10(fmr)])
        return Cosine(float(_piecewise(exponent, self.neg_log10_fmr, self.cosine)[0]))

    def is_extrapolated(self, cosine: Cosine) -> bool:
        """Is the rate at `cosine` a model's, beyond what was counted?"""
        return cosine > self.extrapolated_from

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


@lru_cache(maxsize=64)  # asked for with every call, and a tenth of a millisecond
def _digest_of(calibration: Calibration) -> str:
    members = {
        "cosine": calibration.cosine,
        "neg_log10_fmr": calibration.neg_log10_fmr,
        "trials": (calibration.trials,),
        "extrapolated_from": (calibration.extrapolated_from,),
        "neg_log10_fmr_low": calibration.neg_log10_fmr_low,
        "neg_log10_fmr_high": calibration.neg_log10_fmr_high,
    }
    lines = [[name, *(repr(float(x) + 0.0) for x in values)] for name, values in members.items()]
    return hashlib.sha256("\n".join(map(" ".join, lines)).encode()).hexdigest()


def similarity_at_fmr(fmr: float) -> Similarity:
    """The least similarity, in steps of 0.01, whose false match rate is at most `fmr`, (0, 1].

    What is answered is rounded to the nearest step, so a comparison meets a threshold from half a step below
    it: that is where the rate is taken. 100 is the end: it stands for every rate under 5e-10.
    """
    logit = _LOGIT_AT_FMR_1E4 + _LOGIT_PER_DECADE * (-math.log10(fmr) - 4.0)
    percent = 100.0 / (1.0 + math.exp(-min(max(logit, -60.0), 60.0)))
    steps = math.ceil(percent / _SMALLEST_STEP + 0.5)
    return Similarity(min(round(steps * _SMALLEST_STEP, 2), 100.0))


def fmr_at_similarity(similarity: Similarity) -> FMR:
    """How often two people's photos are answered with `similarity` or more: the rate that it stands for.

    Taken half a step below, as `similarity_at_fmr` does. It is what the answered value tells, and nothing
    finer: a rate of the cosine itself would tell the score that rounding hides. 1 at 0.
    """
    percent = min(float(similarity), 100.0) - _SMALLEST_STEP / 2
    if percent <= 0.0:
        return FMR(1.0)
    logit = math.log(percent / (100.0 - percent))
    return _to_fmr((logit - _LOGIT_AT_FMR_1E4) / _LOGIT_PER_DECADE + 4.0)


def meets(similarity: NDArray[np.float32] | float, threshold: Similarity) -> NDArray[np.bool_]:
    """Inclusive comparison at the precision that is answered (float32)."""
    return np.asarray(np.asarray(similarity, np.float32) >= np.float32(threshold))


def _to_fmr(exponent: float) -> FMR:
    return FMR(10.0 ** -max(exponent, 0.0))  # steep knots go on far below 0, where a power overflows


def _piecewise(x: NDArray[np.float64], xs: tuple[float, ...], ys: tuple[float, ...]) -> NDArray[np.float64]:
    knots, values = np.asarray(xs), np.asarray(ys)
    segment = np.clip(np.searchsorted(knots, x) - 1, 0, len(knots) - 2)
    slope = (values[segment + 1] - values[segment]) / (knots[segment + 1] - knots[segment])
    return np.asarray(values[segment] + slope * (x - knots[segment]))
