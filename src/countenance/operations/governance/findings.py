"""Findings (List, Open, Decide, ScanFor) and appeals (Submit, Get, List, Decide)."""

from __future__ import annotations

import json
import uuid

from countenance.conduct import Appeal, Finding
from countenance.errors import ResourceNotFoundException
from countenance.operations.deps import Deps
from countenance.operations.whose import accounts_asked, require_officer
from countenance.wire.shapes import (
    AppealSummary,
    DecideAppealRequest,
    DecideAppealResponse,
    DecideFindingRequest,
    DecideFindingResponse,
    FindingSummary,
    GetAppealRequest,
    GetAppealResponse,
    ListAppealsRequest,
    ListAppealsResponse,
    ListFindingsRequest,
    ListFindingsResponse,
    OpenFindingRequest,
    OpenFindingResponse,
    ScanForFindingsRequest,
    ScanForFindingsResponse,
    SubmitAppealRequest,
    SubmitAppealResponse,
)


def list_findings(request: ListFindingsRequest, deps: Deps) -> ListFindingsResponse:
    """What was found against an account, the newest first."""
    asked = accounts_asked(request.get("AccountId"), deps)
    return {
        "Findings": [
            _to_finding(finding)
            for finding in deps.conduct.findings.list(asked, status=request.get("Status"))
        ]
    }


def open_finding(request: OpenFindingRequest, deps: Deps) -> OpenFindingResponse:
    """An officer's own finding; it acts at once."""
    officer = require_officer(deps)
    deps.accounts.require_account(request["AccountId"])
    finding_id = deps.conduct.findings.open_by_hand(
        request["AccountId"],
        severity=request["Severity"],
        summary=request["Summary"],
        evidence={"events": request.get("EventIds", [])},
        officer=officer,
        actor=deps.actor(),
    )
    return {"FindingId": str(finding_id)}


def decide_finding(request: DecideFindingRequest, deps: Deps) -> DecideFindingResponse:
    """A person confirms or lifts what was found."""
    officer, finding_id = require_officer(deps), uuid.UUID(request["FindingId"])
    deps.conduct.findings.decide(
        finding_id, request["Decision"], officer=officer, reason=request["Reason"], actor=deps.actor()
    )
    return {"Status": "confirmed" if request["Decision"] == "confirm" else "lifted"}


def scan_for_findings(request: ScanForFindingsRequest, deps: Deps) -> ScanForFindingsResponse:
    """Run the detectors now; they commit what they find by themselves."""
    require_officer(deps)
    opened = deps.conduct.patrol.run(account_id=request.get("AccountId"))
    return {"Findings": [_to_finding(deps.conduct.findings.require(found)) for _, found, _ in opened]}


def submit_appeal(request: SubmitAppealRequest, deps: Deps) -> SubmitAppealResponse:
    """Ask for another look at the newest change of the account's standing."""
    appeal_id = deps.conduct.appeals.submit(deps.caller.account_id, request["Statement"], actor=deps.actor())
    return {"AppealId": str(appeal_id)}


def get_appeal(request: GetAppealRequest, deps: Deps) -> GetAppealResponse:
    """An appeal of the caller's account; officers see any."""
    appeal = deps.conduct.appeals.require(uuid.UUID(request["AppealId"]))
    if appeal.account_id != deps.caller.account_id and deps.caller.officer is None:
        raise ResourceNotFoundException(f"there is no appeal `{request['AppealId']}`")
    return {"Appeal": _to_appeal(appeal)}


def list_appeals(request: ListAppealsRequest, deps: Deps) -> ListAppealsResponse:
    """Appeals of an account, the newest first."""
    asked = accounts_asked(request.get("AccountId"), deps)
    return {
        "Appeals": [
            _to_appeal(appeal) for appeal in deps.conduct.appeals.list(asked, status=request.get("Status"))
        ]
    }


def decide_appeal(request: DecideAppealRequest, deps: Deps) -> DecideAppealResponse:
    """Another officer than who decided the change grants or dismisses it."""
    officer, appeal_id = require_officer(deps), uuid.UUID(request["AppealId"])
    deps.conduct.appeals.decide(
        appeal_id, request["Decision"], officer=officer, reason=request["Reason"], actor=deps.actor()
    )
    return {"Status": "granted" if request["Decision"] == "grant" else "dismissed"}


def _to_finding(finding: Finding) -> FindingSummary:
    summary: FindingSummary = {
        "FindingId": str(finding.finding_id),
        "AccountId": finding.account_id,
        "Detector": finding.detector,
        "Severity": finding.severity,
        "Summary": finding.summary,
        "Evidence": json.dumps(finding.evidence),
        "FoundAt": finding.found_at,
        "Status": finding.status,
    }
    if finding.decide_by is not None:
        summary["DecideBy"] = finding.decide_by
    if finding.decided_by is not None:
        summary["DecidedBy"] = finding.decided_by
    if finding.decided_at is not None:
        summary["DecidedAt"] = finding.decided_at
    if finding.reason is not None:
        summary["Reason"] = finding.reason
    return summary


def _to_appeal(appeal: Appeal) -> AppealSummary:
    summary: AppealSummary = {
        "AppealId": str(appeal.appeal_id),
        "AccountId": appeal.account_id,
        "Statement": appeal.statement,
        "SubmittedBy": appeal.submitted_by,
        "SubmittedAt": appeal.submitted_at,
        "Status": appeal.status,
    }
    if appeal.decided_by is not None:
        summary["DecidedBy"] = appeal.decided_by
    if appeal.decided_at is not None:
        summary["DecidedAt"] = appeal.decided_at
    if appeal.reason is not None:
        summary["Reason"] = appeal.reason
    return summary
