"""SearchFaces, SearchFacesByImage, SearchUsers, SearchUsersByImage."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from countenance.errors import InvalidParameterException
from countenance.gallery import Candidate, UserCandidate
from countenance.operations.defaults import MOST_FACES, MOST_USERS, SEARCH_THRESHOLD
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box, to_bounding_box, to_face_detail, to_stored_face
from countenance.operations.images import Photo, load_photo
from countenance.operations.objected import require_no_objection
from countenance.types import Face, FaceId, UserId
from countenance.vision.quality_filter import Level
from countenance.wire.shapes import (
    FaceMatch,
    SearchFacesByImageRequest,
    SearchFacesByImageResponse,
    SearchFacesRequest,
    SearchFacesResponse,
    SearchUsersByImageRequest,
    SearchUsersByImageResponse,
    SearchUsersRequest,
    SearchUsersResponse,
    UnsearchedFace,
    UnsearchedFaceReason,
    UserMatch,
)


def search_faces(request: SearchFacesRequest, deps: Deps) -> SearchFacesResponse:
    """Rank the collection's faces by similarity to one of them, which is never among the matches."""
    collection = deps.collection(request["CollectionId"])
    candidates = deps.gallery.search_by_face(
        collection,
        FaceId(uuid.UUID(request["FaceId"])),
        calibration=deps.calibration(collection.face_model_version),
        threshold=deps.search_threshold(request.get("FaceMatchThreshold"), default=SEARCH_THRESHOLD),
        limit=request.get("MaxFaces", MOST_FACES),
        with_rejected=deps.is_reviewed,
    )
    deps.searched(collection, rejected=candidates.rejected)
    return {
        "SearchedFaceId": request["FaceId"],
        "FaceMatches": _to_face_matches(candidates),
        "FaceModelVersion": collection.face_model_version,
    }


def search_faces_by_image(request: SearchFacesByImageRequest, deps: Deps) -> SearchFacesByImageResponse:
    """Rank the collection's faces by similarity to the largest face in the image.

    No face, or a largest one that the quality filter rejects, is an error.
    """
    collection = deps.collection(request["CollectionId"])
    vision = deps.vision(collection.face_model_version)
    photo = load_photo(request["Image"], vision, deps)
    probe = photo.require_probe(request.get("QualityFilter", "NONE"))
    template, calibration = photo.embed(probe)[0], deps.calibration_of(vision)
    require_no_objection(deps, collection, [template], calibration=calibration)
    candidates = deps.gallery.search(
        collection,
        template,
        calibration=calibration,
        threshold=deps.search_threshold(request.get("FaceMatchThreshold"), default=SEARCH_THRESHOLD),
        limit=request.get("MaxFaces", MOST_FACES),
        with_rejected=deps.is_reviewed,
    )
    deps.searched(collection, rejected=candidates.rejected)
    return {
        "SearchedFaceBoundingBox": to_bounding_box(ratio_box(probe, photo.detection)),
        "SearchedFaceConfidence": probe.confidence,
        "FaceMatches": _to_face_matches(candidates),
        "FaceModelVersion": collection.face_model_version,
    }


def search_users(request: SearchUsersRequest, deps: Deps) -> SearchUsersResponse:
    """Rank the collection's users by similarity to one of its users or one of its faces.

    A searched user is not its own match. A searched face need not be of any user.
    """
    user_id, face_id = request.get("UserId"), request.get("FaceId")
    if (user_id is None) == (face_id is None):
        raise InvalidParameterException("exactly one of `UserId` and `FaceId` must be given")
    collection = deps.collection(request["CollectionId"])
    calibration = deps.calibration(collection.face_model_version)
    threshold = deps.search_threshold(request.get("UserMatchThreshold"), default=SEARCH_THRESHOLD)
    limit = request.get("MaxUsers", MOST_USERS)
    response: SearchUsersResponse = {"FaceModelVersion": collection.face_model_version}
    if user_id is not None:
        candidates = deps.gallery.search_users_by_user(
            collection, UserId(user_id), calibration=calibration, threshold=threshold, limit=limit
        )
        response["SearchedUser"] = {"UserId": user_id}
    else:
        candidates = deps.gallery.search_users_by_face(
            collection, FaceId(uuid.UUID(face_id)), calibration=calibration, threshold=threshold, limit=limit
        )
        response["SearchedFace"] = {"FaceId": str(face_id)}
    deps.searched(collection, rejected=candidates.rejected)
    response["UserMatches"] = _to_user_matches(candidates)
    return response


def search_users_by_image(request: SearchUsersByImageRequest, deps: Deps) -> SearchUsersByImageResponse:
    """Rank the collection's users by similarity to the largest face in the image.

    Unlike SearchFacesByImage, a picture without a usable face is answered: no match, no SearchedFace.
    """
    collection = deps.collection(request["CollectionId"])
    vision = deps.vision(collection.face_model_version)
    level = request.get("QualityFilter", "NONE")
    photo = load_photo(request["Image"], vision, deps)
    probe = photo.find_probe(level)
    response: SearchUsersByImageResponse = {
        "UserMatches": [],
        "FaceModelVersion": collection.face_model_version,
        "UnsearchedFaces": _unsearched(photo, probe, level),
    }
    if probe is not None:
        template, calibration = photo.embed(probe)[0], deps.calibration_of(vision)
        require_no_objection(deps, collection, [template], calibration=calibration)
        candidates = deps.gallery.search_users(
            collection,
            template,
            calibration=calibration,
            threshold=deps.search_threshold(request.get("UserMatchThreshold"), default=SEARCH_THRESHOLD),
            limit=request.get("MaxUsers", MOST_USERS),
        )
        deps.searched(collection, rejected=candidates.rejected)
        response["UserMatches"] = _to_user_matches(candidates)
        response["SearchedFace"] = {"FaceDetail": to_face_detail(probe, photo.detection)}
    return response


def _unsearched(photo: Photo, probe: Face | None, level: Level) -> list[UnsearchedFace]:
    """The faces that were not searched for, largest first; only the first of a photo is the largest."""
    unsearched: list[UnsearchedFace] = []
    for rank, face in enumerate(photo.detection.faces):
        if face is not probe:
            reasons: list[UnsearchedFaceReason] = ["FACE_NOT_LARGEST"] if rank else []
            reasons.extend(photo.reasons_against(face, level))
            unsearched.append({"FaceDetails": to_face_detail(face, photo.detection), "Reasons": reasons})
    return unsearched


def _to_face_matches(candidates: Sequence[Candidate]) -> list[FaceMatch]:
    return [
        {"Similarity": candidate.similarity, "Face": to_stored_face(candidate.face)}
        for candidate in candidates
    ]


def _to_user_matches(candidates: Sequence[UserCandidate]) -> list[UserMatch]:
    return [
        {
            "Similarity": candidate.similarity,
            "User": {"UserId": candidate.user_id, "UserStatus": candidate.status.value},
        }
        for candidate in candidates
    ]
