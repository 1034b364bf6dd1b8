"""Whom an answer names, and the same answer with those alone whom examiners support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

REVIEWED: Final = frozenset(
    {"SearchFaces", "SearchFacesByImage", "IdentifyFace", "CompareFaces", "VerifyFaces"}
)
"""Operations whose answers can be held; others that owe a review are refused."""
_OF_A_MATCH: Final = frozenset({"Similarity", "EstimatedFalseMatchRate"})


def candidates_of(operation: str, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the answer says of each candidate, best first; empty where it names nobody."""
    if operation == "VerifyFaces":
        return [] if answer["Decision"] == "NO_MATCH" else [dict(answer)]
    return [dict(each) for each in answer["Candidates" if operation == "IdentifyFace" else "FaceMatches"]]


def face_id_of(candidate: Mapping[str, Any]) -> str | None:
    """The enrolled face of a candidate; None of one that is of a photo."""
    found: str | None = candidate.get("Face", {}).get("FaceId")
    return found


def released(operation: str, answer: Mapping[str, Any], supported: Sequence[bool]) -> dict[str, Any]:
    """The answer as it may be given.

    Args:
        supported: of each of `candidates_of`, whether examiners support it.
    """
    told = dict(answer)
    match operation:
        case "VerifyFaces":
            if not supported[0]:
                told = {name: value for name, value in told.items() if name not in _OF_A_MATCH}
                told |= {"Decision": "NO_MATCH", "ReviewReasons": []}
        case "IdentifyFace":
            told["Candidates"] = _kept(answer["Candidates"], supported)
            told["Decision"] = next((each["Decision"] for each in told["Candidates"]), "NO_MATCH")
        case "CompareFaces":
            told["FaceMatches"] = _kept(answer["FaceMatches"], supported)
            told["UnmatchedFaces"] = [
                *answer["UnmatchedFaces"],
                *(each["Face"] for each in _kept(answer["FaceMatches"], [not each for each in supported])),
            ]
        case _:
            told["FaceMatches"] = _kept(answer["FaceMatches"], supported)
    return told


def in_force(answer: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    """The answer as of the threshold that was asked for, where more was looked at than that."""
    told = dict(answer)
    if "ThresholdInForce" in told:
        least = max(told["ThresholdInForce"]["ReviewSimilarity"], threshold)
        told["ThresholdInForce"] = told["ThresholdInForce"] | {"ReviewSimilarity": least}
    return told


def _kept(candidates: Sequence[Any], is_kept: Sequence[bool]) -> list[Any]:
    return [each for each, kept in zip(candidates, is_kept, strict=True) if kept]
