"""What is kept of a finding and of an appeal, as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from countenance.conduct.suspicion import Severity

FindingStatus = Literal["open", "confirmed", "lifted"]
AppealStatus = Literal["open", "granted", "dismissed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        detector: its name, or `officer:NAME` if a person found it.
        evidence: figures, and ids of entries of the log.
        decide_by: when it lapses; None once it is decided, and for a notice, which holds nobody down.
        decided_by: an officer, or `rule` for what lapsed.
    """

    finding_id: UUID
    account_id: str
    detector: str
    severity: Severity
    summary: str
    evidence: Mapping[str, Any]
    found_at: datetime
    status: FindingStatus
    decide_by: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Appeal:
    """What an account said, and what was said to it.

    Attributes:
        change_id: the step of its standing that it appeals against, the newest when it did.
        decided_by: an officer.
    """

    appeal_id: UUID
    account_id: str
    change_id: int
    statement: str
    submitted_by: str
    submitted_at: datetime
    status: AppealStatus
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
