"""What telemetry is told of a call, once it is over."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the pipeline; times are seconds since the call began."""

    name: str
    began_s: float
    ended_s: float
    has_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """A call from its head to its answer. Nothing in it comes from a body.

    Attributes:
        service: None where the call named no operation of ours.
        operation: as `service`.
        event_id: None where no event was left, and so no receipt given.
        error_code: what the caller was told; None when answered.
        limit: the limit of ours that the call reached (`names.LIMITS`); empty for none.
        was_read: whether the body was read: a call may be refused before.
        decision: what policy said; None where it was not asked.
        items: faces or users in the answer; None where it holds no list of them.
        traceparent: the caller's header of that name (W3C Trace Context), as it came.
    """

    service: str | None
    operation: str | None
    event_id: uuid.UUID | None
    outcome: Literal["answered", "refused", "failed"]
    status: int
    error_code: str | None
    was_read: bool
    decision: Literal["allow", "deny"] | None
    items: int | None
    began_at: datetime
    duration_s: float
    steps: tuple[Step, ...]
    traceparent: str | None = field(repr=False)
    limit: str = ""
