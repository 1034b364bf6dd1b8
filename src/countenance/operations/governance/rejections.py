"""RejectMatch, WithdrawRejection, ListRejectedMatches: "not this person" (docs/operations/rejections.md)."""

from __future__ import annotations

import uuid

from countenance.errors import InvalidParameterException
from countenance.gallery import Target
from countenance.operations.deps import Deps
from countenance.operations.rejected_shapes import to_rejected
from countenance.types import FaceId, UserId
from countenance.wire.shapes import (
    ListRejectedMatchesRequest,
    ListRejectedMatchesResponse,
    RejectMatchRequest,
    RejectMatchResponse,
    WithdrawRejectionRequest,
    WithdrawRejectionResponse,
)


def reject_match(request: RejectMatchRequest, deps: Deps) -> RejectMatchResponse:
    """Note that the person of a face is not a user, or not that of another; again changes nothing."""
    target = _target(request)
    made = deps.gallery.reject(
        deps.uow,
        deps.collection(request["CollectionId"]),
        _face_id(request["FaceId"]),
        target,
        rejected_by=deps.caller.operator,
        reason=request.get("Reason"),
    )
    return {"Rejection": to_rejected(made)}


def withdraw_rejection(request: WithdrawRejectionRequest, deps: Deps) -> WithdrawRejectionResponse:
    """Take a rejection back; of two faces whichever was named first."""
    target = _target(request)
    stood = deps.gallery.withdraw_rejection(
        deps.uow, deps.collection(request["CollectionId"]), _face_id(request["FaceId"]), target
    )
    return {"Rejection": to_rejected(stood)}


def list_rejected_matches(request: ListRejectedMatchesRequest, deps: Deps) -> ListRejectedMatchesResponse:
    """What stands in a collection, in the order in which it was rejected."""
    collection = deps.collection(request["CollectionId"])
    face_id, user_id = request.get("FaceId"), request.get("UserId")
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListRejectedMatches", str(collection.collection_id), face_id or "", user_id or ""),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.gallery.list_rejections(
            collection,
            face_id=None if face_id is None else _face_id(face_id),
            user_id=None if user_id is None else UserId(user_id),
            limit=limit,
            after=0 if after is None else int(after),
        ),
        position_of=lambda each: str(each.ordinal),
    )
    response: ListRejectedMatchesResponse = {"Rejections": [to_rejected(each) for each in page.items]}
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def _target(request: RejectMatchRequest | WithdrawRejectionRequest) -> Target:
    user_id, face_id = request.get("UserId"), request.get("RejectedFaceId")
    if (user_id is None) == (face_id is None):
        raise InvalidParameterException("exactly one of `UserId` and `RejectedFaceId` must be given")
    return Target(
        None if user_id is None else UserId(user_id), None if face_id is None else _face_id(face_id)
    )


def _face_id(text: str) -> FaceId:
    return FaceId(uuid.UUID(text))
