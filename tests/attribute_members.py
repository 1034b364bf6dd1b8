"""Each attribute that DetectFaces may be asked for, with the member that answers it."""

from __future__ import annotations

MEMBERS = {
    "AGE_RANGE": "AgeRange",
    "BEARD": "Beard",
    "EMOTIONS": "Emotions",
    "EYEGLASSES": "Eyeglasses",
    "EYES_OPEN": "EyesOpen",
    "EYE_DIRECTION": "EyeDirection",
    "FACE_OCCLUDED": "FaceOccluded",
    "GENDER": "Gender",
    "MOUTH_OPEN": "MouthOpen",
    "MUSTACHE": "Mustache",
    "SMILE": "Smile",
    "SUNGLASSES": "Sunglasses",
}
DEFAULT = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
