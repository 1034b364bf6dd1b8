"""ListReviews, BeginExamination, SubmitExamination by examiners; PlantTrial, DescribeExaminers about them."""

from __future__ import annotations

import uuid

from countenance.casework import Examiner
from countenance.casework.trials import plant_trial as plant
from countenance.errors import AccessDeniedException, InvalidParameterException
from countenance.operations.catalogue import require_purpose
from countenance.operations.crop_pictures import to_aligned_picture, to_picture
from countenance.operations.deps import Deps
from countenance.types import FaceId
from countenance.wire.shapes import (
    BeginExaminationRequest,
    BeginExaminationResponse,
    CandidatePicture,
    DescribeExaminersRequest,
    DescribeExaminersResponse,
    ExaminerFigures,
    ListReviewsRequest,
    ListReviewsResponse,
    PlantTrialRequest,
    PlantTrialResponse,
    SubmitExaminationRequest,
    SubmitExaminationResponse,
    WaitingReview,
)


def list_reviews(request: ListReviewsRequest, deps: Deps) -> ListReviewsResponse:
    """What waits for the examiner who asks."""
    examiner = _examiner(deps)
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListReviews", examiner.account_id, examiner.operator_id),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.casework.examinations.list_waiting(
            examiner, limit=limit, after=None if after is None else uuid.UUID(after)
        ),
        position_of=lambda each: str(each.review_id),
    )
    response: ListReviewsResponse = {"Reviews": []}
    for each in page.items:
        waiting: WaitingReview = {
            "ReviewId": str(each.review_id),
            "Purpose": each.purpose,
            "OpenedAt": each.opened_at,
            "CandidateCount": each.candidates,
        }
        if each.began_at is not None:
            waiting["BeganAt"] = each.began_at
        response["Reviews"].append(waiting)
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def begin_examination(request: BeginExaminationRequest, deps: Deps) -> BeginExaminationResponse:
    """Take a seat, and see the probe beside the candidates: without names, scores or ranks."""
    review_id = uuid.UUID(request["ReviewId"])
    deps.report.review = review_id
    seat = deps.casework.examinations.begin(deps.uow, _examiner(deps), review_id)
    pictures: list[CandidatePicture] = []
    for place, each in enumerate(seat.candidates):
        shown: CandidatePicture = {"Label": _label(place), "Picture": to_picture(each.crop)}
        if (aligned := to_aligned_picture(each.crop)) is not None:
            shown["Aligned"] = aligned
        pictures.append(shown)
    response: BeginExaminationResponse = {
        "BeganAt": seat.began_at,
        "LeastViewSeconds": deps.casework.examinations.least_view_s * len(pictures),
        "Probe": to_picture(seat.probe.crop),
        "Pictures": pictures,
    }
    if (aligned := to_aligned_picture(seat.probe.crop)) is not None:
        response["ProbeAligned"] = aligned
    return response


def submit_examination(request: SubmitExaminationRequest, deps: Deps) -> SubmitExaminationResponse:
    """Say of every candidate what the pictures show; once, and without hearing what others said."""
    review_id = uuid.UUID(request["ReviewId"])
    deps.report.review = review_id
    by_label = {each["Label"]: each for each in request["Verdicts"]}
    labels = [_label(place) for place in range(len(request["Verdicts"]))]
    if sorted(by_label) != sorted(labels):
        raise InvalidParameterException("there is exactly one verdict for each label that was shown")
    said = [
        {
            "verdict": by_label[label]["Verdict"],
            "features": [dict(each) for each in by_label[label].get("Features", [])],
        }
        for label in labels
    ]
    was_last = deps.casework.examinations.submit(
        deps.uow, _examiner(deps), review_id, said, note=request.get("Note")
    )
    deps.report.word = "decided" if was_last else None
    return {}


def plant_trial(request: PlantTrialRequest, deps: Deps) -> PlantTrialResponse:
    """Have examiners decide about pairs of which it is known whether they are of one person."""
    collection = deps.collection(request["CollectionId"])
    probe = FaceId(uuid.UUID(request["ProbeFaceId"]))
    pairs = [(FaceId(uuid.UUID(each["FaceId"])), each["Mated"]) for each in request["Pairs"]]
    review_id = plant(
        deps.uow,
        deps.casework.reviews,
        account_id=deps.caller.account_id,
        purpose=require_purpose(request["Purpose"]).name,
        planted_by=deps.caller.operator,
        planted_by_id=deps.caller.operator_id,
        event_id=deps.caller.event_id,
        collection_id=collection.collection_id,
        crops=deps.gallery.vaults.crops(collection, [probe, *(face_id for face_id, _ in pairs)]),
        probe=probe,
        pairs=pairs,
    )
    deps.report.review = review_id
    return {"ReviewId": str(review_id)}


def describe_examiners(_: DescribeExaminersRequest, deps: Deps) -> DescribeExaminersResponse:
    """What is measured of everybody who examined for the account."""
    examiners: list[ExaminerFigures] = [
        {
            "OperatorName": each.name,
            "Active": each.is_active,
            "Examinations": each.examinations,
            "MedianSeconds": each.median_s,
            "Compared": each.compared,
            "Agreed": each.agreed,
            "JudgedAgain": each.judged_again,
            "Reversed": each.reversed,
            "TrialHits": each.hits,
            "TrialMisses": each.misses,
            "TrialFalseAlarms": each.false_alarms,
            "TrialCorrectRejections": each.correct_rejections,
        }
        for each in deps.casework.examinations.figures(deps.caller.account_id)
    ]
    return {"Examiners": examiners}


def _examiner(deps: Deps) -> Examiner:
    caller = deps.caller
    if caller.operator_id is None or "examiner" not in (caller.roles or ()):
        raise AccessDeniedException("EXA-001: examining is for people whose role it is")
    # Every other role reads the log, in which a search was withheld and a trial was not.
    is_blind = caller.roles == frozenset({"examiner"})
    return Examiner(caller.account_id, caller.operator_id, caller.operator, is_blind)


def _label(place: int) -> str:
    """Of the place of a candidate in one examiner's order: it says nothing else."""
    return f"candidate-{place + 1}"
