"""What is told of a call that is over: a line in the log, and where it is asked for, figures and a trace.

None of it is the record, and none of it can change the answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from countenance.gateway.call import Call, Identified, Performed, Recorded
from countenance.gateway.log import log_call
from countenance.gateway.respond import Refusal
from countenance.gateway.services import GatewayServices
from countenance.policy import Verdict
from countenance.telemetry import EndedCall, Step

_LISTS = ("FaceMatches", "UserMatches", "FaceRecords", "FaceDetails", "Faces", "Users")


def observe_answered(call: Recorded, services: GatewayServices) -> None:
    """Tell of a call with a result, given or withheld."""
    status = 200 if call.withheld is None else call.withheld.status
    code = None if call.withheld is None else call.withheld.code
    log_call(call, status=status, error_code=code, log_format=services.log_format)
    if services.telemetry.is_on:
        services.telemetry.call_ended(
            _ended(call, status=status, error_code=code, verdict=call.verdict, has_event=True)
        )


def observe_refused(refusal: Refusal, services: GatewayServices) -> None:
    """Tell of a call without one."""
    call, error = refusal.call, refusal.error
    log_call(
        call,
        status=error.status,
        error_code=error.code,
        fault=refusal.fault,
        log_format=services.log_format,
    )
    if services.telemetry.is_on:
        ended = _ended(
            call,
            status=error.status,
            error_code=error.code,
            verdict=refusal.verdict,
            has_event=refusal.receipt is not None,
            limit=error.limit,
        )
        services.telemetry.call_ended(ended)


def _ended(
    call: Call,
    *,
    status: int,
    error_code: str | None,
    verdict: Verdict | None,
    has_event: bool,
    limit: str = "",
) -> EndedCall:
    identified = call if isinstance(call, Identified) else None
    duration_s = time.perf_counter() - call.head.started_s
    steps = call.steps
    if identified and steps[-1].has_failed:  # the refusal was recorded since
        steps = (*steps, Step("record", steps[-1].ended_s, duration_s))
    return EndedCall(
        service=identified.service.name if identified else None,
        operation=identified.operation.name if identified else None,
        event_id=call.head.event_id if has_event else None,
        outcome=_outcome(status),
        status=status,
        error_code=error_code,
        limit=limit,
        was_read=any(step.name == "receive" and not step.has_failed for step in steps),
        decision=verdict.decision.value if verdict else None,
        items=_items(call.response) if isinstance(call, Performed) and error_code is None else None,
        began_at=call.head.received_at,
        duration_s=duration_s,
        steps=steps,
        traceparent=call.head.headers.get("traceparent"),
    )


def _outcome(status: int) -> Literal["answered", "refused", "failed"]:
    if status == 200:
        return "answered"
    return "failed" if status >= 500 else "refused"


def _items(response: Mapping[str, Any]) -> int | None:
    return next((len(response[name]) for name in _LISTS if name in response), None)
