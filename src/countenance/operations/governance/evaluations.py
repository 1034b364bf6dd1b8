"""PutEvaluation, ListEvaluations, GetEvaluation, WithdrawEvaluation."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import cast

from countenance.assurance.evaluation_records import EvaluationOnRecord
from countenance.assurance.signed_evaluation import to_file
from countenance.operations.deps import Deps
from countenance.operations.whose import require_officer
from countenance.wire.shapes import (
    EvaluationStatus,
    EvaluationSummary,
    GetEvaluationRequest,
    GetEvaluationResponse,
    ListEvaluationsRequest,
    ListEvaluationsResponse,
    PutEvaluationRequest,
    PutEvaluationResponse,
    WithdrawEvaluationRequest,
    WithdrawEvaluationResponse,
)


def put_evaluation(request: PutEvaluationRequest, deps: Deps) -> PutEvaluationResponse:
    """Put a signed evaluation on record."""
    officer = require_officer(deps)
    evaluation_id = deps.evaluations.record(
        deps.uow.connection,
        request["SignedEvaluation"].encode("utf-8", "surrogatepass"),
        by=officer,
        now=datetime.now(UTC),
    )
    deps.report.changes(str(evaluation_id))
    return {"EvaluationId": str(evaluation_id)}


def list_evaluations(_: ListEvaluationsRequest, deps: Deps) -> ListEvaluationsResponse:
    """All that are or were on record: they are about everybody who is searched for here."""
    now = datetime.now(UTC)
    found = deps.evaluations.on_record(deps.uow.connection)
    return {"Evaluations": [to_summary(each, now) for each in found]}


def get_evaluation(request: GetEvaluationRequest, deps: Deps) -> GetEvaluationResponse:
    """One of them whole, so that anybody can verify it."""
    found, document, note = deps.evaluations.require(deps.uow.connection, uuid.UUID(request["EvaluationId"]))
    return {
        "Evaluation": to_summary(found, datetime.now(UTC)),
        "SignedEvaluation": to_file(document, note).decode(),
    }


def withdraw_evaluation(request: WithdrawEvaluationRequest, deps: Deps) -> WithdrawEvaluationResponse:
    """Have one count for nothing from now on."""
    officer = require_officer(deps)
    deps.evaluations.withdraw(
        deps.uow.connection, uuid.UUID(request["EvaluationId"]), reason=request["Reason"], by=officer
    )
    deps.report.changes(request["EvaluationId"])
    return {}


def to_summary(found: EvaluationOnRecord, now: datetime) -> EvaluationSummary:
    """As lists have it: who recorded it is the house's own business."""
    summary: EvaluationSummary = {
        "EvaluationId": str(found.evaluation_id),
        "Status": cast("EvaluationStatus", found.status(now)),
        "Digest": found.digest,
        "Evaluator": found.evaluator,
        "Independent": found.independent,
        "Pack": found.pack_name,
        "FaceModelVersion": found.version,
        "PackDigest": found.pack_digest,
        "CalibrationDigest": found.calibration_digest,
        "PipelineDigest": found.pipeline_digest,
        "DataDigest": found.data_digest,
        "MadeAt": found.made_at,
        "ExpiresAt": found.expires_at,
        "RecordedAt": found.recorded_at,
    }
    if found.withdrawn_at is not None:
        summary["WithdrawnAt"] = found.withdrawn_at
        summary["WithdrawnBecause"] = found.withdrawn_because or ""
    return summary
