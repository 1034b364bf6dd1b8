"""A span for each call and one for each of its steps, sent by OTLP over HTTP.

Spans are made when a call is over, out of the times that it took down: nothing is entered or left on
the way, so no exception passes through a span, and none is ever recorded in one.
"""

from __future__ import annotations

import logging
import threading
from importlib.metadata import version
from typing import ClassVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from countenance.telemetry.ended_call import EndedCall, Step
from countenance.telemetry.names import OUTCOMES, STEPS, Names, member
from countenance.telemetry.tracer import Tracer

_QUEUED_SPANS = 4096
_BATCH_SPANS = 1024
_SEND_EVERY_MS = 1000
_SEND_TIMEOUT_S = 2.0
_CLOSE_TIMEOUT_S = 5.0
_NS = 1_000_000_000


class OtlpTracer(Tracer):
    """Sends to `endpoint`/v1/traces from a thread of its own; what does not fit the queue is dropped.

    A collector that is slow or gone costs no call anything; spans are lost then, after `_SEND_TIMEOUT_S`.
    """

    is_on: ClassVar[bool] = True

    def __init__(self, endpoint: str, names: Names) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # a line for each retry helps nobody
        self._names = names
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_TIMEOUT_S)
        self._provider = TracerProvider(
            sampler=ParentBased(ALWAYS_ON),
            resource=Resource({"service.name": "countenance", "service.version": version("countenance")}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=_QUEUED_SPANS,
                max_export_batch_size=_BATCH_SPANS,
                schedule_delay_millis=_SEND_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("countenance")
        self._propagator = TraceContextTextMapPropagator()

    def call_ended(self, call: EndedCall) -> None:
        service, operation = self._names.operation(call.service, call.operation)
        attributes: dict[str, str | int] = {
            "countenance.service": service,
            "countenance.operation": operation,
            "countenance.outcome": member(call.outcome, OUTCOMES),
            "http.response.status_code": call.status,
        }
        if call.event_id is not None:
            attributes["countenance.event_id"] = str(call.event_id)
        if call.error_code is not None:
            attributes["error.type"] = self._names.error(call.error_code)
        began_ns = int(call.began_at.timestamp() * _NS)
        span = self._tracer.start_span(
            f"{service}:{operation}",
            context=self._parent(call.traceparent),
            kind=SpanKind.SERVER,
            attributes=attributes,
            start_time=began_ns,
            record_exception=False,
            set_status_on_exception=False,
        )
        if not span.is_recording():  # the caller's trace is not sampled
            return
        inside = set_span_in_context(span, Context())
        for step in call.steps:
            self._send_step(step, inside, began_ns)
        if call.status >= 500:
            span.set_status(Status(StatusCode.ERROR))  # without a description
        span.end(began_ns + int(call.duration_s * _NS))

    def close(self) -> None:
        closing = threading.Thread(target=self._provider.shutdown, name="close traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_TIMEOUT_S)

    def _parent(self, traceparent: str | None) -> Context:
        """The caller's span, without its `tracestate`: that is free text, and we hand nobody's on."""
        return self._propagator.extract({"traceparent": traceparent} if traceparent else {}, Context())

    def _send_step(self, step: Step, inside: Context, began_ns: int) -> None:
        span: Span = self._tracer.start_span(
            member(step.name, STEPS),
            context=inside,
            start_time=began_ns + int(step.began_s * _NS),
            record_exception=False,
            set_status_on_exception=False,
        )
        if step.has_failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(began_ns + int(step.ended_s * _NS))
