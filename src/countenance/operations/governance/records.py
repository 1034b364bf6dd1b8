"""PutRecord, ListRecords, WithdrawRecord, RecordTraining."""

from __future__ import annotations

import uuid
from typing import cast

from countenance.operations.deps import Deps
from countenance.operations.whose import require_officer
from countenance.wire.shapes import (
    ListRecordsRequest,
    ListRecordsResponse,
    PutRecordRequest,
    PutRecordResponse,
    RecordKind,
    RecordSummary,
    RecordTrainingRequest,
    RecordTrainingResponse,
    WithdrawRecordRequest,
    WithdrawRecordResponse,
)


def put_record(request: PutRecordRequest, deps: Deps) -> PutRecordResponse:
    """Put something on file that rules ask for."""
    record_id = deps.governance.on_file.put(
        deps.caller.account_id,
        request["Kind"],
        request["Reference"],
        digest=request.get("Digest"),
        valid_until=request.get("ValidUntil"),
        actor=deps.actor(),
    )
    return {"RecordId": str(record_id)}


def list_records(_: ListRecordsRequest, deps: Deps) -> ListRecordsResponse:
    """What the caller's account has on file."""
    listed: list[RecordSummary] = []
    for record in deps.governance.on_file.list(deps.caller.account_id):
        summary: RecordSummary = {
            "RecordId": str(record.record_id),
            "Kind": cast("RecordKind", record.kind),
            "Reference": record.reference,
            "RecordedBy": record.recorded_by,
            "RecordedAt": record.recorded_at,
        }
        if record.digest is not None:
            summary["Digest"] = record.digest
        if record.valid_until is not None:
            summary["ValidUntil"] = record.valid_until
        listed.append(summary)
    return {"Records": listed}


def withdraw_record(request: WithdrawRecordRequest, deps: Deps) -> WithdrawRecordResponse:
    """Take something off file."""
    deps.governance.on_file.withdraw(
        deps.caller.account_id, uuid.UUID(request["RecordId"]), actor=deps.actor()
    )
    return {}


def record_training(request: RecordTrainingRequest, deps: Deps) -> RecordTrainingResponse:
    """An officer records that somebody was trained."""
    require_officer(deps)
    deps.governance.on_file.train(
        request["AccountId"],
        request["OperatorName"],
        valid_until=request["ValidUntil"],
        actor=deps.actor(),
    )
    return {}
