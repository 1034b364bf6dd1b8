"""CreateUser, DeleteUser, ListUsers, AssociateFaces, DisassociateFaces."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from operator import attrgetter
from typing import cast

from countenance.gallery import FaceFailure
from countenance.operations.defaults import ASSOCIATE_THRESHOLD
from countenance.operations.deps import Deps
from countenance.types import FaceId, UserId
from countenance.wire.shapes import (
    AssociateFacesRequest,
    AssociateFacesResponse,
    CreateUserRequest,
    CreateUserResponse,
    DeleteUserRequest,
    DeleteUserResponse,
    DisassociateFacesRequest,
    DisassociateFacesResponse,
    ListUsersRequest,
    ListUsersResponse,
    UnsuccessfulFaceAssociation,
    UnsuccessfulFaceAssociationReason,
    UnsuccessfulFaceDisassociation,
    UnsuccessfulFaceDisassociationReason,
)


def create_user(request: CreateUserRequest, deps: Deps) -> CreateUserResponse:
    """A new user without faces; an id that is taken is a conflict."""
    collection = deps.collection(request["CollectionId"])
    deps.gallery.create_user(deps.uow, collection, UserId(request["UserId"]))
    return {}


def delete_user(request: DeleteUserRequest, deps: Deps) -> DeleteUserResponse:
    """Delete a user; its faces stay in the collection."""
    collection = deps.collection(request["CollectionId"])
    deps.gallery.delete_user(deps.uow, collection, UserId(request["UserId"]))
    return {}


def list_users(request: ListUsersRequest, deps: Deps) -> ListUsersResponse:
    """The collection's users by id."""
    collection = deps.collection(request["CollectionId"])
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListUsers", str(collection.collection_id)),
        size=request.get("MaxResults", 500),
        fetch=lambda after, limit: deps.gallery.list_users(
            collection, limit=limit, after=None if after is None else UserId(after)
        ),
        position_of=attrgetter("user_id"),
    )
    response: ListUsersResponse = {
        "Users": [{"UserId": subject.user_id, "UserStatus": subject.status.value} for subject in page.items]
    }
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def associate_faces(request: AssociateFacesRequest, deps: Deps) -> AssociateFacesResponse:
    """Give faces to a user: those similar enough to the faces that the user has had before the call."""
    collection = deps.collection(request["CollectionId"])
    done = deps.gallery.associate(
        deps.uow,
        collection,
        UserId(request["UserId"]),
        _to_face_ids(request["FaceIds"]),
        calibration=deps.calibration(collection.face_model_version),
        threshold=deps.threshold(request.get("UserMatchThreshold"), default=ASSOCIATE_THRESHOLD),
    )
    return {
        "AssociatedFaces": [{"FaceId": str(face_id)} for face_id in done.face_ids],
        "UnsuccessfulFaceAssociations": [
            _to_refused_association(failure, least=deps.purpose().minimum_threshold)
            for failure in done.failures
        ],
        "UserStatus": done.status.value,
    }


def disassociate_faces(request: DisassociateFacesRequest, deps: Deps) -> DisassociateFacesResponse:
    """Take faces from a user; faces of nobody are passed over in silence, as on AWS."""
    collection = deps.collection(request["CollectionId"])
    done = deps.gallery.disassociate(
        deps.uow, collection, UserId(request["UserId"]), _to_face_ids(request["FaceIds"])
    )
    return {
        "DisassociatedFaces": [{"FaceId": str(face_id)} for face_id in done.face_ids],
        "UnsuccessfulFaceDisassociations": [_to_refused_disassociation(failure) for failure in done.failures],
        "UserStatus": done.status.value,
    }


def _to_face_ids(texts: Iterable[str]) -> list[FaceId]:
    return [FaceId(uuid.UUID(text)) for text in texts]


def _to_refused_association(failure: FaceFailure, *, least: float) -> UnsuccessfulFaceAssociation:
    """`least`: a similarity below it is not told, as no search under the purpose would tell it."""
    reason = cast("UnsuccessfulFaceAssociationReason", failure.reason.value)
    refused: UnsuccessfulFaceAssociation = {"FaceId": str(failure.face_id), "Reasons": [reason]}
    if failure.user_id is not None:
        refused["UserId"] = failure.user_id
    if failure.similarity is not None and failure.similarity >= least:
        refused["Confidence"] = failure.similarity
    return refused


def _to_refused_disassociation(failure: FaceFailure) -> UnsuccessfulFaceDisassociation:
    reason = cast("UnsuccessfulFaceDisassociationReason", failure.reason.value)
    refused: UnsuccessfulFaceDisassociation = {"FaceId": str(failure.face_id), "Reasons": [reason]}
    if failure.user_id is not None:
        refused["UserId"] = failure.user_id
    return refused
