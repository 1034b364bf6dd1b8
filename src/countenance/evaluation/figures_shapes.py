"""The shapes that recur in an evaluation (docs/spec/evaluation.md): interval, rate, refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.intervals import Interval, Rate, rate_of
from countenance.similarity import Calibration
from countenance.types import Cosine


def interval_to_dict(interval: Interval) -> dict[str, float]:
    return {"low": float(interval.low), "high": float(interval.high)}


def rate_to_dict(rate: Rate) -> dict[str, Any]:
    """A rate with what stands behind it."""
    return {
        "rate": float(rate.rate),
        "interval": interval_to_dict(rate.interval),
        "trials": int(rate.trials),
        "effective": float(rate.effective),
    }


def complement_to_dict(rate: Rate) -> dict[str, Any]:
    """The share of the opposite outcome: FNMR of TPR."""
    flipped = Interval(1.0 - rate.interval.high, 1.0 - rate.interval.low)
    return rate_to_dict(Rate(1.0 - rate.rate, flipped, rate.trials, rate.effective))


def refused(refusal: TooFewTrials | str, *, trials_needed: int | None = None) -> dict[str, Any]:
    """In place of a rate that the trials cannot carry."""
    needed = refusal.trials_needed if isinstance(refusal, TooFewTrials) else trials_needed
    return {"refused": str(refusal), **({} if needed is None else {"trials_needed": int(needed)})}


def as_cosine(threshold: float) -> float:
    """A threshold below every score of samples that have a template lets all of these match: as -1 does."""
    return max(-1.0, float(threshold))


def similarity_at(calibration: Calibration, cosine: float) -> float:
    """As it is answered: to 0.01."""
    return round(float(calibration.similarity_of(Cosine(cosine))), 2)


def share_of_people(failed: NDArray[np.bool_], subjects: NDArray[np.int64]) -> dict[str, Any]:
    """The share of samples with a mark, people weighted equally.

    Args:
        failed: (n,) the mark of each sample.
        subjects: (n,) whose each is.
    """
    return rate_to_dict(rate_of(failed, equal_people(subjects), subjects))


def equal_people(people: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) weights of trials, summing to 1, where each person's weigh as much together as any other's."""
    _, inverse, trials = np.unique(people, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (trials[inverse] * len(trials)), np.float64)
