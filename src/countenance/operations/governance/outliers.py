"""ListOutliers: faces of a user that do not look like the user's others."""

from __future__ import annotations

from countenance.errors import InvalidPaginationTokenException
from countenance.gallery import Outlier
from countenance.operations.defaults import OUTLIERS, SEARCH_THRESHOLD
from countenance.operations.deps import Deps
from countenance.types import Similarity, UserId
from countenance.wire.shapes import ListOutliersRequest, ListOutliersResponse, OutlyingFace


def list_outliers(request: ListOutliersRequest, deps: Deps) -> ListOutliersResponse:
    """The next users' faces that are less like the user's other faces than the threshold.

    A user's faces are compared with one another, and so to the rules it is a comparison. An answer is of one
    moment; users who come or go between two of them are met or not.
    """
    collection = deps.collection(request["CollectionId"])
    asked, user_id = request.get("SimilarityThreshold"), request.get("UserId")
    threshold = Similarity(SEARCH_THRESHOLD if asked is None else asked)
    scope = ["ListOutliers", deps.caller.account_id, collection.region, str(collection.collection_id)]
    scope += [collection.face_model_version, user_id or "", repr(float(threshold))]
    position = deps.page_tokens.resume(request.get("NextToken"), scope=scope)
    part = deps.gallery.outliers(
        collection,
        user_id=None if user_id is None else UserId(user_id),
        calibration=deps.calibration(collection.face_model_version),
        threshold=threshold,
        limit=request.get("MaxResults", OUTLIERS),
        after=None if position is None else _place(position),
    )
    deps.report.threshold = float(threshold)
    deps.report.left_out = deps.gallery.left_out(collection)
    response: ListOutliersResponse = {
        "Outliers": [_to_face(each, least=deps.purpose().minimum_threshold) for each in part.outliers],
        "UsersLookedAt": part.users,
        "SimilarityThreshold": float(threshold),
        "FacesLeftOut": deps.report.left_out,
        "FaceModelVersion": collection.face_model_version,
    }
    if part.after is not None:
        response["NextToken"] = deps.page_tokens.issue(str(part.after), scope=scope)
    return response


def _place(position: str) -> int:
    if not position.isdecimal():
        raise InvalidPaginationTokenException
    return int(position)


def _to_face(outlier: Outlier, *, least: float) -> OutlyingFace:
    """A similarity under `least` is not told, as no comparison under the purpose would tell it."""
    face = outlier.face
    told: OutlyingFace = {
        "FaceId": str(face.face_id),
        "ImageId": str(face.image_id),
        "FacesOfUser": outlier.faces,
    }
    if outlier.similarity >= least:
        told["Similarity"] = round(float(outlier.similarity), 2)
    if face.user_id is not None:
        told["UserId"] = face.user_id
    if face.external_image_id is not None:
        told["ExternalImageId"] = face.external_image_id
    return told
