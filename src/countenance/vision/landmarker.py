"""A second opinion on a face's points: a small network that looks at the crop of one face.

A detector's points and this network's err in different ways, and the mean of both aligns a face better than
either (docs/adr/0028-better-numbers.md). It looks twice, at the crop and at its mirror image, so
that what it has of left and right cancels out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from countenance.types import Landmarks5, Pixels
from countenance.vision.align import crop, inverse, moved_points, similarity_transform
from countenance.vision.manifest import LandmarkerSpec
from countenance.vision.network_input import to_network_input
from countenance.vision.session import Session

_MIRRORED: Final = (1, 0, 2, 4, 3)
"""Left is right in a mirror: where each of the five points is among those of the mirror image."""
_FARTHEST: Final = 0.25
"""Over the crop's side: where a point moves further the network saw something else, and is not believed."""


class Landmarker:
    """The network that a manifest states. Thread safety: as `Session`."""

    def __init__(self, model: Path | bytes, spec: LandmarkerSpec, *, threads: int = 1) -> None:
        self.spec = spec
        self._session = Session(model, threads=threads)

    def improved(self, pixels: Pixels, landmarks: Landmarks5) -> Landmarks5:
        """The mean of the points that are known and of those that the network sees.

        Args:
            landmarks: (5, 2) pixels of the photograph, near enough to align the face by.

        Returns:
            (5, 2) pixels of the photograph; as given where the network sees them somewhere else entirely.

        Raises:
            DegenerateLandmarks: all points coincide.
        """
        side = self.spec.input_px
        transform = similarity_transform(landmarks, self.spec.reference_landmarks)
        face = crop(pixels, transform, width=side, height=side)
        mirrored = self._points(np.ascontiguousarray(face[:, ::-1]))[list(_MIRRORED)]
        mirrored[:, 0] = side - 1 - mirrored[:, 0]
        seen = (self._points(face) + mirrored) / 2
        known = moved_points(landmarks, transform)
        if not float(np.abs(seen - known).max()) <= _FARTHEST * side:  # also of NaN
            return landmarks

        mean = np.asarray((known + seen) / 2, np.float32)
        return moved_points(mean, inverse(transform))

    def _points(self, face: Pixels) -> Landmarks5:
        """(5, 2) pixels of the crop."""
        (ratios, *_) = self._session.run({self._session.input_names[0]: to_network_input(face, self.spec)})
        return np.asarray(ratios.reshape(5, 2) * self.spec.input_px, np.float32)
