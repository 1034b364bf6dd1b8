"""Cases: OpenCase, CloseCase, ListCases, DescribeCase, PutCaseAuthorization, SignEvidence, ReportOutcome.

And GetReview: how a held search of the account stands (docs/operations/review.md).
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import cast

from countenance.casework import Case, Review
from countenance.casework.cases import AUTHORIZED_WITHIN
from countenance.casework.reviews import STATEMENT
from countenance.errors import AccessDeniedException
from countenance.operations.catalogue import require_purpose
from countenance.operations.deps import Deps
from countenance.wire.shapes import (
    CaseSummary,
    CloseCaseRequest,
    CloseCaseResponse,
    DescribeCaseRequest,
    DescribeCaseResponse,
    GetReviewRequest,
    GetReviewResponse,
    HeldReviewStatus,
    ListCasesRequest,
    ListCasesResponse,
    OpenCaseRequest,
    OpenCaseResponse,
    PutCaseAuthorizationRequest,
    PutCaseAuthorizationResponse,
    ReleasedCandidate,
    ReportOutcomeRequest,
    ReportOutcomeResponse,
    SignEvidenceRequest,
    SignEvidenceResponse,
)


def open_case(request: OpenCaseRequest, deps: Deps) -> OpenCaseResponse:
    """A case for searches under a purpose, until its end."""
    now, is_urgent = datetime.now(UTC), request.get("Urgent", False)
    case_id = deps.casework.cases.open(
        deps.uow,
        deps.caller.account_id,
        name=request["Case"],
        purpose=require_purpose(request["Purpose"]).name,
        reason=request["Reason"],
        legal_basis=request["LegalBasis"],
        lasts=request["ExpiresAt"] - now,
        opened_by=deps.caller.operator,
        opened_by_id=deps.caller.operator_id,
        is_urgent=is_urgent,
    )
    deps.report.changes(case_id)
    response: OpenCaseResponse = {"CaseId": case_id}
    if is_urgent:
        response["AuthorizeBy"] = now + AUTHORIZED_WITHIN
    return response


def close_case(request: CloseCaseRequest, deps: Deps) -> CloseCaseResponse:
    """End a case; what was held or released of it is purged with it."""
    deps.report.changes(request["CaseId"])
    caller = deps.caller
    ended = deps.casework.close(
        deps.uow, deps.audit, caller.account_id, request["CaseId"], operator=caller.operator
    )
    return {"ReviewsPurged": ended}


def list_cases(request: ListCasesRequest, deps: Deps) -> ListCasesResponse:
    """The account's cases; only those that nothing was reported of for thirty days where asked."""
    account_id, overdue = deps.caller.account_id, request.get("OutcomeDue", False)
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListCases", account_id, str(overdue)),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.casework.cases.list_cases(
            account_id, limit=limit, after=after, overdue=overdue
        ),
        position_of=lambda case: case.case_id,
    )
    response: ListCasesResponse = {"Cases": [_to_summary(case) for case in page.items]}
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def describe_case(request: DescribeCaseRequest, deps: Deps) -> DescribeCaseResponse:
    """One case of the account."""
    return {"Case": _to_summary(deps.casework.cases.require(deps.caller.account_id, request["CaseId"]))}


def put_case_authorization(request: PutCaseAuthorizationRequest, deps: Deps) -> PutCaseAuthorizationResponse:
    """The authorisation of a case that was opened as urgent is there."""
    deps.report.changes(request["CaseId"])
    deps.casework.cases.authorize(
        deps.uow,
        deps.caller.account_id,
        request["CaseId"],
        reference=request["AuthorizationReference"],
    )
    return {}


def sign_evidence(request: SignEvidenceRequest, deps: Deps) -> SignEvidenceResponse:
    """Somebody answers in person for evidence that does not come from the search."""
    if deps.caller.operator_id is None:
        raise AccessDeniedException("CASE-002: evidence is signed for by a person, with a key of their own")
    deps.report.changes(request["CaseId"])
    deps.casework.cases.sign_evidence(
        deps.uow,
        deps.caller.account_id,
        request["CaseId"],
        evidence=request["EvidenceReference"],
        signed_by=deps.caller.operator,
        operator_id=deps.caller.operator_id,
    )
    return {}


def report_outcome(request: ReportOutcomeRequest, deps: Deps) -> ReportOutcomeResponse:
    """What came of a case; a lead is used on independent evidence that another operator has signed for."""
    deps.report.changes(request["CaseId"])
    deps.report.word = request["Outcome"]
    deps.casework.cases.report(
        deps.uow,
        deps.caller.account_id,
        request["CaseId"],
        outcome=request["Outcome"],
        reported_by=deps.caller.operator,
    )
    return {}


def get_review(request: GetReviewRequest, deps: Deps) -> GetReviewResponse:
    """How a held search of the account stands; with whom examiners support, once they have decided."""
    review_id = uuid.UUID(request["ReviewId"])
    review = deps.casework.reviews.require(deps.caller.account_id, review_id)
    deps.report.review = review_id
    return _to_response(review)


def _to_response(review: Review) -> GetReviewResponse:
    response: GetReviewResponse = {
        "ReviewId": str(review.review_id),
        "Status": cast("HeldReviewStatus", review.status),
        "Operation": review.operation,
        "Purpose": review.purpose,
        "OpenedAt": review.opened_at,
        "ExpiresAt": review.expires_at,
        "Examinations": review.examined,
    }
    if review.case_id is not None:
        response["CaseId"] = review.case_id
    told = review.released
    if told is None:
        return response
    supported, given = told["conclusions"].count("support"), len(told["candidates"])
    response["Statement"] = STATEMENT
    response["Conclusion"] = (
        f"examiners support {supported} of {len(told['conclusions'])} candidates"
        if supported
        else "examiners support no candidate: the search has found nobody"
    )
    if given < supported:
        response["Conclusion"] += f"; {supported - given} of them below the threshold that was asked for"
    if told.get("has_unseen"):  # how many is nobody's to know: people decided about none of them
        response["Conclusion"] += "; nobody could look at faces without a picture, and none of them is told"
    response["Answer"] = json.dumps(told["answer"], ensure_ascii=False)
    response["ProbeQuality"] = told["probe_quality"]
    response["Candidates"] = [_to_candidate(each) for each in told["candidates"]]
    if review.decided_at is not None:
        response["DecidedAt"] = review.decided_at
    return response


def _to_candidate(candidate: dict[str, dict[str, object]]) -> ReleasedCandidate:
    told = candidate["told"]
    face = cast("dict[str, str]", told.get("Face", {}))
    return {
        "Face": {"FaceId": face["FaceId"]} if "FaceId" in face else {},
        "Similarity": float(cast("float", told["Similarity"])),
        "Quality": cast("dict[str, float]", candidate["quality"]),
    }


def _to_summary(case: Case) -> CaseSummary:
    summary: CaseSummary = {
        "CaseId": case.case_id,
        "Case": case.told["name"],
        "Purpose": case.purpose,
        "Reason": case.told["reason"],
        "LegalBasis": case.told["legal_basis"],
        "OpenedBy": case.opened_by,
        "OpenedAt": case.opened_at,
        "ExpiresAt": case.expires_at,
        "Open": case.is_open,
        "Reviews": case.reviews,
        "OutcomeDue": case.outcome_is_due,
    }
    if case.closed_at is not None:
        summary["ClosedAt"] = case.closed_at
    if case.authorize_by is not None:
        summary["AuthorizeBy"] = case.authorize_by
    if case.outcome is not None:
        summary["Outcome"] = case.outcome
    if case.evidence_signed_by is not None:
        summary["EvidenceSignedBy"] = case.evidence_signed_by
    for member, name in (("AuthorizationReference", "authorization"), ("EvidenceReference", "evidence")):
        if name in case.told:
            summary[member] = case.told[name]  # type: ignore[literal-required]  # two members alike
    return summary
