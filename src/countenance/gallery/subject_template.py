"""One template for a subject with several faces."""

from __future__ import annotations

import numpy as np

from countenance.gallery.stored import StoredTemplates, to_unit, weights_of
from countenance.types import Template

_NO_DIRECTION = 1e-6


def subject_template(stored: StoredTemplates) -> Template:
    """The weighted mean of a subject's templates, made a unit vector.

    Args:
        stored: (N, D) rows at stored precision, in order of enrolment, one or more; each weighs as much
            as it is long (`gallery.stored`), which is 1 for faces that were enrolled without a weight.

    Returns:
        (D,) float32 of unit length; the first row's direction where the mean has none.
    """
    units = to_unit(stored)
    weighed = units.astype(np.float64) * weights_of(stored)[:, np.newaxis]
    mean = weighed.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > _NO_DIRECTION else units[0], np.float32)
