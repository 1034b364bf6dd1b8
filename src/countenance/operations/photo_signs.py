"""The coach's signs of one of a photo's faces, and as they are answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from countenance.operations.images import Photo
from countenance.types import Face
from countenance.vision.quality_filter import Level
from countenance.wire.shapes import PhotoSign

if TYPE_CHECKING:  # the inference runtime loads when a pack is first used
    from countenance.vision.attributes.coach import Sign
    from countenance.vision.attributes.face_quality import FaceMeasures


def signs_in(photo: Photo, face: Face, measures: FaceMeasures) -> tuple[Sign, ...]:
    """What is wrong with the photo as one of this face, most severe first."""
    from countenance.vision.attributes.coach import signs_of

    return signs_of(
        measures,
        reasons=lambda level: photo.reasons_against(face, level),
        faces=len(photo.detection.faces),
    )


def sign_for(reasons: Sequence[str], photo: Photo, face: Face, level: Level) -> PhotoSign | None:
    """The most severe sign of what QualityFilter rejects a face for at a level; None if no sign says it.

    By what needs no network: it costs no further look at the photo.
    """
    from countenance.vision.attributes.coach import LEVELS, SIGNS_OF, signs_at
    from countenance.vision.attributes.face_quality import measure_faces

    [measures] = measure_faces(photo.pixels, [face])
    told = {code for reason in reasons for code in SIGNS_OF.get(reason, ())}
    asked = next((each for each in LEVELS if each == level), LEVELS[0])
    signs = signs_at(signs_in(photo, face, measures), asked)
    return next((to_sign(sign) for sign in signs if sign.code in told), None)


def to_sign(sign: Sign) -> PhotoSign:
    """What was not measured, or is not wanted in figures, is absent."""
    told: PhotoSign = {"Code": sign.code, "Sentence": sign.sentence, "Level": sign.level}
    if sign.measured is not None:
        told["Measured"], told["Unit"] = sign.measured, sign.unit
    if sign.wanted is not None:
        told["Wanted"] = sign.wanted
    return told
