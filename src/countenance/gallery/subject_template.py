"""One template for a subject with several faces."""

from __future__ import annotations

import numpy as np

from countenance.types import Template, Templates

_NO_DIRECTION = 1e-6


def subject_template(templates: Templates) -> Template:
    """The unit mean of a subject's templates.

    Args:
        templates: (N, D) float32 unit rows in order of enrolment, one or more.

    Returns:
        (D,) float32 of unit length; the first row where the mean has no direction.
    """
    mean = templates.astype(np.float64).mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > _NO_DIRECTION else templates[0], np.float32)
