"""What an event keeps of a request and its response: names, figures, nothing biometric.

Derived from the members' names alone, so that a new operation is recorded without a line here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from countenance.audit import Touch
from countenance.gateway.resource import parse_arn
from countenance.operations.asked_thresholds import least_told

_THRESHOLDS = ("FaceMatchThreshold", "SimilarityThreshold", "UserMatchThreshold")
_BESIDE: Final = frozenset({"Image", "UserId", "RejectedFaceId"})
_ABOUT_IT: Final = frozenset({"Merges", "Picture", "Rejections"})
"""What is answered of a face that was asked about, and not looked for."""
_PAIR = ("SourceUserId", "TargetUserId")
_CANDIDATES = ("FaceMatches", "UserMatches", "Candidates", "Collisions")
_DELETED: Final[Sequence[tuple[Literal["face", "user"], str]]] = (
    ("face", "DeletedFaces"),
    ("user", "DeletedUsers"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """For the members of the same names, see `Event`."""

    collection: str | None = None
    resource: str | None = None
    threshold_asked: float | None = None
    threshold_match: float | None = None
    decided: str | None = None
    candidates: int | None = None
    enrolled: int | None = None
    deleted: int | None = None
    touched: tuple[Touch, ...] = ()


def facts_of(request: Mapping[str, Any], response: Mapping[str, Any]) -> Facts:
    """`response` is empty for a call without a result."""
    arn = request.get("ResourceArn")
    named = parse_arn(arn) if arn else None
    decided = response if "ThresholdInForce" in response else {}
    return Facts(
        collection=request.get("CollectionId") or (named.name if named else None),
        resource=arn or request.get("TestId") or _access_key_id(request) or _access_key_id(response),
        threshold_asked=next((request[name] for name in _THRESHOLDS if name in request), least_told(request)),
        threshold_match=decided.get("ThresholdInForce", {}).get("Similarity"),
        decided=decided.get("Decision"),
        candidates=_count(response, *_CANDIDATES),
        enrolled=_count(response, "FaceRecords"),
        deleted=_count(response, "DeletedFaces"),
        touched=tuple(_touched(request, response)),
    )


def _touched(request: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[Touch]:
    yield from _asked_about(request, is_list=not _ABOUT_IT.isdisjoint(response))
    yield from (Touch(role="named", kind="user", id=response[name]) for name in _PAIR if name in response)
    yield from _candidates(response)
    for record in response.get("FaceRecords", ()):
        yield Touch(role="enrolled", kind="face", id=record["Face"]["FaceId"])
    for face in response.get("AssociatedFaces", ()):
        yield Touch(role="associated", kind="face", id=face["FaceId"])
    for face in response.get("DisassociatedFaces", ()):
        yield Touch(role="named", kind="face", id=face["FaceId"])
    for kind, name in _DELETED:
        yield from (Touch(role="deleted", kind=kind, id=each) for each in response.get(name, ()))


def _asked_about(request: Mapping[str, Any], *, is_list: bool) -> Iterator[Touch]:
    if "FaceId" in request:
        # Beside a photo it is whom that is said to show, beside others whom it is not; alone it is what is
        # looked for, unless a list is asked for.
        is_named = is_list or not _BESIDE.isdisjoint(request)
        yield Touch(role="named" if is_named else "probe", kind="face", id=request["FaceId"])
    if "RejectedFaceId" in request:
        yield Touch(role="named", kind="face", id=request["RejectedFaceId"])
    if "UserId" in request:
        yield Touch(role="named", kind="user", id=request["UserId"])
    for user_id in (request[name] for name in _PAIR if name in request):
        yield Touch(role="named", kind="user", id=user_id)


def _candidates(response: Mapping[str, Any]) -> Iterator[Touch]:
    for name in ("FaceMatches", "Candidates"):
        for rank, match in enumerate(response.get(name, ()), start=1):
            if "FaceId" in match["Face"]:  # compared faces are of nobody's gallery
                yield _candidate("face", match["Face"]["FaceId"], rank, match)
    for rank, match in enumerate(response.get("UserMatches", ()), start=1):
        yield _candidate("user", match["User"]["UserId"], rank, match)


def _candidate(kind: Any, subject_id: str, rank: int, match: Mapping[str, Any]) -> Touch:
    return Touch(role="candidate", kind=kind, id=subject_id, rank=rank, similarity=match["Similarity"])


def _count(response: Mapping[str, Any], *names: str) -> int | None:
    return next((len(response[name]) for name in names if name in response), None)


def _access_key_id(members: Mapping[str, Any]) -> str | None:
    found: str | None = members.get("AccessKeyId") or members.get("Credentials", {}).get("AccessKeyId")
    return found
