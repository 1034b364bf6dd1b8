"""What DetectFaces and IndexFaces may be asked for beside the default members, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from countenance.errors import InternalServerError, SetupError
from countenance.operations.deps import Deps
from countenance.operations.images import Photo
from countenance.types import Face
from countenance.wire import shapes

if TYPE_CHECKING:  # the inference runtime loads when a pack is first used
    from countenance.vision.attributes.description import Attribute, Description, YesNoAttribute

_YES_NO: Final[tuple[tuple[YesNoAttribute, str], ...]] = (
    ("SMILE", "Smile"),
    ("EYEGLASSES", "Eyeglasses"),
    ("SUNGLASSES", "Sunglasses"),
    ("BEARD", "Beard"),
    ("MUSTACHE", "Mustache"),
    ("EYES_OPEN", "EyesOpen"),
    ("MOUTH_OPEN", "MouthOpen"),
    ("FACE_OCCLUDED", "FaceOccluded"),
)
"""Each attribute with the member that answers it."""
_EVERYTHING: Final = "ALL"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asked for.

    Attributes:
        attributes: beside the default ones; policy has seen to it that they are allowed.
        landmarks: all 30, which only `ALL` has.
    """

    attributes: frozenset[Attribute]
    landmarks: bool


def read_asked(names: Sequence[str] | None) -> Asked:
    """From `Attributes` or `DetectionAttributes`; none, or an empty list, is the default ones."""
    from countenance.vision.attributes.description import ATTRIBUTES

    asked = frozenset(names or ())
    if _EVERYTHING in asked:
        return Asked(ATTRIBUTES, landmarks=True)
    return Asked(ATTRIBUTES & asked, landmarks=False)


def describe(photo: Photo, faces: Sequence[Face], asked: Asked, deps: Deps) -> list[Description]:
    """Of each of the photo's faces given, in their order; nothing is looked at where nothing is asked for.

    Raises:
        InternalServerError: a file of the attribute pack was exchanged or damaged.
    """
    assert not deps.uow.is_open, "faces were described inside a transaction"
    try:
        return deps.analyst.describe(photo.pixels, faces, asked.attributes, landmarks=asked.landmarks)
    except SetupError as error:
        raise InternalServerError(f"the attribute pack is damaged: {error.remedy}") from error


def add_description(detail: shapes.FaceDetail, description: Description, photo: Photo) -> shapes.FaceDetail:
    """The same face with what was asked for; what is not in the description is absent."""
    from countenance.vision.attributes.mesh_points import LANDMARKS

    told = dict(detail)
    size = photo.detection.image_width, photo.detection.image_height
    if description.pose is not None:
        pose = description.pose
        told["Pose"] = {"Roll": pose.roll_deg, "Yaw": pose.yaw_deg, "Pitch": pose.pitch_deg}
    if description.landmarks is not None:
        places = description.landmarks / size
        told["Landmarks"] = [
            {"Type": name, "X": float(x), "Y": float(y)}
            for name, (x, y) in zip(LANDMARKS, places, strict=True)
        ]
    if (age := description.age_range) is not None:
        told["AgeRange"] = {"Low": age.low, "High": age.high}
    if (gender := description.gender) is not None:
        told["Gender"] = {"Value": gender.value, "Confidence": gender.confidence}
    for attribute, member in _YES_NO:
        if (judgement := description.judgements.get(attribute)) is not None:
            told[member] = {"Value": judgement.value, "Confidence": judgement.confidence}
    if description.emotions:
        told["Emotions"] = [
            {"Type": emotion, "Confidence": confidence} for emotion, confidence in description.emotions
        ]
    if (gaze := description.eye_direction) is not None:
        told["EyeDirection"] = {
            "Yaw": gaze.yaw_deg,
            "Pitch": gaze.pitch_deg,
            "Confidence": gaze.confidence,
        }
    return cast("shapes.FaceDetail", told)
