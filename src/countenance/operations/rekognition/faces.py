"""IndexFaces, ListFaces, DeleteFaces."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

from countenance.gallery import FaceFailure, NewFace
from countenance.operations.consented import bind_to_consent, require_consent_stands
from countenance.operations.deps import Deps
from countenance.operations.face_attributes import add_description, describe, read_asked
from countenance.operations.face_shapes import ratio_box, to_face_detail, to_indexed_face, to_stored_face
from countenance.operations.images import Photo, load_photo
from countenance.operations.kept_beside import with_what_is_wanted
from countenance.operations.objected import require_no_objection
from countenance.types import Face, FaceId, UserId
from countenance.vision.quality_filter import Level, quality_rank
from countenance.wire.shapes import (
    DeleteFacesRequest,
    DeleteFacesResponse,
    IndexFacesRequest,
    IndexFacesResponse,
    ListFacesRequest,
    ListFacesResponse,
    Reason,
    UnsuccessfulFaceDeletion,
    UnsuccessfulFaceDeletionReason,
)


def index_faces(request: IndexFacesRequest, deps: Deps) -> IndexFacesResponse:
    """Enrol the (up to 100) largest faces of a picture, largest first; none is an answer, no error.

    What the quality filter rejects and what exceeds MaxFaces is told in UnindexedFaces. A face that is
    stored already (same picture, same ExternalImageId, same box) keeps its FaceId.
    """
    collection = deps.collection(request["CollectionId"])
    require_consent_stands(deps)
    photo = load_photo(request["Image"], deps.vision(collection.face_model_version), deps)
    detection = photo.detection
    level = request.get("QualityFilter", "AUTO")  # searches and comparisons have NONE
    reasons = _reasons_against(photo, level, max_faces=request.get("MaxFaces", len(detection.faces)))
    enrolled = [face for face, against in zip(detection.faces, reasons, strict=True) if not against]
    descriptions = describe(photo, detection.faces, read_asked(request.get("DetectionAttributes")), deps)
    details = [
        add_description(to_face_detail(face, detection), description, photo)
        for face, description in zip(detection.faces, descriptions, strict=True)
    ]
    new_faces = _to_new_faces(photo, enrolled, request.get("ExternalImageId"))
    require_no_objection(deps, collection, [face.template for face in new_faces])
    new_faces = with_what_is_wanted(new_faces, photo, enrolled, collection, deps)
    stored = deps.gallery.enrol(deps.uow, collection, new_faces) if new_faces else []
    bind_to_consent(deps, collection, [face.face_id for face in stored])
    require_no_objection(deps, collection, [face.template for face in new_faces], enrolled=True)
    told = [detail for detail, against in zip(details, reasons, strict=True) if not against]
    return {
        "FaceRecords": [
            {"Face": to_indexed_face(reference, face, detection), "FaceDetail": detail}
            for reference, face, detail in zip(stored, enrolled, told, strict=True)
        ],
        "FaceModelVersion": collection.face_model_version,
        "UnindexedFaces": [
            {"Reasons": list(against), "FaceDetail": detail}
            for detail, against in zip(details, reasons, strict=True)
            if against
        ],
    }


def list_faces(request: ListFacesRequest, deps: Deps) -> ListFacesResponse:
    """The collection's faces by FaceId, of one user or among some ids if the caller says so."""
    collection = deps.collection(request["CollectionId"])
    user_id, face_ids = request.get("UserId"), request.get("FaceIds")
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListFaces", str(collection.collection_id), user_id or "", *(face_ids or ())),
        size=request.get("MaxResults", 0) or 1000,
        fetch=lambda after, limit: deps.gallery.list_faces(
            collection,
            user_id=None if user_id is None else UserId(user_id),
            face_ids=None if face_ids is None else _to_face_ids(face_ids),
            limit=limit,
            after=None if after is None else FaceId(uuid.UUID(after)),
        ),
        position_of=lambda stored: str(stored.face_id),
    )
    response: ListFacesResponse = {
        "Faces": [to_stored_face(stored) for stored in page.items],
        "FaceModelVersion": collection.face_model_version,
    }
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def delete_faces(request: DeleteFacesRequest, deps: Deps) -> DeleteFacesResponse:
    """Delete faces; those of a user and unknown ones are told, and stop nothing."""
    collection = deps.collection(request["CollectionId"])
    done = deps.gallery.delete_faces(deps.uow, collection, _to_face_ids(request["FaceIds"]))
    return {
        "DeletedFaces": [str(face_id) for face_id in done.face_ids],
        "UnsuccessfulFaceDeletions": [_to_refused_deletion(failure) for failure in done.failures],
    }


def _reasons_against(photo: Photo, level: Level, *, max_faces: int) -> list[tuple[Reason, ...]]:
    """For each face of the photo why it is not enrolled; empty if it is."""
    faces = photo.detection.faces
    reasons = [photo.reasons_against(face, level) for face in faces]
    passed = [index for index, against in enumerate(reasons) if not against]
    # stable: of equal claims the larger box, which comes first, is kept
    by_claim = sorted(passed, key=lambda index: _claim(photo, faces[index]), reverse=True)
    for index in by_claim[max_faces:]:
        reasons[index] = ("EXCEEDS_MAX_FACES",)
    return reasons


def _claim(photo: Photo, face: Face) -> float:
    """A face's claim to a place within MaxFaces; of equal ones the larger box has it.

    Low quality is dropped first, lowest first: that is what the filter's own bar would reject. All
    others are of one claim, so that MaxFaces 1 is the face that the picture is of, not the sharpest.
    """
    return quality_rank(face) if photo.reasons_against(face, "AUTO") else 100.0


def _to_new_faces(photo: Photo, faces: Sequence[Face], external_image_id: str | None) -> list[NewFace]:
    if not faces:
        return []
    return [
        NewFace(
            face_id=FaceId(uuid.uuid4()),
            image_id=photo.image_id,
            external_image_id=external_image_id,
            box=ratio_box(face, photo.detection),
            confidence=face.confidence,
            template=weighed.template,
            weight=weighed.weight,
        )
        for face, weighed in zip(faces, photo.embed_weighed(*faces), strict=True)
    ]


def _to_face_ids(texts: Sequence[str]) -> list[FaceId]:
    return [FaceId(uuid.UUID(text)) for text in texts]


def _to_refused_deletion(failure: FaceFailure) -> UnsuccessfulFaceDeletion:
    reason = cast("UnsuccessfulFaceDeletionReason", failure.reason.value)
    refused: UnsuccessfulFaceDeletion = {"FaceId": str(failure.face_id), "Reasons": [reason]}
    if failure.user_id is not None:
        refused["UserId"] = failure.user_id
    return refused
