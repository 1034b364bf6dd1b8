"""From a face's points to a template: align, run the embedder, scale to unit length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Landmarks5, Pixels, Template, Templates
from countenance.vision.align import crop, similarity_transform
from countenance.vision.landmarker import Landmarker
from countenance.vision.manifest import EmbedderSpec
from countenance.vision.network_input import to_network_input
from countenance.vision.session import Session

_LEAST_WEIGHT: Final = 0.25
_MOST_WEIGHT: Final = 4.0
"""So that one photograph never decides alone what a user looks like, and none is as if it were not there."""


class Embedder:
    """The networks that a manifest states. Thread safety: as `Session`."""

    def __init__(self, parts: Sequence[EmbedderPart], landmarker: Landmarker | None = None) -> None:
        """
        Args:
            parts: one or more, in the order of their parts of a template.
            landmarker: what improves a face's points before it is aligned; None aligns by those given.
        """
        self._parts = tuple(parts)
        self.landmarker = landmarker
        self.dimensions = sum(part.spec.dimensions for part in parts)

    def embed(self, pixels: Pixels, landmarks: Sequence[Landmarks5]) -> Templates:
        """(N, D) float32 unit rows, one for each face of a photograph.

        One face after another: a batch takes as long on a CPU and more memory.

        Raises:
            DegenerateLandmarks: a face's points all coincide.
        """
        return self.embed_weighed(pixels, landmarks)[0]

    def embed_weighed(
        self, pixels: Pixels, landmarks: Sequence[Landmarks5]
    ) -> tuple[Templates, NDArray[np.float32]]:
        """As `embed`; and (N,) float32, for how much each counts among the faces of one user.

        The square of the raw embedding's length over what is typical for the network, [1/4, 4], the mean over
        networks: a network that has seen little of a face answers with a short vector. 1 for networks of
        which no typical length is stated.
        """
        templates = np.empty((len(landmarks), self.dimensions), np.float32)
        weights = np.empty(len(landmarks), np.float32)
        for row, points in enumerate(landmarks):
            if self.landmarker is not None:
                points = self.landmarker.improved(pixels, points)  # noqa: PLW2901 (the same face's)
            seen = [part.seen(pixels, points) for part in self._parts]
            units = [unit for unit, _ in seen]
            templates[row] = units[0] if len(units) == 1 else _unit(np.concatenate(units))
            weights[row] = np.mean([weight for _, weight in seen])
        return templates, weights


class EmbedderPart:
    """One network. Thread safety: as `Session`."""

    def __init__(self, model: Path | bytes, spec: EmbedderSpec, *, threads: int = 1) -> None:
        self.spec = spec
        self._session = Session(model, threads=threads)

    def aligned(
        self, pixels: Pixels, landmarks: Landmarks5, *, interpolation: int = cv2.INTER_CUBIC
    ) -> Pixels:
        """The crop that the network sees, its five points at the manifest's reference points."""
        spec = self.spec
        transform = similarity_transform(landmarks, spec.reference_landmarks)
        return crop(
            pixels,
            transform,
            width=spec.input_width_px,
            height=spec.input_height_px,
            interpolation=interpolation,
        )

    def seen(self, pixels: Pixels, landmarks: Landmarks5) -> tuple[Template, float]:
        """(D,) float32 of unit length, and the weight of one face."""
        face = self.aligned(pixels, landmarks)
        raw = self.raw(face)
        template = _unit(raw)
        if self.spec.mirror_average:
            template = _unit(template + _unit(self.raw(face[:, ::-1])))
        return template, self._weight(raw)

    def _weight(self, raw: NDArray[np.float32]) -> float:
        if self.spec.typical_length is None:
            return 1.0
        ratio = float(np.linalg.norm(raw)) / self.spec.typical_length
        return min(max(ratio**2, _LEAST_WEIGHT), _MOST_WEIGHT)

    def raw(self, aligned: Pixels) -> NDArray[np.float32]:
        """(D,) float32: the embedding of a crop as the network gives it, of any length."""
        array = to_network_input(aligned, self.spec)
        if self.spec.layout == "NHWC":
            array = np.ascontiguousarray(array.transpose(0, 2, 3, 1))
        (embedding, *_) = self._session.run({self._session.input_names[0]: array})
        return embedding.reshape(-1)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = max(float(np.linalg.norm(vector)), float(np.finfo(np.float32).tiny))
    return np.asarray(vector / length, np.float32)
