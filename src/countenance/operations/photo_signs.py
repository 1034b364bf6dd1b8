"""The coach's signs of one of a photo's faces, and as they are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from countenance.operations.images import Photo
from countenance.types import Face
from countenance.wire.shapes import PhotoSign

if TYPE_CHECKING:  # the inference runtime loads when a pack is first used
    from countenance.vision.attributes.coach import Sign, SignCode
    from countenance.vision.attributes.face_quality import FaceMeasures

_SIGNS_OF: Final[Mapping[str, tuple[SignCode, ...]]] = {
    "SMALL_BOUNDING_BOX": ("EYE_DISTANCE", "SMALL_IN_PHOTO"),
    "LOW_SHARPNESS": ("SHARPNESS",),
    "LOW_BRIGHTNESS": ("BRIGHTNESS",),
    "EXTREME_POSE": ("YAW", "PITCH"),
    "LOW_CONFIDENCE": ("CONFIDENCE",),
    "LOW_FACE_QUALITY": ("TOO_BRIGHT", "LOW_FACE_QUALITY"),
}
"""Reason of QualityFilter → the signs that say the same."""


def signs_in(photo: Photo, face: Face, measures: FaceMeasures) -> tuple[Sign, ...]:
    """What is wrong with the photo as one of this face, most severe first."""
    from countenance.vision.attributes.coach import signs_of

    return signs_of(
        measures,
        reasons=lambda level: photo.reasons_against(face, level),
        faces=len(photo.detection.faces),
    )


def sign_for(reasons: Sequence[str], photo: Photo, face: Face) -> PhotoSign | None:
    """The most severe sign of what QualityFilter rejects a face for; None if no sign says it.

    By what needs no network: it costs no further look at the photo.
    """
    from countenance.vision.attributes.face_quality import measure_faces

    [measures] = measure_faces(photo.pixels, [face])
    told = {code for reason in reasons for code in _SIGNS_OF.get(reason, ())}
    return next((to_sign(sign) for sign in signs_in(photo, face, measures) if sign.code in told), None)


def to_sign(sign: Sign) -> PhotoSign:
    """What was not measured, or is not wanted in figures, is absent."""
    told: PhotoSign = {"Code": sign.code, "Sentence": sign.sentence, "Level": sign.level}
    if sign.measured is not None:
        told["Measured"], told["Unit"] = sign.measured, sign.unit
    if sign.wanted is not None:
        told["Wanted"] = sign.wanted
    return told
