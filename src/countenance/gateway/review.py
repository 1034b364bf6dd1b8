"""Searches whose candidates people look at first: held, told of, and answered once people have decided.

The operation runs as ever. What it finds is not answered but kept, sealed, in the transaction of the call's
event; the caller is told the review's id. The same call again is answered by the same review.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import orjson

from countenance.casework import Decided, Held, Picture, Search
from countenance.casework.answers import REVIEWED, candidates_of, face_id_of, in_force, released
from countenance.errors import AccessDeniedException, ThrottlingException
from countenance.gallery import Collection
from countenance.gateway.call import Authorized, Performed, advance
from countenance.gateway.obligations import REVIEWED_BY_PEOPLE
from countenance.gateway.services import GatewayServices
from countenance.operations.call_report import Report, Shown
from countenance.operations.crop_pictures import quality_of
from countenance.operations.defaults import SEARCH_THRESHOLD
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import to_bounding_box
from countenance.operations.images import read_image
from countenance.policy import load_purposes
from countenance.store import UnitOfWork
from countenance.types import FaceId

_TWO_PEOPLE: Final = "two_person_verification"
_MOST: Final = 100
_IMAGES: Final = ("Image", "SourceImage", "TargetImage", "ReferenceImage")
_NO_PICTURE: Final = Picture(b"", {})
_ENROLLED: Final = frozenset({"SearchFaces", "SearchFacesByImage", "IdentifyFace"})
"""Operations whose candidates are faces of a collection."""
_KEEP_CROPS: Final = (
    "OBL-REVIEW: nobody could look at the candidates: the collection keeps no pictures of its faces, or none "
    "of the one that is searched for; have it keep them (`countenance:vault-days` among the tags of "
    "CreateCollection, or `countenance reembed vault open`) and enrol the faces again"
)

Perform = Callable[..., Performed]


def under_review(
    call: Authorized,
    work: UnitOfWork,
    services: GatewayServices,
    *,
    digest: Callable[[Mapping[str, Any]], bytes],
    perform: Perform,
) -> Performed:
    """Answer a call that owes a review: with what people released, or that it waits, or that there is nobody.

    Raises:
        AccessDeniedException: nobody could review this: the operation's answers cannot be held, or there are
            no pictures of whom it finds.
        ServiceError: the operation's own.
    """
    deps = services.make_deps(call.caller, work)
    collection = _require_reviewable(call, deps)
    inputs = _inputs(call.request, deps)
    reviews = services.casework.reviews
    search = _search_of(call, services, collection, inputs, digest)
    with services.database.read() as connection:
        waiting = reviews.find_waiting(connection, search.account_id, search.probe_digest)
        kept = reviews.find_released(connection, search.account_id, search.request_digest)
        unsupported = reviews.unsupported(connection, search)
    if waiting is not None:
        reviews.ask(work, waiting, search)
        return _withheld(call, waiting, Report(inputs=list(inputs.values())))
    # Of photos alone nobody else can be found. In a collection somebody may have been enrolled since.
    if kept is not None and (kept.is_supported or collection is None):
        return _decided(call, kept)
    shown: list[list[Shown]] = []
    performed = perform(call, work, services, shown=shown, least=_least(call))
    if sorted(performed.report.inputs) != sorted(inputs.values()):
        # A store gave two photos under one name: the review would be kept as of the one that was not seen.
        raise ThrottlingException("a photo was exchanged in its store during the call; try again")
    performed.report.discharged |= REVIEWED_BY_PEOPLE
    # INVARIANT: nothing is told of whom people have not looked at; a count at a threshold is a score.
    performed.report.rejected = 0
    asked = call.asked.threshold or 0.0
    found = candidates_of(call.operation.name, performed.response)
    answer = in_force(orjson.loads(performed.payload), asked)
    if not found:  # nobody to review, and nothing is told that anybody would have to
        return replace(performed, response=answer, payload=orjson.dumps(answer))
    is_new = [face_id_of(each) not in unsupported for each in found]
    answer = released(call.operation.name, answer, is_new)
    if not any(is_new):  # people have looked at all of them for this photo and case
        performed.report.review = unsupported[str(face_id_of(found[0]))]
        return replace(performed, response=answer, payload=orjson.dumps(answer))
    left = [each for each, kept in zip(found, is_new, strict=True) if kept]
    held = _held(call, deps, collection, answer=answer, found=left, shown=shown)
    review_id = reviews.hold(work, search, replace(held, threshold=asked))
    return _withheld(call, review_id, performed.report, is_seen=bool(held.candidates))


def _least(call: Authorized) -> float:
    """What is searched at, whatever is asked: that somebody was found must tell no score.

    A purpose without a minimum of its own would have everybody looked at: it has the default threshold.
    """
    purpose = load_purposes().get(call.caller.purpose or "")
    return max(SEARCH_THRESHOLD, purpose.minimum_threshold if purpose else 0.0)


def _decided(call: Authorized, kept: Decided) -> Performed:
    """What examiners released: two of them at least, each with a key of their own (`find_released`)."""
    report = Report(
        review=kept.review_id, reviewers=tuple(kept.examiners), discharged=set(REVIEWED_BY_PEOPLE)
    )
    return advance(
        call,
        Performed,
        response=kept.answer,
        payload=orjson.dumps(kept.answer),
        report=report,
        is_replay=True,
        previous=kept.event_id,
    )


def _withheld(call: Authorized, review_id: UUID, report: Report, *, is_seen: bool = True) -> Performed:
    report.review = review_id
    report.discharged |= {*REVIEWED_BY_PEOPLE, "fpir_budget"}
    told = AccessDeniedException(
        f"OBL-REVIEW: somebody was found, and people review it first: review `{review_id}`. Ask how it "
        "stands with GetReview; once it is released the same call under the same case is answered"
        if is_seen
        else f"OBL-REVIEW: somebody was found of whom the collection keeps no picture: nobody can look at "
        f"them, and they are told to nobody: review `{review_id}`. Enrol the faces again where it keeps them"
    )
    return advance(call, Performed, response={}, payload=b"", report=report, withheld=told)


def _require_reviewable(call: Authorized, deps: Deps) -> Collection | None:
    """The collection of the candidates, if they are of one."""
    operation, request = call.operation.name, call.request
    if operation not in REVIEWED:
        raise AccessDeniedException(
            f"OBL-REVIEW: the answer of {operation} cannot be held for people to look at; use one of "
            f"{', '.join(sorted(REVIEWED))}"
        )
    if operation == "VerifyFaces" and "ReferenceImage" not in request:
        raise AccessDeniedException(
            "OBL-REVIEW: VerifyFaces with somebody enrolled cannot be held for people to look at; compare "
            "two photos (ReferenceImage), or use IdentifyFace"
        )
    asked = call.asked.candidates
    if asked is not None and asked > _MOST:
        raise AccessDeniedException(
            f"OBL-REVIEW: the search asks for up to {asked} candidates, and people look at {_MOST} at most; "
            f"send MaxFaces <= {_MOST}"
        )
    if operation not in _ENROLLED:
        return None
    collection = deps.collection(request["CollectionId"])
    vaults = deps.gallery.vaults
    if vaults.find(collection) is None:
        raise AccessDeniedException(_KEEP_CROPS)
    if operation == "SearchFaces" and not vaults.crops(collection, [FaceId(UUID(request["FaceId"]))]):
        raise AccessDeniedException(_KEEP_CROPS)
    return collection


def _search_of(
    call: Authorized,
    services: GatewayServices,
    collection: Collection | None,
    images: Mapping[str, str],
    digest: Callable[[Mapping[str, Any]], bytes],
) -> Search:
    caller, reviews = call.caller, services.casework.reviews
    place = str(collection.collection_id) if collection else "-"
    asked = {**call.request, **images}
    case = None
    if caller.claims.case is not None and caller.purpose is not None:
        with services.database.read() as connection:
            case = services.casework.cases.find_open(
                connection, caller.account_id, name=caller.claims.case, purpose=caller.purpose
            )
    whole = (
        call.qualified_name,
        caller.purpose or "-",
        caller.claims.case or "-",
        place,
        digest(asked).hex(),
    )
    probe = sorted(images.values()) or [call.request["FaceId"]]
    return Search(
        account_id=caller.account_id,
        case_id=None if case is None else case[0],
        purpose=caller.purpose or "-",
        operation=call.operation.name,
        requested_by=caller.operator,
        requested_by_id=caller.operator_id,
        needs_training=_TWO_PEOPLE in call.verdict.obligations,
        request_digest=reviews.digest("request", caller.account_id, *whole),
        probe_digest=reviews.digest("probe", caller.account_id, place, *probe),
        event_id=call.head.event_id,
    )


def _inputs(request: Mapping[str, Any], deps: Deps) -> dict[str, str]:
    """SHA-256 of each photo: what lies under a name in a store may be another one than before."""
    return {
        name: hashlib.sha256(read_image(request[name], deps)).hexdigest()
        for name in _IMAGES
        if name in request
    }


def _held(
    call: Authorized,
    deps: Deps,
    collection: Collection | None,
    *,
    answer: Mapping[str, Any],
    found: list[dict[str, Any]],
    shown: list[list[Shown]],
) -> Held:
    if collection is None:
        probe, others = shown[0][0], shown[1]
        seen = others if call.operation.name == "VerifyFaces" else [_shown_at(each, others) for each in found]
        return Held(answer=answer, probe=_picture(probe), candidates=[_picture(each) for each in seen])
    return _held_of_enrolled(call, deps, collection, answer=answer, found=found, shown=shown)


def _held_of_enrolled(
    call: Authorized,
    deps: Deps,
    collection: Collection,
    *,
    answer: Mapping[str, Any],
    found: list[dict[str, Any]],
    shown: list[list[Shown]],
) -> Held:
    ids = [FaceId(UUID(face_id)) for each in found if (face_id := face_id_of(each)) is not None]
    own = [FaceId(UUID(call.request["FaceId"]))] if not shown else []
    crops = deps.gallery.vaults.crops(collection, [*own, *ids])
    # INVARIANT: found is found, picture or not: refused instead, the next threshold up would tell the score.
    is_seen = [face_id in crops and all(each in crops for each in own) for face_id in ids]
    seen = [
        (face_id, float(each["Face"].get("Confidence", 0.0)))
        for face_id, each, kept in zip(ids, found, is_seen, strict=True)
        if kept
    ]
    probe = _picture(shown[0][0]) if shown else _NO_PICTURE
    if seen and own:
        probe = Picture(crops[own[0]], quality_of(crops[own[0]]))
    return Held(
        answer=released(call.operation.name, answer, is_seen),
        probe=probe,
        candidates=[
            Picture(crops[face_id], {"Confidence": sure} | quality_of(crops[face_id]))
            for face_id, sure in seen
        ],
        faces=[(collection.collection_id, face_id) for face_id in (*own, *ids)],
        unseen=[str(face_id) for face_id, kept in zip(ids, is_seen, strict=True) if not kept],
    )


def _shown_at(candidate: Mapping[str, Any], others: list[Shown]) -> Shown:
    """Of a photo with several faces, the one that a match is about."""
    box = candidate["Face"]["BoundingBox"]
    return next(each for each in others if to_bounding_box(each.box) == box)


def _picture(shown: Shown) -> Picture:
    return Picture(shown.crop, shown.quality)
