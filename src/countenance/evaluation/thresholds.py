"""Where to put a threshold so that a rate is kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST = float(np.finfo(np.float32).min)


def lowest_threshold(scores: NDArray[np.float32], masses: NDArray[np.float64], max_rate: float) -> float:
    """The lowest threshold that not more than `max_rate` of the weight reaches.

    It is finite, so that no trial with a sample that failed to enrol reaches it.

    Args:
        scores: descending.
        masses: weight of all trials up to and including each.
        max_rate: in the unit of `masses`.
    """
    over = int(np.searchsorted(masses, max_rate * (1 + 1e-12), side="right"))
    if over == len(scores):
        return max(float(scores[-1]), _LEAST)
    return float(np.nextafter(scores[over], np.float32(np.inf)))
