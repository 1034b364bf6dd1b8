from __future__ import annotations

import time

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from countenance.telemetry import Step
from countenance.telemetry.names import ATTRIBUTES
from countenance.telemetry.otlp_tracer import OtlpTracer
from otlp_receiver import attributes, receiving

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def receiver():
    with receiving() as opened:
        yield opened


@pytest.fixture
def send(names, receiver):
    """Sends calls; returns the spans that arrived."""

    def send(*calls):
        tracer = OtlpTracer(receiver.endpoint, names)
        for call in calls:
            tracer.call_ended(call)
        tracer.close()
        return receiver.spans()

    return send


def test_a_call_is_a_span_with_a_span_for_each_step(send, receiver, make_call):
    spans = {span.name: span for span in send(make_call())}
    assert set(spans) == {"rekognition:DetectFaces", "admit", "dispatch"}
    whole, dispatch = spans["rekognition:DetectFaces"], spans["dispatch"]
    assert receiver.paths == ["/v1/traces"]
    assert whole.kind == SpanMessage.SPAN_KIND_SERVER
    assert whole.end_time_unix_nano - whole.start_time_unix_nano == 200_000_000
    assert dispatch.start_time_unix_nano - whole.start_time_unix_nano == 50_000_000
    assert (dispatch.parent_span_id, dispatch.trace_id) == (whole.span_id, whole.trace_id)
    assert attributes(whole) == {
        "countenance.service": "rekognition",
        "countenance.operation": "DetectFaces",
        "countenance.outcome": "answered",
        "countenance.event_id": "00000000-0000-0000-0000-000000000007",
        "http.response.status_code": 200,
    }


def test_a_failure_tells_its_code_and_where_and_no_more(send, make_call):
    """No event, no description: what an exception says may quote the request."""
    spans = send(
        make_call(
            outcome="failed",
            status=500,
            error_code="InternalServerError",
            steps=(Step("dispatch", 0.0, 0.1, has_failed=True),),
        )
    )
    for span in spans:
        assert (span.status.code, span.status.message, len(span.events)) == (Status.STATUS_CODE_ERROR, "", 0)
    assert {attributes(span).get("error.type") for span in spans} == {None, "InternalServerError"}
    assert {name for span in spans for name in attributes(span)} == set(ATTRIBUTES), "what is documented"


def test_spans_hold_nothing_of_a_request(send, receiver, make_call):
    theirs = "a-name-of-theirs"
    send(
        make_call(
            service=theirs,
            operation=theirs,
            outcome=theirs,
            error_code=theirs,
            steps=(Step(theirs, 0.0, 0.1),),
            traceparent=theirs,
        )
    )
    assert theirs.encode() not in b"".join(receiver.bodies)
    assert b"unknown" in b"".join(receiver.bodies)


def test_the_caller_s_trace_is_continued(send, make_call):
    """W3C Trace Context, level 1."""
    spans = {span.name: span for span in send(make_call(traceparent=f"00-{TRACE}-{PARENT}-01"))}
    whole = spans["rekognition:DetectFaces"]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
    assert spans["admit"].trace_id.hex() == TRACE
    assert whole.trace_state == ""


def test_a_trace_that_its_caller_does_not_record_is_not_sent(send, make_call):
    assert send(make_call(traceparent=f"00-{TRACE}-{PARENT}-00")) == []


@pytest.mark.parametrize("traceparent", [None, "", "x", f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01"])
def test_without_a_readable_parent_a_trace_begins_here(send, make_call, traceparent):
    whole = next(span for span in send(make_call(traceparent=traceparent)) if not span.parent_span_id)
    assert whole.trace_id.hex() != TRACE


def test_a_collector_that_does_not_answer_holds_nobody_up(names, make_call):
    """Neither calls, whose spans are dropped when too many wait, nor the end of the process."""
    with receiving(delay_s=60.0) as receiver:
        tracer = OtlpTracer(receiver.endpoint, names)
        started = time.monotonic()
        for _ in range(3000):
            tracer.call_ended(make_call())
        told = time.monotonic()
        tracer.close()
        closed = time.monotonic()
    assert told - started < 10, "3000 calls, 9000 spans"
    assert closed - told < 8


def test_a_collector_that_is_not_there_is_no_error_of_a_call(names, make_call):
    with receiving() as receiver:
        endpoint = receiver.endpoint
    tracer = OtlpTracer(endpoint, names)
    tracer.call_ended(make_call())
    tracer.close()
