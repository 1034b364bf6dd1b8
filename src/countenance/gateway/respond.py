"""From the end of a call to what goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from countenance.errors import ServiceError
from countenance.gateway.call import Answer, Call, Recorded
from countenance.gateway.log import Fault
from countenance.policy import AccessRequest, Verdict

_CONTENT_TYPE = ("content-type", "application/x-amz-json-1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that ends without a result.

    Attributes:
        call: as far as it came.
        error: what the caller is told.
        verdict: what policy said, if it was asked.
        fault: what went wrong on our side, if something did.
        asked: what policy was asked, if it was.
        receipt: the signed promise that the refusal will be in the log; None if it is not on record.
    """

    call: Call
    error: ServiceError
    verdict: Verdict | None
    fault: Fault | None
    receipt: str | None = None
    asked: AccessRequest | None = None


def respond(call: Recorded) -> Answer:
    """The result, or that it is withheld; its event is durable already."""
    if call.withheld is not None:
        told = Refusal(call=call, error=call.withheld, verdict=call.verdict, fault=None, receipt=call.receipt)
        return respond_refused(told)
    headers = _headers(call, call.receipt)
    if call.report.raised:
        headers = (*headers, ("x-countenance-threshold", call.report.raised))
    if call.report.left_out:
        headers = (*headers, ("x-countenance-left-out", str(call.report.left_out)))
    if call.report.rejected:
        headers = (*headers, ("x-countenance-rejected", str(call.report.rejected)))
    return Answer(status=200, headers=headers, body=call.payload)


def respond_refused(refusal: Refusal) -> Answer:
    """The error, in the shape of the service's own errors or of the framework before it."""
    error = refusal.error
    if error.modeled:
        event_id = str(refusal.call.head.event_id)
        told = {"__type": error.code, "Code": error.code, "Logref": event_id, "Message": error.message}
    else:
        told = {"__type": error.code, "message": error.message}
    headers = (*_headers(refusal.call, refusal.receipt), ("x-amzn-ErrorType", error.code))
    return Answer(status=error.status, headers=headers, body=orjson.dumps(told))


def _headers(call: Call, receipt: str | None) -> tuple[tuple[str, str], ...]:
    headers = (_CONTENT_TYPE, ("x-amzn-RequestId", str(call.head.event_id)))
    if receipt is None:
        return headers
    return (
        *headers,
        ("x-countenance-event-id", str(call.head.event_id)),
        ("x-countenance-receipt", receipt),
    )
