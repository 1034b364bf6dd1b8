"""The muscles of a face (MediaPipe's blendshapes, Apache-2.0) and what it expresses (face-api, MIT)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Confidence, Pixels
from countenance.vision.attributes.description import Emotion
from countenance.vision.attributes.face_mesh import Mesh
from countenance.vision.attributes.mesh_points import BLENDSHAPE_INPUT
from countenance.vision.attributes.square_crop import square_around
from countenance.vision.session import Session

_BLINK: Final = (9, 10)
_SMILE: Final = (44, 45)
"""Left and right among ARKit's 52 blendshapes, in MediaPipe's order."""
_POINTS: Final = list(BLENDSHAPE_INPUT)

_CROP_PX: Final = 112
_CROP_OVER_FACE: Final = 1.1
_MOST: Final = 0.99
"""The network is nearly always nearly certain, and not nearly as often right."""
_EMOTIONS: Final[tuple[Emotion, ...]] = (
    *("CALM", "HAPPY", "SAD", "ANGRY", "FEAR", "DISGUSTED", "SURPRISED"),
)
"""face-api's neutral, happy, sad, angry, fearful, disgusted, surprised, as Amazon spells them."""


def nothing_expressed() -> Sequence[tuple[Emotion, Confidence]]:
    """Of a face that shows nothing: all alike."""
    return _told(np.full(len(_EMOTIONS), 1 / len(_EMOTIONS)))


def _told(shares: NDArray[np.floating[Any]]) -> Sequence[tuple[Emotion, Confidence]]:
    rows = [(name, Confidence(100 * float(share))) for name, share in zip(_EMOTIONS, shares, strict=True)]
    confused: tuple[Emotion, Confidence] = ("CONFUSED", Confidence(0.0))
    return sorted([*rows, confused], key=lambda row: -row[1])


@dataclass(frozen=True, slots=True)
class Muscles:
    """Each 0-1, means of both sides."""

    blink: float
    smile: float


class Blendshapes:
    """The network. Thread safety: as `Session`."""

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._session = Session(model, threads=threads)

    def read(self, mesh: Mesh) -> Muscles:
        points = np.ascontiguousarray(mesh.points[_POINTS, :2])[None]
        (shapes, *_) = self._session.run({self._session.input_names[0]: points})
        shapes = shapes.reshape(-1)
        return Muscles(
            blink=float(shapes[list(_BLINK)].mean()),
            smile=float(shapes[list(_SMILE)].mean()),
        )


class Expression:
    """The network. Thread safety: as `Session`.

    INVARIANT: it runs for EMOTIONS and for nothing else: who may not ask for emotions has none inferred.
    """

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._session = Session(model, threads=threads)

    def read(self, pixels: Pixels, mesh: Mesh, trust: float) -> Sequence[tuple[Emotion, Confidence]]:
        """All eight, most confident first. CONFUSED is in no model and always 0."""
        face = square_around(pixels, mesh, over_face=_CROP_OVER_FACE, side_px=_CROP_PX)
        (shares, *_) = self._session.run(
            {self._session.input_names[0]: face.transpose(2, 0, 1)[None].astype(np.float32)}
        )
        found = np.nan_to_num(shares.reshape(-1), nan=1 / len(_EMOTIONS))
        trust *= _MOST
        believed = found * trust + (1 - trust) / len(_EMOTIONS)
        return _told(believed)
