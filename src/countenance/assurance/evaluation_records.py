"""What lists of evaluators and of evaluations on record have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Whose signatures count, or did; `independent`: of somebody who is not the operator."""

    vkey: str
    name: str
    independent: bool
    reason: str
    trusted_by: str
    trusted_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_because: str | None


@dataclass(frozen=True, slots=True)
class EvaluationOnRecord:
    """One evaluation, as lists have it; `evaluator` is its signer's name."""

    evaluation_id: UUID
    digest: str
    evaluator: str
    independent: bool
    evaluator_revoked: bool
    pack_name: str
    version: str
    pack_digest: str
    calibration_digest: str
    pipeline_digest: str
    data_digest: str
    made_at: datetime
    expires_at: datetime
    recorded_by: str
    recorded_at: datetime
    withdrawn_at: datetime | None
    withdrawn_because: str | None

    def status(self, now: datetime) -> str:
        """`withdrawn`, `revoked` (its signer), `expired`, or `in_force`: for exactly what it is of."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.evaluator_revoked:
            return "revoked"
        return "in_force" if self.made_at <= now < self.expires_at else "expired"
