"""MergeUsers, UndoMerge, ListMerges: two users who are one person (docs/operations/merging.md)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from countenance.evaluation.deciding import RateEstimate
from countenance.gallery.merging import Merge
from countenance.gallery.pairing import Pairing
from countenance.gallery.subjects import FACES_PER_USER
from countenance.operations.decision_shapes import to_rate
from countenance.operations.defaults import ASSOCIATE_THRESHOLD
from countenance.operations.deps import Deps
from countenance.operations.rejected_shapes import to_rejected
from countenance.similarity import Calibration
from countenance.types import FaceId, Similarity, UserId
from countenance.wire.shapes import (
    ListMergesRequest,
    ListMergesResponse,
    MergedFace,
    MergedUsers,
    MergeUsersRequest,
    MergeUsersResponse,
    UndoMergeRequest,
    UndoMergeResponse,
    UsersCompared,
)


def merge_users(request: MergeUsersRequest, deps: Deps) -> MergeUsersResponse:
    """Give one user's faces to another and delete the first; with DryRun, say only what it would be of."""
    collection = deps.collection(request["CollectionId"])
    source, target = UserId(request["SourceUserId"]), UserId(request["TargetUserId"])
    calibration = deps.calibration(collection.face_model_version)
    threshold = deps.threshold(request.get("UserMatchThreshold"), default=ASSOCIATE_THRESHOLD)
    if request.get("DryRun", False):
        pairing = deps.merges.look(collection, source, target, calibration=calibration)
        return {"Compared": _to_compared(pairing, threshold, calibration, deps), "AssociatedFaces": []}
    merge_id, pairing = deps.merges.merge(
        deps.uow,
        collection,
        source,
        target,
        calibration=calibration,
        threshold=threshold,
        merged_by=deps.caller.operator,
    )
    deps.report.changes(str(merge_id))
    return {
        "MergeId": str(merge_id),
        "Compared": _to_compared(pairing, threshold, calibration, deps),
        "AssociatedFaces": _to_faces(pairing.source_faces),
    }


def undo_merge(request: UndoMergeRequest, deps: Deps) -> UndoMergeResponse:
    """Make two users of one again, as far as what is still there allows; what is not is said."""
    merge_id = uuid.UUID(request["MergeId"])
    deps.report.changes(str(merge_id))
    parted = deps.merges.undo(
        deps.uow, deps.collection(request["CollectionId"]), merge_id, undone_by=deps.caller.operator
    )
    return {
        "SourceUserId": parted.source,
        "TargetUserId": parted.target,
        "AssociatedFaces": _to_faces(parted.returned),
        "FacesElsewhere": _to_faces(parted.elsewhere),
        "FacesDeleted": parted.gone,
    }


def list_merges(request: ListMergesRequest, deps: Deps) -> ListMergesResponse:
    """What was merged within the last days, in the order in which it was."""
    collection = deps.collection(request["CollectionId"])
    user_id = request.get("UserId")
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListMerges", str(collection.collection_id), user_id or ""),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.merges.list_merges(
            collection,
            user_id=None if user_id is None else UserId(user_id),
            limit=limit,
            after=0 if after is None else int(after),
        ),
        position_of=lambda each: str(each.ordinal),
    )
    response: ListMergesResponse = {"Merges": [_to_merged(each) for each in page.items]}
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def _to_compared(
    pairing: Pairing, threshold: Similarity, calibration: Calibration, deps: Deps
) -> UsersCompared:
    """A similarity under the purpose's minimum is not told, as no comparison under it would tell it."""
    least = deps.purpose().minimum_threshold
    weakest = pairing.weakest
    told: UsersCompared = {
        "SourceFaces": _to_faces(pairing.source_faces),
        "TargetFaces": _to_faces(pairing.target_faces),
        "FacesTogether": len(pairing.source_faces) + len(pairing.target_faces),
        "MostFaces": FACES_PER_USER,
        "FacesNotCompared": pairing.uncompared,
        "SimilarityThreshold": float(threshold),
        "WeakestPair": {"SourceFaceId": str(weakest.source), "TargetFaceId": str(weakest.target)},
        "Rejections": [to_rejected(each) for each in pairing.rejections],
        "OpenRequests": pairing.open_requests,
        "Obstacles": [each.value for each in pairing.obstacles(threshold)],
    }
    if pairing.similarity >= least:
        similarity = Similarity(round(float(pairing.similarity), 2))
        told["Similarity"] = similarity
        told["EstimatedFalseMatchRate"] = to_rate(RateEstimate.of_matches(similarity, calibration))
    if weakest.similarity >= least:
        told["WeakestPair"]["Similarity"] = round(float(weakest.similarity), 2)
    return told


def _to_merged(merge: Merge) -> MergedUsers:
    told: MergedUsers = {
        "MergeId": str(merge.merge_id),
        "SourceUserId": merge.source,
        "TargetUserId": merge.target,
        "Faces": merge.faces,
        "FacesStillThere": merge.still,
        "MergedBy": merge.merged_by,
        "MergedAt": merge.merged_at,
        "UndoUntil": merge.undo_until,
    }
    if merge.undone_at is not None and merge.undone_by is not None:
        told["UndoneAt"], told["UndoneBy"] = merge.undone_at, merge.undone_by
    return told


def _to_faces(face_ids: Sequence[FaceId]) -> list[MergedFace]:
    return [{"FaceId": str(face_id)} for face_id in face_ids]
