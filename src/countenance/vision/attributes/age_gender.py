"""How old a face looks, and which of two genders it looks like (face-api, MIT)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from countenance.types import Confidence, Pixels
from countenance.vision.attributes.certainty import Fit, judge
from countenance.vision.attributes.description import AgeRange, Gender
from countenance.vision.attributes.face_mesh import Mesh
from countenance.vision.attributes.square_crop import square_around
from countenance.vision.session import Session

_CROP_PX: Final = 112
_CROP_OVER_FACE: Final = 1.1
_HALF_WIDTH_YEARS: Final = 6.0
"""What the network is off by on the average, by what was seen of it; it has not been measured here."""
_UNKNOWN_YEARS: Final = 14.0
"""What is added on each side where a face shows nothing."""
_OLDEST: Final = 120


class AgeGender:
    """The network, which answers both at once. Thread safety: as `Session`."""

    def __init__(self, model: bytes, fit: Fit, *, threads: int = 1) -> None:
        """`fit` takes the logit of the network's share for female."""
        self._session = Session(model, threads=threads)
        self._fit = fit

    def read(self, pixels: Pixels, mesh: Mesh, trust: float) -> tuple[AgeRange, Gender]:
        years, logit = self.measure(pixels, mesh)
        share = self._fit.probability(logit)
        female = judge(share, trust, at_rest=share > 0.5)
        return (
            to_age_range(years, trust),
            Gender("Female" if female.value else "Male", Confidence(female.confidence)),
        )

    def measure(self, pixels: Pixels, mesh: Mesh) -> tuple[float, float]:
        """Years, and the logit of female; NaN where the network answers no number."""
        face = square_around(pixels, mesh, over_face=_CROP_OVER_FACE, side_px=_CROP_PX)
        age, gender = self._session.run(
            {self._session.input_names[0]: face.transpose(2, 0, 1)[None].astype(np.float32)}
        )
        share = float(gender.reshape(-1)[1])
        if not math.isfinite(share):
            return float(age.reshape(-1)[0]), math.nan
        female = min(1 - 1e-6, max(1e-6, share))
        return float(age.reshape(-1)[0]), math.log(female / (1 - female))


def to_age_range(years: float, trust: float) -> AgeRange:
    """Wider where the face shows less; all ages where the network answers no number."""
    if not math.isfinite(years):
        return AgeRange(0, _OLDEST)
    half = _HALF_WIDTH_YEARS + (1 - trust) * _UNKNOWN_YEARS
    low = min(_OLDEST, max(0, round(years - half)))
    return AgeRange(low, min(_OLDEST, max(low, round(years + half))))
