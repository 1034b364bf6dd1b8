"""ReportCollisions: who in a collection looks like whom, everybody against everybody."""

from __future__ import annotations

from countenance.errors import InvalidPaginationTokenException
from countenance.gallery import StoredFace
from countenance.operations.defaults import COLLISIONS, SEARCH_THRESHOLD
from countenance.operations.deps import Deps
from countenance.wire.shapes import CollidingPerson, ReportCollisionsRequest, ReportCollisionsResponse


def report_collisions(request: ReportCollisionsRequest, deps: Deps) -> ReportCollisionsResponse:
    """The next pairs of people who look alike: each is a search, and bound as searches are.

    Whether the collection has changed since the first answer is told, and the report goes on.
    """
    collection = deps.collection(request["CollectionId"])
    asked = request.get("SimilarityThreshold")
    scope = [
        *("ReportCollisions", deps.caller.account_id, collection.region, str(collection.collection_id)),
        *(collection.face_model_version, "" if asked is None else repr(float(asked))),
    ]
    position = deps.page_tokens.resume(request.get("NextToken"), scope=scope)
    begun, after = (None, None) if position is None else _place(position)
    part = deps.gallery.collisions(
        collection,
        calibration=deps.calibration(collection.face_model_version),
        threshold=deps.search_threshold(asked, default=SEARCH_THRESHOLD),
        limit=request.get("MaxResults", COLLISIONS),
        after=after,
    )
    deps.searched(collection, rejected=part.rejected)
    begun = begun or part.state
    response: ReportCollisionsResponse = {
        "Collisions": [
            {
                "Similarity": round(float(pair.similarity), 2),
                "First": _to_person(pair.first),
                "Second": _to_person(pair.second),
            }
            for pair in sorted(part.pairs, key=lambda pair: -pair.similarity)
        ],
        "People": part.people,
        "PeopleDone": part.done,
        "CollisionThreshold": float(deps.report.threshold or 0.0),
        "HasChanged": part.state != begun,
        "FacesLeftOut": deps.report.left_out,
        "FaceModelVersion": collection.face_model_version,
    }
    if part.after is not None:
        first, second = part.after
        response["NextToken"] = deps.page_tokens.issue(f"{begun}:{first}:{second}", scope=scope)
    return response


def _place(position: str) -> tuple[str, tuple[int, int]]:
    """The state that the report began in, and behind which pair it goes on."""
    try:
        begun, first, second = position.split(":")
        return begun, (int(first), int(second))
    except ValueError:
        raise InvalidPaginationTokenException from None


def _to_person(face: StoredFace) -> CollidingPerson:
    person: CollidingPerson = {"FaceId": str(face.face_id), "ImageId": str(face.image_id)}
    if face.user_id is not None:
        person["UserId"] = face.user_id
    if face.external_image_id is not None:
        person["ExternalImageId"] = face.external_image_id
    return person
