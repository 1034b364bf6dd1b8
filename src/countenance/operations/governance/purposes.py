"""ListPurposes, RequestPurpose, ListPurposeRequests, DecidePurposeRequest, AssumePurpose."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from countenance.accounts.grants import PurposeRequest
from countenance.errors import AccessDeniedException
from countenance.facts import Claims
from countenance.operations.catalogue import require_purpose
from countenance.operations.deps import Deps
from countenance.operations.whose import accounts_asked, require_officer
from countenance.policy.purposes import Purpose, load_purposes
from countenance.wire.shapes import (
    AssumePurposeRequest,
    AssumePurposeResponse,
    DecidePurposeRequestRequest,
    DecidePurposeRequestResponse,
    ListPurposeRequestsRequest,
    ListPurposeRequestsResponse,
    ListPurposesRequest,
    ListPurposesResponse,
    PurposeRequestSummary,
    PurposeSummary,
    RequestPurposeRequest,
    RequestPurposeResponse,
)

_SESSION_S = 3600


def list_purposes(_: ListPurposesRequest, deps: Deps) -> ListPurposesResponse:
    """The whole catalogue, and what the caller's account has of it."""
    now = datetime.now(UTC)
    mine = {
        each.purpose: each.status
        for each in reversed(deps.governance.grants.list(deps.caller.account_id))
        if each.status in {"pending", "approved"} and not (each.expires_at and each.expires_at <= now)
    }
    return {"Purposes": [to_summary(purpose, mine.get(purpose.name)) for purpose in load_purposes().values()]}


def request_purpose(request: RequestPurposeRequest, deps: Deps) -> RequestPurposeResponse:
    """Ask for a purpose of the catalogue."""
    purpose = require_purpose(request["Purpose"])
    needed = _needed(purpose, deps.caller.account_id, deps)
    request_id = deps.governance.grants.request(
        deps.caller.account_id, purpose.name, request["Justification"], actor=deps.actor()
    )
    return {"RequestId": str(request_id), "Status": "pending", "ApprovalsNeeded": needed}


def list_purpose_requests(request: ListPurposeRequestsRequest, deps: Deps) -> ListPurposeRequestsResponse:
    """What an account asked for, the newest first."""
    asked = accounts_asked(request.get("AccountId"), deps)
    return {
        "Requests": [
            _to_request(each) for each in deps.governance.grants.list(asked, status=request.get("Status"))
        ]
    }


def decide_purpose_request(request: DecidePurposeRequestRequest, deps: Deps) -> DecidePurposeRequestResponse:
    """An officer's word about a purpose; two of them where the purpose says so."""
    officer, grants = require_officer(deps), deps.governance.grants
    request_id = uuid.UUID(request["RequestId"])
    asked = grants.require(request_id)
    purpose = require_purpose(asked.purpose)
    needed = _needed(purpose, asked.account_id, deps)
    status = grants.decide(
        request_id,
        request["Decision"],
        officer=officer,
        reason=request["Reason"],
        approvals=purpose.approvals,
        risk=purpose.risk,
        actor=deps.actor(),
    )
    said = [*asked.approved_by, *([officer] if request["Decision"] == "approve" else [])]
    return {"Status": status, "ApprovalsNeeded": needed, "ApprovedBy": said}


def assume_purpose(request: AssumePurposeRequest, deps: Deps) -> AssumePurposeResponse:
    """Temporary credentials for one purpose; policy has seen to it that the account has it."""
    caller, purpose = deps.caller, require_purpose(request["Purpose"])
    beneficiary = request.get("OnBehalfOf")
    if beneficiary is not None and beneficiary != caller.account_id:
        acted_for = {
            relation.downstream
            for relation in deps.governance.relations.list(caller.account_id)
            if relation.kind == "acts_for" and relation.upstream == caller.account_id and relation.in_force
        }
        if beneficiary not in acted_for:
            raise AccessDeniedException(
                f"account `{caller.account_id}` does not act for `{beneficiary}`, or nobody has confirmed "
                "it: see DeclareRelation"
            )
    claims = Claims(
        case=request.get("Case"),
        source=request.get("Source", "undeclared"),
        consent=request.get("ConsentReference"),
        age=request.get("AgeAttestation", "unknown"),
        live=request.get("Capture") == "live",
        authorization=request.get("AuthorizationReference"),
        exigent=request.get("Exigent", False),
        offence_facts=request.get("OffenceFacts", False),
        probable_cause=request.get("ProbableCause", False),
        beneficiary=beneficiary,
    )
    made = deps.accounts.create_session(
        deps.uow.connection,
        caller.access_key_id,
        request.get("DurationSeconds", _SESSION_S),
        purpose=purpose.name,
        claims=claims,
    )
    return {
        "Credentials": {
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret,
            "SessionToken": made.session_token,
            "Expiration": made.expires_at,
        },
        "Purpose": purpose.name,
    }


def _needed(purpose: Purpose, account_id: str, deps: Deps) -> int:
    return deps.governance.grants.approvals_needed(account_id, approvals=purpose.approvals, risk=purpose.risk)


def to_summary(purpose: Purpose, status: str | None = None) -> PurposeSummary:
    """A purpose as it is listed; `status`: of the account's own request."""
    summary: PurposeSummary = {
        "Name": purpose.name,
        "Title": purpose.title,
        "Summary": purpose.summary,
        "Risk": purpose.risk,
        "Approvals": purpose.approvals,
        "Profiles": list(purpose.profiles),
        "Operations": list(purpose.operations),
        "Attributes": list(purpose.attributes),
        "MinimumThreshold": purpose.minimum_threshold,
        "MaximumCandidates": purpose.maximum_candidates,
        "FpirBudget": purpose.fpir_budget,
        "FaceCap": purpose.face_cap,
        "CallsPerHour": purpose.calls_per_hour,
        "MinorsAllowed": purpose.minors_allowed,
        "Requires": sorted(purpose.requires),
    }
    if purpose.retention_days is not None:
        summary["RetentionDays"] = purpose.retention_days
    if status is not None:
        summary["Status"] = status
    return summary


def _to_request(asked: PurposeRequest) -> PurposeRequestSummary:
    summary: PurposeRequestSummary = {
        "RequestId": str(asked.request_id),
        "AccountId": asked.account_id,
        "Purpose": asked.purpose,
        "Justification": asked.justification,
        "RequestedBy": asked.requested_by,
        "RequestedAt": asked.requested_at,
        "Status": asked.status,
        "ApprovedBy": list(asked.approved_by),
    }
    if asked.decided_at is not None:
        summary["DecidedAt"] = asked.decided_at
    if asked.expires_at is not None:
        summary["ExpiresAt"] = asked.expires_at
    return summary
