"""From a face's points to a template: align, run the embedder, scale to unit length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Landmarks5, Pixels, Template, Templates
from countenance.vision.align import crop, similarity_transform
from countenance.vision.manifest import EmbedderSpec
from countenance.vision.network_input import to_network_input
from countenance.vision.session import Session


class Embedder:
    """The network that a manifest states. Thread safety: as `Session`."""

    def __init__(self, model: Path, spec: EmbedderSpec, *, threads: int = 1) -> None:
        self.spec = spec
        self._session = Session(model, threads=threads)

    def embed(self, pixels: Pixels, landmarks: Sequence[Landmarks5]) -> Templates:
        """(N, D) float32 unit rows, one for each face of a photograph.

        One face after another: a batch takes as long on a CPU and more memory.

        Raises:
            DegenerateLandmarks: a face's points all coincide.
        """
        templates = np.empty((len(landmarks), self.spec.dimensions), np.float32)
        for row, points in enumerate(landmarks):
            templates[row] = self._template(self.aligned(pixels, points))
        return templates

    def aligned(self, pixels: Pixels, landmarks: Landmarks5) -> Pixels:
        """The crop that the network sees, its five points at the manifest's reference points."""
        spec = self.spec
        transform = similarity_transform(landmarks, spec.reference_landmarks)
        return crop(
            pixels,
            transform,
            width=spec.input_width_px,
            height=spec.input_height_px,
            interpolation=cv2.INTER_CUBIC,
        )

    def _template(self, aligned: Pixels) -> Template:
        total = _unit(self._run(aligned))
        if self.spec.mirror_average:
            total = _unit(total + _unit(self._run(aligned[:, ::-1])))
        return total

    def _run(self, aligned: Pixels) -> NDArray[np.float32]:
        array = to_network_input(aligned, self.spec)
        if self.spec.layout == "NHWC":
            array = np.ascontiguousarray(array.transpose(0, 2, 3, 1))
        (embedding, *_) = self._session.run({self._session.input_names[0]: array})
        return embedding.reshape(-1)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = max(float(np.linalg.norm(vector)), float(np.finfo(np.float32).tiny))
    return np.asarray(vector / length, np.float32)
