"""CenterFace: a heatmap of face centres at a quarter of the size, with scale, offset and five points.

Xu, Yan, Yang, Sun and Luo, "CenterFace: Joint Face Detection and Alignment Using Face as Point" (2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Pixels
from countenance.vision.manifest import DetectorSpec
from countenance.vision.network_input import to_network_input
from countenance.vision.raw_faces import RawFaces, suppress
from countenance.vision.session import Session

_STRIDE: Final = 4
_INPUT_MULTIPLE: Final = 32
_MAX_OVERLAP: Final = 0.3
_LARGEST_LOG_SIZE: Final = 8.0


class CenterFace:
    """The detector of the pack `open`. Thread safety: as `Session`."""

    finest_px: Final = 2_073_600
    """Pixels up to which a picture is searched at its full size: a full HD frame, for it is slow."""

    refined_widths_px: Final = (96,)
    leans: Final = False
    """Its points do not lean, and a second look does not make them better."""

    def __init__(self, model: Path, spec: DetectorSpec, *, threads: int = 1) -> None:
        self.spec = spec
        self._session = Session(model, threads=threads)

    def find(self, picture: Pixels) -> RawFaces:
        """The faces of one picture, looked at in its own size, those under the floor left out."""
        array = to_network_input(picture, self.spec, multiple=_INPUT_MULTIPLE)
        heatmap, scale, offset, points = self._session.run({self._session.input_names[0]: array})
        faces = decode_heatmap(
            heatmap[0, 0], scale[0], offset[0], points[0], floor=self.spec.confidence_floor / 100
        )
        return suppress(faces, max_overlap=_MAX_OVERLAP)


def decode_heatmap(
    heatmap: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    points: NDArray[np.float32],
    *,
    floor: float,
) -> RawFaces:
    """The faces of a heatmap, in pixels of the network's input.

    Args:
        heatmap: (h, w) probability that a face's centre is here.
        scale: (2, h, w) logarithm of height and width in cells.
        offset: (2, h, w) the centre's place in its cell, y and x.
        points: (10, h, w) five points as (y, x) ratios of the box.
        floor: least probability, 0-1.
    """
    rows, columns = np.nonzero(heatmap >= floor)
    height, width = np.exp(np.minimum(scale[:, rows, columns], _LARGEST_LOG_SIZE)) * _STRIDE
    top = (rows + offset[0, rows, columns] + 0.5) * _STRIDE - height / 2
    left = (columns + offset[1, rows, columns] + 0.5) * _STRIDE - width / 2
    ratios = points[:, rows, columns].T.reshape(-1, 5, 2)
    landmarks = np.stack(
        [
            ratios[..., 1] * width[:, None] + left[:, None],
            ratios[..., 0] * height[:, None] + top[:, None],
        ],
        axis=2,
    )
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    return RawFaces(
        boxes.astype(np.float32), heatmap[rows, columns].astype(np.float32), landmarks.astype(np.float32)
    )
