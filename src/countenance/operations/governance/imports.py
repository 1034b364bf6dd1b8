"""ImportFace, UndoImport."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Final

from countenance.errors import AccessDeniedException
from countenance.gallery import Candidate, Collection, NewFace, Origin, StoredFace
from countenance.gallery.imports import Bounds, Judged, Verdict
from countenance.operations.chosen_face import face_in_box, largest_face
from countenance.operations.consented import bind_to_consent, require_consent_stands
from countenance.operations.defaults import ASSOCIATE_THRESHOLD, IMPORT_BUDGET, IMPORT_THRESHOLD
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box, to_bounding_box
from countenance.operations.images import Photo, load_photo
from countenance.operations.kept_beside import with_what_is_wanted
from countenance.operations.objected import require_no_objection
from countenance.operations.photo_signs import sign_for
from countenance.types import Face, FaceId, Similarity, UserId
from countenance.wire.shapes import (
    BoundingBox,
    ImportedFace,
    ImportFaceRequest,
    ImportFaceResponse,
    ImportVerdict,
    LookAlike,
    UndoImportRequest,
    UndoImportResponse,
)

_POOR: Final[Sequence[tuple[str, ImportVerdict]]] = (
    ("SMALL_BOUNDING_BOX", "TOO_SMALL"),
    ("LOW_SHARPNESS", "BLURRED"),
)
"""Reasons of the quality filter with a verdict of their own, the first that holds; others are LOW_QUALITY."""


def import_face(request: ImportFaceRequest, deps: Deps) -> ImportFaceResponse:
    """Judge one photo of an import, and enrol its face unless something is against it.

    One face a photo: the one that a box names, else the largest. What is against it is an answer, no error.
    """
    _require_may_associate(request, deps)
    collection = deps.collection(request["CollectionId"])
    require_consent_stands(deps)
    photo = load_photo(request["Image"], deps.vision(collection.face_model_version), deps)
    face = _chosen(photo, request.get("BoundingBox"))
    deps.report.seen_as = "analyse"
    if face is None:
        reasons = ["NO_FACE_IN_THE_BOX"] if photo.detection.faces else []
        return _response(photo, collection, "NO_FACE", reasons)
    level = request.get("QualityFilter", "AUTO")
    reasons = list(photo.reasons_against(face, level))
    if reasons:
        held = _response(photo, collection, _poor(reasons), reasons)
        if (sign := sign_for(reasons, photo, face, level)) is not None:
            held["Sign"] = sign
        return held
    new_face = _to_new_face(request, photo, face, collection, deps)
    require_no_objection(deps, collection, [new_face.template])
    judged = deps.gallery.import_face(
        deps.uow,
        collection,
        new_face,
        bounds=_bounds(request, deps, collection),
        is_trial=request.get("DryRun", False),
    )
    if judged.face is not None and not request.get("DryRun", False):
        bind_to_consent(deps, collection, [judged.face.face_id])
        require_no_objection(deps, collection, [new_face.template], enrolled=True)
    deps.searched(collection, rejected=judged.rejected)
    deps.report.seen_as = _seen_as(judged)
    return _response(photo, collection, judged.verdict.value, _reasons(photo, face, judged), judged)


def undo_import(request: UndoImportRequest, deps: Deps) -> UndoImportResponse:
    """Delete what an import enrolled, a thousand faces a call, and then the users that it made."""
    collection = deps.collection(request["CollectionId"])
    undone = deps.gallery.undo_import(deps.uow, collection, uuid.UUID(request["ImportId"]))
    return {
        "DeletedFaces": [str(face_id) for face_id in undone.face_ids],
        "DeletedUsers": list(undone.user_ids),
        "IsComplete": undone.is_complete,
    }


def _require_may_associate(request: ImportFaceRequest, deps: Deps) -> None:
    """A face that is given to a user is associated, whatever the operation is called."""
    purpose = deps.purpose()
    if "UserId" in request and "AssociateFaces" not in purpose.operations:
        raise AccessDeniedException(
            f"PUR-004: AssociateFaces is not among the operations of the purpose `{purpose.name}`: "
            "leave UserId out"
        )


def _bounds(request: ImportFaceRequest, deps: Deps, collection: Collection) -> Callable[[int], Bounds]:
    """By what a face is judged, for a search over so many others."""
    calibration = deps.calibration(collection.face_model_version)
    over = deps.search_threshold(
        request.get("FaceMatchThreshold"), default=IMPORT_THRESHOLD, budget=IMPORT_BUDGET
    )
    # What AssociateFaces would have to ask for under the purpose.
    like = Similarity(max(ASSOCIATE_THRESHOLD, deps.purpose().minimum_threshold))

    def bounds(size: int) -> Bounds:
        return Bounds(
            calibration,
            look_alike=over(size),
            like_the_person=like,
            accepts_look_alikes=request.get("AcceptLookAlikes", False),
        )

    return bounds


def _chosen(photo: Photo, box: BoundingBox | None) -> Face | None:
    """The face that the box names, if any overlaps it enough; the largest without a box."""
    return largest_face(photo) if box is None else face_in_box(photo, box)


def _to_new_face(
    request: ImportFaceRequest, photo: Photo, face: Face, collection: Collection, deps: Deps
) -> NewFace:
    user_id = request.get("UserId")
    weighed = photo.embed_weighed(face)[0]
    new = NewFace(
        face_id=FaceId(uuid.uuid4()),
        image_id=photo.image_id,
        external_image_id=request["ExternalImageId"],
        box=ratio_box(face, photo.detection),
        confidence=face.confidence,
        template=weighed.template,
        weight=weighed.weight,
        user_id=None if user_id is None else UserId(user_id),
        origin=Origin(uuid.UUID(request["ImportId"]), request["ImportItem"]),
    )
    if request.get("DryRun", False):
        return new
    return with_what_is_wanted([new], photo, [face], collection, deps)[0]


def _poor(reasons: Sequence[str]) -> ImportVerdict:
    return next((verdict for reason, verdict in _POOR if reason in reasons), "LOW_QUALITY")


def _seen_as(judged: Judged) -> str:
    """What detectors of misuse take it for.

    Who looks like another person was found by a search, whatever it was for. Who is enrolled, or is there
    already under the name that was given, was not searched for. Of a trial that finds nobody nothing is told.
    """
    if judged.verdict is Verdict.LOOKS_LIKE_ANOTHER:
        return "search"
    if judged.face is not None or judged.verdict is Verdict.DUPLICATE:
        return "enrol"
    if judged.other is not None:
        return "search"
    return "compare" if judged.verdict is Verdict.UNLIKE_THE_PERSON else "analyse"


def _reasons(photo: Photo, face: Face, judged: Judged) -> list[str]:
    reasons = ["SAME_PHOTO"] if judged.is_same_photo else []
    if judged.verdict is Verdict.ENROLLED and judged.other is not None:
        reasons.append("LOOKS_LIKE_ANOTHER")
    others = [other for other in photo.detection.faces if other is not face]
    if any(2 * other.box.area_px >= face.box.area_px for other in others):
        reasons.append("SEVERAL_FACES")
    return reasons


def _response(
    photo: Photo,
    collection: Collection,
    verdict: ImportVerdict,
    reasons: Sequence[str],
    judged: Judged | None = None,
) -> ImportFaceResponse:
    face = judged.face if judged is not None else None
    other = judged.other if judged is not None else None
    return {
        "Verdict": verdict,
        "Reasons": list(reasons),
        "FaceRecords": [] if face is None else [{"Face": _to_imported(face)}],
        "FaceMatches": [] if other is None else [_to_look_alike(other)],
        "AssociatedFaces": [] if face is None or face.user_id is None else [{"FaceId": str(face.face_id)}],
        "UserCreated": judged is not None and judged.user_created,
        "FacesFound": len(photo.detection.faces),
        "FaceModelVersion": collection.face_model_version,
    }


def _to_look_alike(candidate: Candidate) -> LookAlike:
    return {"Similarity": candidate.similarity, "Face": _to_imported(candidate.face)}


def _to_imported(stored: StoredFace) -> ImportedFace:
    told: ImportedFace = {
        "FaceId": str(stored.face_id),
        "BoundingBox": to_bounding_box(stored.box),
        "ImageId": str(stored.image_id),
        "Confidence": stored.confidence,
    }
    if stored.external_image_id is not None:
        told["ExternalImageId"] = stored.external_image_id
    if stored.user_id is not None:
        told["UserId"] = stored.user_id
    return told
