from __future__ import annotations

import pytest

from countenance.errors import RequestTimeoutException, ThrottlingException
from countenance.telemetry import Metrics, Telemetry
from fixtures_gateway import header


class Listening(Metrics):
    """Keeps what it is told."""

    is_on = True

    def __init__(self):
        self.heard = []

    def call_ended(self, call):
        self.heard.append(call)


@pytest.fixture
def listening():
    return Listening()


@pytest.fixture
def bench(make_bench, listening):
    return make_bench(telemetry=Telemetry(metrics=listening))


def _names(call):
    return [step.name for step in call.steps]


def test_an_answered_call_is_told_with_every_step_in_its_order(bench, listening):
    trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    answer, _ = bench.call(
        "SearchFaces", {"CollectionId": "c", "FaceId": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, headers=trace
    )
    (call,) = listening.heard
    assert (call.service, call.operation) == ("rekognition", "SearchFaces")
    assert (call.outcome, call.status, call.error_code, call.decision) == ("answered", 200, None, "allow")
    assert (call.items, call.was_read, call.traceparent) == (2, True, trace["traceparent"])
    assert str(call.event_id) == header(answer, "x-countenance-event-id")
    assert _names(call) == [
        *("identify", "admit", "receive", "authenticate", "validate", "authorize", "dispatch", "record")
    ]
    times = [0.0, *(step.ended_s for step in call.steps), call.duration_s]
    assert times == sorted(times)
    assert [step.began_s for step in call.steps] == times[:-2], "each begins where the one before it ended"
    assert not any(step.has_failed for step in call.steps)


@pytest.mark.parametrize(
    ("operation", "body", "changes", "failed", "code"),
    [
        ("DetectFaces", b"{}", {"access_key_id": "AKIA" + "A" * 16}, "admit", "UnrecognizedClientException"),
        ("DetectFaces", b"{}", {"secret": "wrong"}, "authenticate", "InvalidSignatureException"),
        ("DetectFaces", b"[", {}, "validate", "SerializationException"),
        ("DescribeCollection", b'{"CollectionId": "c"}', {}, "dispatch", "ResourceNotFoundException"),
    ],
)
def test_a_refused_call_is_told_with_the_step_it_ended_in(
    bench, listening, operation, body, changes, failed, code
):
    """And the recording of the refusal comes after it."""
    bench.call(operation, body, **changes)
    (call,) = listening.heard
    assert (call.outcome, call.status, call.error_code, call.items) == ("refused", 400, code, None)
    assert [step.name for step in call.steps if step.has_failed] == [failed]
    assert _names(call)[-2:] == [failed, "record"]
    assert call.was_read == (failed != "admit")


@pytest.mark.parametrize("error", [ThrottlingException(), RequestTimeoutException()])
def test_a_call_whose_body_was_not_taken_ended_in_receiving_it(bench, listening, error):
    admitted = bench.pipeline.admit(bench.head("DetectFaces", b"{}"))
    bench.pipeline.refuse(admitted, error)
    (call,) = listening.heard
    assert (call.error_code, call.was_read, _names(call)[-2:]) == (error.code, False, ["receive", "record"])


def test_a_call_that_names_nothing_of_ours_has_no_name_and_no_event(bench, listening):
    bench.call("DetectFaces", b"{}", headers={"x-amz-target": "Theirs.Name"})
    (call,) = listening.heard
    assert (call.service, call.operation, call.event_id, call.decision) == (None, None, None, None)
    assert _names(call) == ["identify"]


def test_a_failure_is_one_and_a_denied_call_says_so(bench, listening):
    def fail(request, deps):
        raise RuntimeError

    bench.operations["rekognition"]["DetectFaces"] = fail
    bench.call("DetectFaces", {"Image": {"Bytes": "AAAA"}})
    arn = "arn:aws:rekognition:us-east-1:999999999999:collection/c"
    bench.call("ListTagsForResource", {"ResourceArn": arn})
    failed, denied = listening.heard
    assert (failed.outcome, failed.status, failed.decision) == ("failed", 500, "allow")
    assert (denied.outcome, denied.decision) == ("refused", "deny")
    assert [step.name for step in denied.steps if step.has_failed] == ["authorize"]
