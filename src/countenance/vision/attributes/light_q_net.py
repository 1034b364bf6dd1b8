"""How good a face looks to a network that was trained to tell: LightQNet (KaenChan, MIT).

Optional, and shown only: its training data is withdrawn, so that no bar and no reason depends on it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from countenance.types import Landmarks5, Pixels
from countenance.vision.align import crop, similarity_transform
from countenance.vision.session import Session

_SIDE_PX: Final = 96
_REFERENCE: Final = (
    np.array([[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]])
    * _SIDE_PX
    / 112
).astype(np.float32)
"""Where the five points lie in what it was trained on: the usual places of 112 px, made smaller."""
_MIDDLE, _HALF = 128.0, 128.0


class LightQNet:
    """The network. Thread safety: as `Session`."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._session = Session(model, threads=threads)

    def measure(self, pixels: Pixels, landmarks: Landmarks5) -> float:
        """Quality of the face at these points of the photograph, 0-1; higher is better.

        Raises:
            DegenerateLandmarks: all points coincide.
        """
        transform = similarity_transform(landmarks, _REFERENCE)
        face = crop(pixels, transform, width=_SIDE_PX, height=_SIDE_PX)
        batch = ((face.astype(np.float32) - _MIDDLE) / _HALF)[None]
        (quality, *_) = self._session.run({self._session.input_names[0]: batch})
        return float(np.clip(quality.reshape(-1)[0], 0.0, 1.0))
