"""Faces as AWS spells them: boxes and points as ratios of the photograph, ids as text.

Two spellings of one face exist on purpose. A face just found (`FaceDetail`, `ComparedFace`) has what
the detector saw. A stored face (`Face`) has the rounded box and confidence of the gallery.
"""

from __future__ import annotations

from typing import Final

from countenance.gallery import StoredFace
from countenance.types import Detection, Face, RatioBox
from countenance.wire import shapes

_LANDMARKS: Final[tuple[tuple[shapes.LandmarkType, int], ...]] = (
    ("eyeLeft", 0),
    ("eyeRight", 1),
    ("mouthLeft", 3),
    ("mouthRight", 4),
    ("nose", 2),
)
"""AWS's order of the five points, each with its row in `Landmarks5`; left is the image's left."""


def to_bounding_box(box: RatioBox) -> shapes.BoundingBox:
    """Not clipped: a face at the edge has a box that reaches outside, as on AWS."""
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def to_face_detail(face: Face, detection: Detection) -> shapes.FaceDetail:
    """The default attributes. Others are absent, not null, as no model supports them."""
    return {
        "BoundingBox": to_bounding_box(ratio_box(face, detection)),
        "Landmarks": _to_landmarks(face, detection),
        "Pose": _to_pose(face),
        "Quality": _to_quality(face),
        "Confidence": face.confidence,
    }


def to_compared_face(face: Face, detection: Detection) -> shapes.ComparedFace:
    """What CompareFaces tells of a target face; it never fills Emotions and Smile."""
    return {
        "BoundingBox": to_bounding_box(ratio_box(face, detection)),
        "Confidence": face.confidence,
        "Landmarks": _to_landmarks(face, detection),
        "Pose": _to_pose(face),
        "Quality": _to_quality(face),
    }


def to_indexed_face(stored: StoredFace, face: Face, detection: Detection) -> shapes.Face:
    """A face in IndexFaces' answer: ids of the stored face, box and confidence before rounding.

    IndexFacesModelVersion and UserId are not in this answer, on AWS neither.
    """
    indexed: shapes.Face = {
        "FaceId": str(stored.face_id),
        "BoundingBox": to_bounding_box(ratio_box(face, detection)),
        "ImageId": str(stored.image_id),
        "Confidence": face.confidence,
    }
    if stored.external_image_id is not None:
        indexed["ExternalImageId"] = stored.external_image_id
    return indexed


def to_stored_face(stored: StoredFace) -> shapes.Face:
    """A face in the answers of lists and searches."""
    listed: shapes.Face = {
        "FaceId": str(stored.face_id),
        "BoundingBox": to_bounding_box(stored.box),
        "ImageId": str(stored.image_id),
        "Confidence": stored.confidence,
        "IndexFacesModelVersion": stored.face_model_version,
    }
    if stored.external_image_id is not None:
        listed["ExternalImageId"] = stored.external_image_id
    if stored.user_id is not None:
        listed["UserId"] = stored.user_id
    return listed


def ratio_box(face: Face, detection: Detection) -> RatioBox:
    """The face's box as ratios of its photograph."""
    return face.box.to_ratio(image_width=detection.image_width, image_height=detection.image_height)


def _to_landmarks(face: Face, detection: Detection) -> list[shapes.Landmark]:
    points = face.landmarks / (detection.image_width, detection.image_height)
    return [
        {"Type": name, "X": float(points[row, 0]), "Y": float(points[row, 1])} for name, row in _LANDMARKS
    ]


def _to_pose(face: Face) -> shapes.Pose:
    return {"Roll": face.pose.roll_deg, "Yaw": face.pose.yaw_deg, "Pitch": face.pose.pitch_deg}


def _to_quality(face: Face) -> shapes.ImageQuality:
    return {"Brightness": face.quality.brightness, "Sharpness": face.quality.sharpness}
