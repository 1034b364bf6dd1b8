"""Finding the faces of a photograph, whatever their size: which looks are taken and how they are merged.

Every photograph is looked at with its long side at the largest face that the detector finds
(`largest_face_px`), so that a face that fills the frame is found; a larger one also in its own size,
in tiles, so that tiny faces are; one with a face that is still too large, or none, from further away.
A VGA picture with faces is one look. Where nothing is found, or nothing that
the detector is as sure of as of an upright face, small pictures are enlarged and all are turned by
90, 180 and 270 degrees as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Pixels
from countenance.vision.manifest import DetectorSpec
from countenance.vision.raw_faces import RawFaces, contained, fuse, suppress

MAX_FACES: Final = 100
_TILE_PX: Final = 1920
"""Longest side of one look: bounds the memory of a call, whatever the photograph's size."""
LARGEST_LOOK_PX: Final = _TILE_PX**2
_TILE_OVERLAP_PX: Final = 256
"""A face up to this width lies whole in some tile; larger ones are found at the reduced size."""
_SAME_FACE_OVERLAP: Final = 0.45
_PART_OVERLAP: Final = 0.7
_LARGEST_PART_OF: Final = 36.0
"""A face of more than so many times the area has no parts of this size that look like faces."""
_LEAST_LOOK_PX: Final = 160
_NEAR_ENOUGH: Final = 1.25
"""A reduced look is left out when the full one is at most this much larger than it."""
_PRECISE_FROM_PX: Final = 64.0
_PRECISE_TO: Final = 0.5
"""Widths, in a look, between which points are most precise, the upper as a part of the largest face that
is found at all; measured on lfw-dev at several sizes."""
_SMALL_SIDE_PX: Final = 320
_QUARTER_TURNS: Final = (1, 2, 3)
_TURNED_PX: Final = 1920 * 1080
_TURN_MARGIN: Final = 1.3
"""How much more a turned photograph must show than the upright one, which most photographs are."""
UPRIGHT_SCORE: Final = 0.9
"""What 9 of 10 upright faces reach and 9 of 10 faces turned by 60 degrees or more do not (both detectors)."""


class Detector(Protocol):
    """A network that finds faces of a range of sizes. Thread-safe.

    Attributes:
        spec: what the manifest says of it.
        finest_px: pixels (width times height) up to which a picture is searched at its full size.
        refined_widths_px: widths at which a face is looked at again for its points (vision/refine.py).
        leans: whether every face gains by that; else only those that may be far from upright.
    """

    @property
    def spec(self) -> DetectorSpec: ...
    @property
    def finest_px(self) -> int: ...
    @property
    def refined_widths_px(self) -> tuple[int, ...]: ...
    @property
    def leans(self) -> bool: ...

    def find(self, picture: Pixels) -> RawFaces:
        """The faces of one picture, looked at in its own size."""


def find_faces(detector: Detector, pixels: Pixels) -> RawFaces:
    """The faces of a photograph, largest box first, at most 100, in pixels of the photograph."""
    faces = _find_upright(detector, pixels)
    if not len(faces) and max(pixels.shape[:2]) <= _SMALL_SIDE_PX:
        faces = _look(detector, pixels, 2.0)
    if not (faces.scores >= UPRIGHT_SCORE).any():
        faces = _best_turned(detector, pixels, faces)
    faces = faces.take(_plausible(faces, pixels))
    return faces.take(np.argsort(-faces.areas_px, kind="stable")[:MAX_FACES])


def scales(width: int, height: int, detector: Detector) -> tuple[float, ...]:
    """The sizes to look at a photograph in, as factors of its own, finest first."""
    finest = min(1.0, math.sqrt(detector.finest_px / (width * height)))
    whole = detector.spec.largest_face_px / max(width, height)
    return (finest,) if finest <= whole * _NEAR_ENOUGH else (finest, whole)


def _find_upright(detector: Detector, pixels: Pixels) -> RawFaces:
    height, width = pixels.shape[:2]
    at_scales = list(scales(width, height, detector))
    looks = [_look(detector, pixels, scale) for scale in at_scales]
    largest_px = detector.spec.largest_face_px
    while at_scales[-1] * max(width, height) >= 2 * _LEAST_LOOK_PX and _is_too_near(
        looks[-1].scaled(at_scales[-1]), largest_px=largest_px
    ):
        at_scales.append(at_scales[-1] / 2)
        looks.append(_look(detector, pixels, at_scales[-1]))
    return looks[0] if len(looks) == 1 else _merge(looks, at_scales, largest_px=largest_px)


def _is_too_near(faces: RawFaces, *, largest_px: int) -> bool:
    """Whether a look, in its own pixels, may have missed or blurred a face for its size: look from afar."""
    return not len(faces) or float(faces.widths_px.max()) > _PRECISE_TO * largest_px


def _look(detector: Detector, pixels: Pixels, scale: float) -> RawFaces:
    """One look at `scale`; results are in pixels of the photograph."""
    picture = resized(pixels, scale)
    found = []
    for left, top, right, bottom in tiles(picture.shape[1], picture.shape[0]):
        faces = detector.find(picture[top:bottom, left:right])
        found.append(_whole(faces, picture, (left, top, right, bottom)))
    faces = found[0] if len(found) == 1 else suppress(RawFaces.joined(found), max_overlap=_SAME_FACE_OVERLAP)
    return faces.scaled(1 / scale)


def resized(pixels: Pixels, scale: float) -> Pixels:
    """The photograph at `scale` times its size, by areas where that shrinks it."""
    if scale == 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=how), dtype=np.uint8)


def tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """(left, top, right, bottom) of overlapping tiles that cover a picture; one where it is small."""
    for top, bottom in _spans(height):
        for left, right in _spans(width):
            yield left, top, right, bottom


def _spans(length: int) -> list[tuple[int, int]]:
    if length <= _TILE_PX:
        return [(0, length)]
    count = math.ceil((length - _TILE_OVERLAP_PX) / (_TILE_PX - _TILE_OVERLAP_PX))
    span = math.ceil((length + (count - 1) * _TILE_OVERLAP_PX) / count)
    starts = [min(index * (span - _TILE_OVERLAP_PX), length - span) for index in range(count)]
    return [(start, start + span) for start in starts]


def _whole(faces: RawFaces, picture: Pixels, tile: tuple[int, int, int, int]) -> RawFaces:
    """A tile's faces in pixels of the picture, without those that the tile's inner edges cut."""
    left, top, right, bottom = tile
    faces = faces.moved(np.array([[1, 0, left], [0, 1, top]], np.float64))
    height, width = picture.shape[:2]
    cut = np.zeros(len(faces), np.bool_)
    if left > 0:
        cut |= faces.boxes[:, 0] <= left
    if top > 0:
        cut |= faces.boxes[:, 1] <= top
    if right < width:
        cut |= faces.boxes[:, 2] >= right
    if bottom < height:
        cut |= faces.boxes[:, 3] >= bottom
    return faces.take(~cut)


def _merge(looks: Sequence[RawFaces], at_scales: Sequence[float], *, largest_px: int) -> RawFaces:
    """One face for what several looks found, each trusted by how well its size suited the detector."""
    faces = RawFaces.joined(looks)
    weights = np.concatenate(
        [
            look.scores * _trust(look.widths_px * scale, largest_px=largest_px)
            for look, scale in zip(looks, at_scales, strict=True)
        ]
    )
    whole = ~_is_part(faces, weights)
    return fuse(faces.take(whole), weights[whole], min_overlap=_SAME_FACE_OVERLAP)


def _is_part(faces: RawFaces, weights: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) which faces are pieces of another, as a look from too near sees them.

    A piece lies mostly in a larger face that is trusted more, and is not tiny beside it: somebody in
    front of a giant screen is no part of the face on it.
    """
    areas = faces.areas_px
    part = np.zeros(len(faces), np.bool_)
    for index in range(len(faces)):
        ratio = areas / max(float(areas[index]), 1.0)
        around = (ratio > 1) & (ratio < _LARGEST_PART_OF) & (weights > weights[index])
        if around.any():
            inside = contained(faces.boxes[index], faces.boxes[around])
            part[index] = bool((inside > _PART_OVERLAP).any())
    return part


def _trust(widths_px: NDArray[np.float32], *, largest_px: int) -> NDArray[np.float32]:
    """1 for widths at which points are precise, falling with the square of the factor beyond them."""
    factor = np.minimum(widths_px / _PRECISE_FROM_PX, _PRECISE_TO * largest_px / np.maximum(widths_px, 1))
    return np.asarray(np.clip(factor, 0, 1) ** 2, np.float32)


def _best_turned(detector: Detector, pixels: Pixels, upright: RawFaces) -> RawFaces:
    """The faces of the best of the photograph's four quarter turns, back in the photograph's frame.

    Turned looks are taken at the size of a Full HD frame at most: they are three more, and a picture
    without a face must not cost its sender little and the server much.
    """
    best, best_evidence = upright, _evidence(upright) * _TURN_MARGIN
    scale = min(1.0, math.sqrt(_TURNED_PX / (pixels.shape[0] * pixels.shape[1])))
    picture = resized(pixels, scale)
    for turns in _QUARTER_TURNS:
        turned = _find_upright(detector, np.ascontiguousarray(np.rot90(picture, turns)))
        if _evidence(turned) > best_evidence:
            best_evidence = _evidence(turned)
            best = turned.moved(_quarter_turn_back(turns, *picture.shape[1::-1])).scaled(1 / scale)
    return best


def _evidence(faces: RawFaces) -> float:
    """How much a turn speaks for itself: a face that is sure outweighs several that hardly are."""
    return float((np.maximum(faces.scores - 0.5, 0) ** 2).sum())


def _quarter_turn_back(turns: int, width: int, height: int) -> NDArray[np.float64]:
    """From pixels of `np.rot90(photograph, turns)` to pixels of the photograph.

    Args:
        width: of the photograph.
        height: of the photograph.
    """
    return np.array(
        {
            1: [[0, -1, width], [1, 0, 0]],
            2: [[-1, 0, width], [0, -1, height]],
            3: [[0, 1, 0], [-1, 0, height]],
        }[turns],
        np.float64,
    )


def _plausible(faces: RawFaces, pixels: Pixels) -> NDArray[np.bool_]:
    """Faces with finite boxes of a pixel or more about a place in the picture, and points apart."""
    finite = np.isfinite(faces.boxes).all(axis=1) & np.isfinite(faces.landmarks).all(axis=(1, 2))
    spread = np.ptp(faces.landmarks, axis=1).max(axis=1) if len(faces) else np.empty(0)
    size = np.minimum(faces.widths_px, faces.boxes[:, 3] - faces.boxes[:, 1])
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    inside = ((centres >= 0) & (centres <= pixels.shape[1::-1])).all(axis=1)
    return np.asarray(finite & inside & (size >= 1) & (spread >= 1))
