"""Which of a photo's faces is meant, where a caller says so."""

from __future__ import annotations

from typing import Final

from countenance.errors import InvalidParameterException
from countenance.operations.face_shapes import ratio_box
from countenance.operations.images import Photo
from countenance.types import Face, RatioBox
from countenance.wire.shapes import BoundingBox

_LEAST_OVERLAP: Final = 0.3
"""Of two boxes of one face, however different the detectors that drew them: intersection over union."""


def face_in_box(photo: Photo, box: BoundingBox) -> Face | None:
    """The face that overlaps the box most, if any does enough.

    Raises:
        InvalidParameterException: the box is none.
    """
    if len(box) < 4 or box["Width"] <= 0 or box["Height"] <= 0:
        raise InvalidParameterException("`BoundingBox` needs Left, Top, Width and Height")
    wanted = RatioBox(left=box["Left"], top=box["Top"], width=box["Width"], height=box["Height"])

    def overlap(face: Face) -> float:
        return _overlap(ratio_box(face, photo.detection), wanted)

    most = max(photo.detection.faces, key=overlap, default=None)
    return None if most is None or overlap(most) < _LEAST_OVERLAP else most


def largest_face(photo: Photo) -> Face | None:
    """The face with the largest box."""
    return next(iter(photo.detection.faces), None)


def middle_face(photo: Photo) -> Face | None:
    """The face whose box's centre is nearest to the image's: of data sets that centre whom they show."""
    width, height = photo.detection.image_width, photo.detection.image_height

    def from_middle(face: Face) -> float:
        x = face.box.left + face.box.width / 2 - width / 2
        y = face.box.top + face.box.height / 2 - height / 2
        return x * x + y * y

    return min(photo.detection.faces, key=from_middle, default=None)


def _overlap(one: RatioBox, other: RatioBox) -> float:
    """Intersection over union."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    both = max(width, 0.0) * max(height, 0.0)
    return both / (one.width * one.height + other.width * other.height - both)
