"""Stored precision: a template as it lies in a gallery, and the unit vector that is compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from countenance.types import Template, Templates

StoredTemplates = NDArray[np.float16]
"""(N, D) half floats, of unit length to within their rounding (1e-3)."""


def to_stored_template(template: Template) -> NDArray[np.float16]:
    """Round to half precision; `template` is (D,) float32 of unit length, or (N, D) of such rows."""
    return template.astype(np.float16)


def to_unit(stored: NDArray[np.floating]) -> Templates:
    """Rows at stored precision as vectors of unit length: (N, D) of any float to (N, D) float32.

    Rounding to halves moves a length by up to 1e-3: without this a face would not be 1.0 to itself.
    A row of zeros, which has no direction, stays one.
    """
    wide = stored.astype(np.float64)
    return np.asarray(wide / lengths(wide)[:, np.newaxis], np.float32)


def lengths(wide: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) lengths of (N, D) rows; 1 for a row of zeros, so that one may divide by it."""
    found = np.sqrt((wide * wide).sum(axis=1))
    found[found == 0.0] = 1.0
    return np.asarray(found, np.float64)
