"""Decisions and their rates as the service model spells them."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.evaluation.deciding import RateEstimate, Verdict
from countenance.gallery import Candidate, StoredFace
from countenance.operations.face_shapes import ratio_box, to_bounding_box
from countenance.similarity import Calibration, fmr_at_similarity
from countenance.types import Detection, Face, Similarity
from countenance.wire.shapes import (
    CalibrationUsed,
    EstimatedRate,
    EstimatedSearchRate,
    IdentifiedCandidate,
    ImportedFace,
    JudgedFace,
    ThresholdInForce,
    ThresholdReason,
)


def to_judged_face(face: Face, detection: Detection, *, below_medium: Sequence[str]) -> JudgedFace:
    """A face of a photo; `below_medium`: why it is under that bar of the quality filter."""
    return {
        "BoundingBox": to_bounding_box(ratio_box(face, detection)),
        "Confidence": face.confidence,
        "Pose": {"Roll": face.pose.roll_deg, "Yaw": face.pose.yaw_deg, "Pitch": face.pose.pitch_deg},
        "Quality": {"Brightness": face.quality.brightness, "Sharpness": face.quality.sharpness},
        "BelowMedium": list(below_medium),
    }


def to_candidate(candidate: Candidate, verdict: Verdict, calibration: Calibration) -> IdentifiedCandidate:
    """A candidate that is told."""
    similarity = Similarity(round(candidate.similarity, 2))  # galleries have float32
    return {
        "Decision": verdict.decision.value,
        "ReviewReasons": [reason.value for reason in verdict.reasons],
        "Similarity": similarity,
        "EstimatedFalseMatchRate": to_rate(RateEstimate.of_matches(similarity, calibration)),
        "Face": _to_enrolled(candidate.face),
    }


def to_rate(estimate: RateEstimate) -> EstimatedRate:
    """Without ends where the calibration states none."""
    rate: EstimatedRate = {"Rate": estimate.rate, "Extrapolated": estimate.is_extrapolated}
    if estimate.low is not None and estimate.high is not None:
        rate["Low"], rate["High"] = estimate.low, estimate.high
    return rate


def to_search_rate(estimate: RateEstimate, size: int) -> EstimatedSearchRate:
    """Of a search over `size` faces."""
    rate: EstimatedSearchRate = {
        "Rate": estimate.rate,
        "Extrapolated": estimate.is_extrapolated,
        "GallerySize": size,
        "Model": "INDEPENDENT_COMPARISONS",
    }
    if estimate.low is not None and estimate.high is not None:
        rate["Low"], rate["High"] = estimate.low, estimate.high
    return rate


def to_threshold(
    match: Similarity, review: Similarity, reason: ThresholdReason, *, raised_from: Similarity | None = None
) -> ThresholdInForce:
    """`raised_from`: what was asked for, where that is less than `match`."""
    threshold: ThresholdInForce = {
        "Similarity": match,
        "ReviewSimilarity": review,
        "Reason": reason,
        "FalseMatchRate": fmr_at_similarity(match),
    }
    if raised_from is not None:
        threshold["RaisedFrom"] = raised_from
    return threshold


def to_calibration_used(calibration: Calibration, *, is_own: bool) -> CalibrationUsed:
    """What similarities mean; `is_own`: it is the model pack's."""
    return {
        "Origin": "PACK" if is_own else "OPERATOR",
        "Digest": calibration.digest,
        "Trials": calibration.trials,
    }


def _to_enrolled(stored: StoredFace) -> ImportedFace:
    face: ImportedFace = {
        "FaceId": str(stored.face_id),
        "BoundingBox": to_bounding_box(stored.box),
        "ImageId": str(stored.image_id),
        "Confidence": stored.confidence,
    }
    if stored.external_image_id is not None:
        face["ExternalImageId"] = stored.external_image_id
    if stored.user_id is not None:
        face["UserId"] = stored.user_id
    return face
