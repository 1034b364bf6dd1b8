"""VerifyFaces and IdentifyFace: decisions with the rates that they rest on, not scores.

What is below the review threshold in force is told of nobody: of NO_MATCH neither a similarity nor a
candidate. docs/operations/calibration.md says when it is REVIEW; `evaluation.deciding` does it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from countenance.errors import InvalidParameterException
from countenance.evaluation.deciding import (
    Decision,
    RateEstimate,
    Terms,
    Verdict,
    decide,
    overall,
    similarity_at_fpir,
)
from countenance.gallery import Candidate, Collection
from countenance.operations.asked_thresholds import least_told, match_threshold
from countenance.operations.decision_shapes import (
    to_calibration_used,
    to_candidate,
    to_judged_face,
    to_rate,
    to_search_rate,
    to_threshold,
)
from countenance.operations.defaults import COMPARE_THRESHOLD, DECIDING_FACES, SEARCH_THRESHOLD
from countenance.operations.deps import Deps
from countenance.operations.images import load_photo
from countenance.operations.objected import require_no_objection
from countenance.similarity import Calibration, meets
from countenance.types import Cosine, FaceId, Similarity, Template, UserId
from countenance.vision.pipeline import Vision
from countenance.vision.quality_filter import Level
from countenance.wire.shapes import (
    IdentifyFaceRequest,
    IdentifyFaceResponse,
    Image,
    JudgedFace,
    ThresholdReason,
    VerifyFacesRequest,
    VerifyFacesResponse,
)

_LOOKED_AT = 101
"""Of the most similar faces, whoever is told: a user has at most 100, so another one who matches is seen."""


def verify_faces(request: VerifyFacesRequest, deps: Deps) -> VerifyFacesResponse:
    """Decide whether the largest face of the photo is that of the reference: a photo, a face, or a user.

    A photo without a usable face is an error.
    """
    collection = _referred(request, deps)
    level = request.get("QualityFilter", "NONE")
    vision = deps.default_vision() if collection is None else deps.vision(collection.face_model_version)
    calibration = deps.calibration_of(vision)
    asked = _asked(request, default=COMPARE_THRESHOLD)
    least = deps.threshold(asked.review, default=COMPARE_THRESHOLD)
    asked = replace(asked, match=Similarity(max(asked.match, least)), review=least)
    probe = _look(request["Image"], vision, level, deps)
    reference = _look(request["ReferenceImage"], vision, level, deps) if collection is None else None
    if reference is not None:
        similarity = _similarity(probe.template, reference.template, calibration)
    else:
        assert collection is not None
        similarity = _similarity_to_enrolled(request, collection, probe.template, calibration, deps)
    estimate = RateEstimate.of_matches(similarity, calibration)
    verdict = decide(
        similarity,
        estimate,
        _terms(request, asked, most=request.get("MaxFalseMatchRate")),
        is_poor=probe.is_poor or (reference is not None and reference.is_poor),
    )
    response: VerifyFacesResponse = {
        "Decision": verdict.decision.value,
        "ReviewReasons": [reason.value for reason in verdict.reasons],
        "ThresholdInForce": to_threshold(asked.match, asked.review, asked.reason),
        "Face": probe.described,
        "Calibration": to_calibration_used(calibration, is_own=deps.report.calibration is None),
        "FaceModelVersion": vision.face_model_version,
    }
    if reference is not None:
        response["ReferenceFace"] = reference.described
    if verdict.decision is not Decision.NO_MATCH:
        response["Similarity"] = similarity
        response["EstimatedFalseMatchRate"] = to_rate(estimate)
    return response


def identify_face(request: IdentifyFaceRequest, deps: Deps) -> IdentifyFaceResponse:
    """Decide who of the collection the largest face of the photo is, if it is anybody.

    A photo without a usable face is an error.
    """
    collection = deps.collection(request["CollectionId"])
    vision = deps.vision(collection.face_model_version)
    calibration = deps.calibration_of(vision)
    asked = _asked(request, default=SEARCH_THRESHOLD)
    probe = _look(request["Image"], vision, request.get("QualityFilter", "NONE"), deps)
    require_no_objection(deps, collection, [probe.template], calibration=calibration)
    most = request.get("MaxFalsePositiveIdentificationRate")
    limit = request.get("MaxFaces", DECIDING_FACES)
    found, size, raised = _search(
        collection, probe.template, calibration, deps, asked=asked, most=most, limit=limit
    )
    terms = _terms(request, raised, most=most)
    verdicts = _judge(found, terms, calibration, size=size, is_poor=probe.is_poor)
    return {
        "Decision": overall(verdicts).value,
        "Candidates": [
            to_candidate(candidate, verdict, calibration)
            for candidate, verdict in zip(found[:limit], verdicts, strict=False)
        ],
        "EstimatedFalsePositiveIdentificationRate": to_search_rate(
            RateEstimate.of_matches(raised.match, calibration).among(size), size
        ),
        "ThresholdInForce": to_threshold(
            raised.match,
            raised.review,
            raised.reason,
            raised_from=asked.match if raised.match > asked.match else None,
        ),
        "Face": probe.described,
        "FacesLeftOut": deps.report.left_out,
        "CandidatesRejected": deps.report.rejected,
        "Calibration": to_calibration_used(calibration, is_own=deps.report.calibration is None),
        "FaceModelVersion": collection.face_model_version,
    }


@dataclass(frozen=True, slots=True)
class _Thresholds:
    """What matches, what is told, and what set the first."""

    match: Similarity
    review: Similarity
    reason: ThresholdReason


@dataclass(frozen=True, slots=True)
class _Seen:
    """The largest face of a photo; its pixels are let go before the next photo is decoded.

    Attributes:
        is_poor: under the bar MEDIUM of the quality filter.
    """

    template: Template
    described: JudgedFace
    is_poor: bool


def _referred(request: VerifyFacesRequest, deps: Deps) -> Collection | None:
    """The collection of the reference; None where that is a photo.

    Raises:
        InvalidParameterException: not exactly one reference.
        ResourceNotFoundException: there is no such collection.
    """
    if sum(name in request for name in ("ReferenceImage", "FaceId", "UserId")) != 1:
        raise InvalidParameterException(
            "exactly one of `ReferenceImage`, `FaceId` and `UserId` must be given"
        )
    if ("CollectionId" in request) == ("ReferenceImage" in request):
        raise InvalidParameterException("`CollectionId` goes with `FaceId` or `UserId`, and only with these")
    return deps.collection(request["CollectionId"]) if "CollectionId" in request else None


def _asked(request: VerifyFacesRequest | IdentifyFaceRequest, *, default: float) -> _Thresholds:
    """Thresholds as the caller wants them.

    Raises:
        InvalidParameterException: they contradict each other.
    """
    if "MatchThreshold" in request and "MaxFalseMatchRate" in request:
        raise InvalidParameterException("one of `MatchThreshold` and `MaxFalseMatchRate` can be given")
    wanted = match_threshold(request)
    match = Similarity(default) if wanted is None else wanted
    review = least_told(request)
    review = match if review is None else review
    if review > match:
        raise InvalidParameterException(
            f"`ReviewThreshold` is {review:g}, and the match threshold {match:g}: "
            "what is reviewed lies below what matches"
        )
    reason: ThresholdReason = (
        "DEFAULT" if wanted is None else "ASKED" if "MatchThreshold" in request else "MAX_FALSE_MATCH_RATE"
    )
    return _Thresholds(match, review, reason)


def _raised(asked: _Thresholds, *, size: int, most: float | None, review: Similarity) -> _Thresholds:
    """Thresholds for a search over so many faces.

    Args:
        most: the identification rate that the caller wants kept.
        review: what the purpose's budget lets the caller be told of.
    """
    needed = Similarity(0.0) if most is None else similarity_at_fpir(most, size)
    match = Similarity(max(asked.match, needed, review))
    reason = asked.reason
    if match > asked.match:
        reason = "MAX_FALSE_POSITIVE_IDENTIFICATION_RATE" if needed >= review else "FPIR_BUDGET"
    return _Thresholds(match, review, reason)


def _search(
    collection: Collection,
    probe: Template,
    calibration: Calibration,
    deps: Deps,
    *,
    asked: _Thresholds,
    most: float | None,
    limit: int,
) -> tuple[list[Candidate], int, _Thresholds]:
    """Candidates at or above the review threshold, over how many faces, and the thresholds for so many."""
    over = deps.search_threshold(asked.review, default=SEARCH_THRESHOLD)
    seen = [(0, asked)]

    def review(size: int) -> Similarity:
        thresholds = _raised(asked, size=size, most=most, review=over(size))
        seen[:] = [(size, thresholds)]  # a search that begins anew may be over others
        return thresholds.review

    found = deps.gallery.search(
        collection,
        probe,
        calibration=calibration,
        threshold=review,
        limit=max(limit, _LOOKED_AT),
        with_rejected=deps.is_reviewed,
    )
    deps.searched(collection, rejected=found.rejected)
    return found, *seen[0]


def _terms(
    request: VerifyFacesRequest | IdentifyFaceRequest, thresholds: _Thresholds, *, most: float | None
) -> Terms:
    return Terms(
        match=thresholds.match,
        review=thresholds.review,
        most=most,
        must_be_counted=request.get("RateEvidence") == "COUNTED",
    )


def _judge(
    found: list[Candidate], terms: Terms, calibration: Calibration, *, size: int, is_poor: bool
) -> list[Verdict]:
    """Of each candidate, all of which meet the review threshold."""
    matching = {each.face.user_id for each in found if meets(each.similarity, terms.match)} - {None}
    verdicts = []
    for each in found:
        estimate = RateEstimate.of_matches(_answered(each.similarity), calibration).among(size)
        verdicts.append(
            decide(each.similarity, estimate, terms, is_poor=is_poor, has_rival=len(matching) > 1)
        )
    return verdicts


def _look(image: Image, vision: Vision, level: Level, deps: Deps) -> _Seen:
    """The largest face of a photo.

    Raises:
        As `load_photo`; InvalidParameterException: it has no usable face.
    """
    photo = load_photo(image, vision, deps)
    face = photo.require_probe(level)
    below = photo.reasons_against(face, "MEDIUM")
    described = to_judged_face(face, photo.detection, below_medium=below)
    return _Seen(photo.embed(face)[0], described, bool(below))


def _similarity(one: Template, other: Template, calibration: Calibration) -> Similarity:
    return _answered(calibration.similarity_of(Cosine(float(one @ other))))


def _similarity_to_enrolled(
    request: VerifyFacesRequest, collection: Collection, probe: Template, calibration: Calibration, deps: Deps
) -> Similarity:
    if "FaceId" in request:
        face_id = FaceId(uuid.UUID(request["FaceId"]))
        found = deps.gallery.compare_with_face(collection, face_id, probe, calibration=calibration)
    else:
        user_id = UserId(request["UserId"])
        found = deps.gallery.compare_with_user(collection, user_id, probe, calibration=calibration)
    return _answered(found)


def _answered(similarity: Similarity) -> Similarity:
    """In hundredths: galleries have float32, in which 86.64 is a little less."""
    return Similarity(round(similarity, 2))
