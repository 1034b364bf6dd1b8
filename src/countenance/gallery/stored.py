"""Stored precision: a template as it lies in a gallery, and the unit vector that is compared.

A stored template's direction is the template, its length the face's *weight*: how much the face counts
among those of its user (`subject_template`). So the weight is sealed with the template, tells nothing to
whoever holds the database alone, and is wherever the template is. Comparisons do not see it.
There are nine weights, powers of the square root of two: more would help to recognise a template that
was brought into another basis, and nothing else.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Templates

StoredTemplates = NDArray[np.float16]
"""(N, D) half floats, each as long as its face weighs, to within their rounding (1e-3)."""
LEAST_WEIGHT: Final = 0.25
MOST_WEIGHT: Final = 4.0
_STEPS_AN_OCTAVE: Final = 2


def to_stored_template(templates: Templates, weights: NDArray[np.floating] | None = None) -> StoredTemplates:
    """Round to half precision.

    Args:
        templates: (N, D) float32 rows of unit length.
        weights: (N,) of each; None for 1. Brought to the nearest step within [1/4, 4].
    """
    if weights is None:
        return templates.astype(np.float16)
    return np.asarray(templates * to_steps(weights)[:, np.newaxis], np.float16)


def to_steps(weights: NDArray[np.floating]) -> NDArray[np.float32]:
    """(N,) the nearest weights that are stored.

    Raises:
        ValueError: a weight that is not a positive number.
    """
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError("a weight is a positive number")
    octaves = np.log2(np.clip(weights.astype(np.float64), LEAST_WEIGHT, MOST_WEIGHT))
    return np.asarray(np.exp2(np.rint(octaves * _STEPS_AN_OCTAVE) / _STEPS_AN_OCTAVE), np.float32)


def to_unit(stored: NDArray[np.floating]) -> Templates:
    """Rows at stored precision as vectors of unit length: (N, D) of any float to (N, D) float32.

    Rounding to halves moves a length by up to 1e-3: without this a face would not be 1.0 to itself.
    A row of zeros, which has no direction, stays one.
    """
    wide = stored.astype(np.float64)
    return np.asarray(wide / lengths(wide)[:, np.newaxis], np.float32)


def weights_of(stored: StoredTemplates) -> NDArray[np.float32]:
    """(N,) how much each of (N, D) rows counts: exactly 1 for those that were stored without a weight."""
    return to_steps(lengths(stored.astype(np.float64)))


def lengths(wide: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) lengths of (N, D) rows; 1 for a row of zeros, so that one may divide by it."""
    found = np.sqrt((wide * wide).sum(axis=1))
    found[found == 0.0] = 1.0
    return np.asarray(found, np.float64)
