"""YuNet: anchor-free, three strides, boxes and five points from each cell.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023).
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

_STRIDES: Final = (8, 16, 32)
_MAX_OVERLAP: Final = 0.3
_LARGEST_LOG_SIZE: Final = 8.0
"""exp of a size beyond this is nonsense of the network, and would overflow further on."""


class YuNet:
    """The detector of the pack `standard`. Thread safety: as `Session`."""

    finest_px: Final = 8_294_400
    """Pixels up to which a picture is searched at its full size: a 4K frame."""

    refined_widths_px: Final = (120, 192)
    leans: Final = True
    """Its points lean towards upright by half of a turn, and gain by averaging."""

    def __init__(self, model: Path, spec: DetectorSpec, *, threads: int = 1) -> None:
        self.spec = spec
        self._session = Session(model, threads=threads)

    def find(self, picture: Pixels) -> RawFaces:
        """The faces of one picture, looked at in its own size, those under the floor left out."""
        array = to_network_input(picture, self.spec, multiple=_STRIDES[-1])
        values = self._session.run({self._session.input_names[0]: array})
        outputs = dict(zip(self._session.output_names, values, strict=True))
        floor = self.spec.confidence_floor / 100
        found = [
            decode_stride(outputs, stride, columns=array.shape[3] // stride, floor=floor)
            for stride in _STRIDES
        ]
        return suppress(RawFaces.joined(found), max_overlap=_MAX_OVERLAP)


def decode_stride(
    outputs: dict[str, NDArray[np.float32]], stride: int, *, columns: int, floor: float
) -> RawFaces:
    """The faces that the cells of one stride tell, in pixels of the network's input.

    A cell's score is the geometric mean of its face and its objectness probability.

    Args:
        outputs: `cls_S` and `obj_S` (1, cells, 1), `bbox_S` (1, cells, 4), `kps_S` (1, cells, 10).
        columns: cells in a row.
        floor: least score, 0-1.
    """
    face, objectness = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
    scores = np.sqrt(np.clip(face, 0, 1) * np.clip(objectness, 0, 1))
    cells = np.flatnonzero(scores >= floor)
    origin = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
    offsets = outputs[f"bbox_{stride}"][0, cells]
    centre = (origin + offsets[:, :2]) * stride
    size = np.exp(np.minimum(offsets[:, 2:], _LARGEST_LOG_SIZE)) * stride
    points = outputs[f"kps_{stride}"][0, cells].reshape(-1, 5, 2)
    return RawFaces(
        np.concatenate([centre - size / 2, centre + size / 2], axis=1),
        scores[cells],
        (points + origin[:, None]) * stride,
    )
