"""CoachPhoto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from countenance.errors import InternalServerError, InvalidParameterException, SetupError
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box, to_bounding_box
from countenance.operations.images import Photo, load_photo
from countenance.operations.photo_signs import signs_in, to_sign
from countenance.policy.photo_demands import PhotoLevel, demands
from countenance.types import Face
from countenance.wire.shapes import (
    CoachedFace,
    CoachPhotoRequest,
    CoachPhotoResponse,
    PhotoMeasure,
    PhotoSign,
)

if TYPE_CHECKING:  # the inference runtime loads when a pack is first used
    from countenance.vision.attributes.coach import Sign
    from countenance.vision.attributes.face_quality import FaceMeasures


def coach_photo(request: CoachPhotoRequest, deps: Deps) -> CoachPhotoResponse:
    """What is wrong with an enrolment photo, and what to do about it; it enrols and compares nothing.

    The largest face is the one that the photo is of. What cannot be measured is told, and is not held
    against the photo.
    """
    from countenance.vision.attributes.coach import signs_without_a_face
    from countenance.vision.attributes.face_quality import MEASURES

    wanted = demands()
    level = _level(request.get("Purpose"), wanted)
    photo = load_photo(request["Image"], deps.default_vision(), deps)
    measured = _measure(photo, deps)
    coached = [
        (each, signs_in(photo, face, each))
        for face, each in zip(photo.detection.faces, measured, strict=True)
    ]
    measures, signs = coached[0] if coached else (None, signs_without_a_face())
    suits = _suitable(signs, wanted)
    return {
        "Faces": [
            _to_face(photo, face, each, told, wanted=wanted, level=level)
            for face, (each, told) in zip(photo.detection.faces, coached, strict=True)
        ],
        "Signs": _to_signs(signs, level),
        "IsGoodEnough": bool(suits) if "Purpose" not in request else request["Purpose"] in suits,
        "SuitablePurposes": suits,
        "MissingMeasures": list(MEASURES if measures is None else measures.missing),
    }


def _level(purpose: str | None, wanted: Mapping[str, PhotoLevel]) -> PhotoLevel:
    """What the photo is held against.

    Raises:
        InvalidParameterException: nobody is enrolled for that purpose.
    """
    if purpose is None:
        return "HIGH"
    if purpose not in wanted:
        raise InvalidParameterException(
            f"nobody is enrolled for the purpose `{purpose}`: give one of {', '.join(wanted)}"
        )
    return wanted[purpose]


def _measure(photo: Photo, deps: Deps) -> list[FaceMeasures]:
    """Raises InternalServerError: a file of the attribute pack was exchanged or damaged."""
    from countenance.vision.attributes.face_quality import measure_faces

    assert not deps.uow.is_open, "faces were measured inside a transaction"
    try:
        return measure_faces(photo.pixels, photo.detection.faces, deps.analyst)
    except SetupError as error:
        raise InternalServerError(f"the attribute pack is damaged: {error.remedy}") from error


def _suitable(signs: Sequence[Sign], wanted: Mapping[str, PhotoLevel]) -> list[str]:
    from countenance.vision.attributes.coach import signs_at

    return [purpose for purpose, level in wanted.items() if not signs_at(signs, level)]


def _to_face(
    photo: Photo,
    face: Face,
    measures: FaceMeasures,
    signs: Sequence[Sign],
    *,
    wanted: Mapping[str, PhotoLevel],
    level: PhotoLevel,
) -> CoachedFace:
    return {
        "BoundingBox": to_bounding_box(ratio_box(face, photo.detection)),
        "Measures": _to_measures(measures),
        "Signs": _to_signs(signs, level),
        "SuitablePurposes": _suitable(signs, wanted),
    }


def _to_measures(measures: FaceMeasures) -> list[PhotoMeasure]:
    from countenance.vision.attributes.face_quality import SCALES

    return [
        {"Name": name, "Value": value, "Unit": SCALES[name].unit, "Better": SCALES[name].better}
        for name, value in measures.values.items()
    ]


def _to_signs(signs: Sequence[Sign], level: PhotoLevel) -> list[PhotoSign]:
    from countenance.vision.attributes.coach import signs_at

    return [to_sign(sign) for sign in signs_at(signs, level)]
