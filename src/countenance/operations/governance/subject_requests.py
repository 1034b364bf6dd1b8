"""Codes, requests of people and their answers: reports, proofs, and what is kept of who objects."""

from __future__ import annotations

import json
import uuid

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.operations.deps import Deps
from countenance.operations.whose import accounts_asked
from countenance.rights.access_report import to_text
from countenance.rights.records import SubjectRequest
from countenance.rights.requests import days_left
from countenance.wire.shapes import (
    DecideSubjectRequestRequest,
    DecideSubjectRequestResponse,
    ExtendSubjectRequestRequest,
    ExtendSubjectRequestResponse,
    GetAccessReportRequest,
    GetAccessReportResponse,
    GetErasureProofRequest,
    GetErasureProofResponse,
    GetSubjectRequestRequest,
    GetSubjectRequestResponse,
    IssueEnrolmentCodeRequest,
    IssueEnrolmentCodeResponse,
    ListSubjectRequestsRequest,
    ListSubjectRequestsResponse,
    OpenSubjectRequestRequest,
    OpenSubjectRequestResponse,
    SubjectRequestDetail,
    WithdrawObjectionRequest,
    WithdrawObjectionResponse,
)


def issue_enrolment_code(request: IssueEnrolmentCodeRequest, deps: Deps) -> IssueEnrolmentCodeResponse:
    """A code for faces or a user of the caller's; it is told here alone."""
    face_ids, user_id = request.get("FaceIds", []), request.get("UserId")
    if bool(face_ids) == (user_id is not None):
        raise InvalidParameterException("exactly one of `FaceIds` and `UserId` must be given")
    code = deps.rights.codes.issue(
        deps.collection(request["CollectionId"]),
        face_ids=_ids(face_ids),
        user_id=user_id,
        issued_by=deps.caller.operator,
        actor=deps.actor(),
    )
    return {"Code": code}


def open_subject_request(request: OpenSubjectRequestRequest, deps: Deps) -> OpenSubjectRequestResponse:
    """By a code, which says whose faces; or by the operator, who says how it was verified who asks."""
    opened_by, code = deps.caller.operator, request.get("Code")
    deps.report.word = request["Kind"]
    if code is None:
        opened = deps.rights.requests.open_by_operator(
            deps.collection(_collection_of(request)),
            request["Kind"],
            face_ids=_ids(request.get("FaceIds", [])),
            user_id=request.get("UserId"),
            attestation=request.get("Attestation", ""),
            opened_by=opened_by,
            actor=deps.actor(),
        )
    else:
        if {"CollectionId", "FaceIds", "UserId", "Attestation"} & request.keys():
            raise InvalidParameterException("a `Code` says whose faces they are: no other member is given")
        account_id = deps.caller.account_id
        who = deps.rights.codes.identify(code, place=f"account {account_id}", account_id=account_id)
        opened = deps.rights.requests.open_by_code(
            who, request["Kind"], opened_by=opened_by, actor=deps.actor()
        )
    return {"Request": _to_detail(opened)}


def get_subject_request(request: GetSubjectRequestRequest, deps: Deps) -> GetSubjectRequestResponse:
    """A request to the caller's account; officers see any."""
    return {"Request": _to_detail(_require(request["RequestId"], deps))}


def list_subject_requests(request: ListSubjectRequestsRequest, deps: Deps) -> ListSubjectRequestsResponse:
    """What is due first comes first."""
    asked, code, code_id = accounts_asked(request.get("AccountId"), deps), request.get("Code"), None
    if code is not None:
        place = f"account {deps.caller.account_id}"
        code_id = deps.rights.codes.identify(code, place=place, account_id=asked).code_id
    found = deps.rights.requests.list(
        asked,
        status=request.get("Status"),
        code_id=code_id,
        only_overdue=request.get("OnlyOverdue", False),
    )
    return {"Requests": [_to_detail(each) for each in found]}


def extend_subject_request(request: ExtendSubjectRequestRequest, deps: Deps) -> ExtendSubjectRequestResponse:
    """Put off, once, with a reason that the person reads."""
    found = _require(request["RequestId"], deps)
    extended = deps.rights.requests.extend(
        found, request["Months"], reason=request["Reason"], actor=deps.actor()
    )
    return {"Request": _to_detail(extended)}


def decide_subject_request(request: DecideSubjectRequestRequest, deps: Deps) -> DecideSubjectRequestResponse:
    """Grant or refuse; what is granted by erasing is erased with it."""
    found, consent = _require(request["RequestId"], deps), request.get("BlockConsent", "").strip()
    block = None
    if consent:
        if (found.kind, request["Decision"]) != ("objection", "grant"):
            raise InvalidParameterException("a template is kept only of an objection that is granted")
        block = deps.rights.objections.read(found)
    deps.report.word = request["Decision"]
    decided, _ = deps.rights.requests.decide(
        deps.uow,
        found,
        request["Decision"],
        reason=request["Reason"],
        decided_by=deps.caller.officer or deps.caller.operator,
        actor=deps.actor(),
        block=block,
        block_consent=consent,
    )
    return {"Request": _to_detail(decided)}


def withdraw_objection(request: WithdrawObjectionRequest, deps: Deps) -> WithdrawObjectionResponse:
    """Forget the templates by which somebody who objected is left alone."""
    found = _require(request["RequestId"], deps)
    return {"Forgotten": deps.rights.objections.withdraw(deps.uow, found, actor=deps.actor())}


def get_access_report(request: GetAccessReportRequest, deps: Deps) -> GetAccessReportResponse:
    """What is held of the person who asked, and what touched it, as of now."""
    found = _require(request["RequestId"], deps)
    if found.kind != "access":
        raise InvalidParameterException(f"the request is for {found.kind}, and a report is for `access`")
    if found.status == "refused":
        raise InvalidParameterException("the request was refused: it has no report")
    report = deps.rights.reports.make(found)
    return {"Report": json.dumps(report), "Text": to_text(report)}


def get_erasure_proof(request: GetErasureProofRequest, deps: Deps) -> GetErasureProofResponse:
    """Look for what a request has erased, wherever it was."""
    found = _require(request["RequestId"], deps)
    proof = deps.rights.erasing.prove(found)
    response: GetErasureProofResponse = {
        "Receipt": found.receipt or "",
        "LookedAt": proof.looked_at,
        "Holds": proof.holds,
        "RowsLeft": proof.rows_left,
        "SearchedFaceIds": [str(each) for each in proof.searched],
        "IsListed": proof.listed,
        "IsFinal": proof.is_final,
    }
    if proof.final_by is not None:
        response["FinalBy"] = proof.final_by
    return response


def _require(text: str, deps: Deps) -> SubjectRequest:
    """One to the caller's account; another's is as if there were none, but to officers."""
    request_id = uuid.UUID(text)
    found = deps.rights.requests.require(request_id)
    if deps.caller.officer is None and found.account_id != deps.caller.account_id:
        raise ResourceNotFoundException(f"there is no request `{request_id}`")
    return found


def _collection_of(request: OpenSubjectRequestRequest) -> str:
    name = request.get("CollectionId")
    if name is None:
        raise InvalidParameterException("either `Code` or `CollectionId` must be given")
    return name


def _ids(texts: list[str]) -> list[uuid.UUID]:
    return [uuid.UUID(text) for text in texts]


def _to_detail(request: SubjectRequest) -> SubjectRequestDetail:
    detail: SubjectRequestDetail = {
        "RequestId": str(request.request_id),
        "AccountId": request.account_id,
        "CollectionId": request.collection,
        "Kind": request.kind,
        "FaceIds": [str(each) for each in request.scope.face_ids],
        "IdentifiedBy": request.identified_by,
        "OpenedAt": request.opened_at,
        "DueAt": request.due_at,
        "IsOverdue": request.is_overdue(),
        "Status": request.status,
    }
    if request.scope.user_id:
        detail["UserId"] = request.scope.user_id
    if request.attestation:
        detail["Attestation"] = request.attestation
    if request.status == "open":
        detail["DaysLeft"] = days_left(request)
    if request.extended_at is not None and request.extension_reason is not None:
        detail["ExtendedAt"], detail["ExtensionReason"] = request.extended_at, request.extension_reason
    if request.decided_at is not None:
        detail["DecidedAt"] = request.decided_at
        detail["DecidedBy"] = request.decided_by or ""
        detail["Reason"] = request.reason or ""
    if request.erased_ids is not None and request.receipt is not None:
        detail["ErasedFaceIds"] = [str(each) for each in request.erased_ids]
        detail["Receipt"] = request.receipt
    return detail
