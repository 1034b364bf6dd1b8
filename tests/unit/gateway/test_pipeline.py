from __future__ import annotations

from pathlib import Path

import pytest

import countenance.gateway.pipeline
from countenance.gateway.call import Admitted, Answer
from countenance.store import Database
from fixtures_gateway import header


def test_the_list_of_steps_stays_short_enough_to_be_read_first():
    source = Path(countenance.gateway.pipeline.__file__).read_text()
    assert len(source.splitlines()) < 100


def test_a_good_call_is_admitted_by_its_head_and_answered_with_its_body(bench):
    body = b'{"Image": {"Bytes": "AAAAAAAA"}}'
    admitted = bench.pipeline.admit(bench.head("DetectFaces", body))
    assert isinstance(admitted, Admitted)
    assert admitted.announced_bytes == len(body)
    answer = bench.pipeline.answer(admitted, body)
    assert (answer.status, answer.body) == (200, b'{"FaceDetails":[{"Confidence":6.0}]}')


def test_admission_leaves_no_event_of_its_own(bench):
    bench.pipeline.admit(bench.head("DetectFaces", b"{}"))
    assert bench.events() == []


def test_every_step_that_refuses_leaves_an_event(bench):
    """Whatever names an operation of ours is on record, and where it stopped."""
    stops = [
        ("DetectFaces", b"{}", {"access_key_id": "AKIA" + "A" * 16}, "none", "UnrecognizedClientException"),
        ("DetectFaces", b"{}", {"secret": "wrong"}, "none", "InvalidSignatureException"),
        ("DetectLabels", b"{}", {}, "none", "UnsupportedOperationException"),
        ("DetectFaces", b"[", {}, "none", "SerializationException"),
        ("DetectFaces", b"{}", {}, "none", "ValidationException"),
        ("DescribeCollection", b'{"CollectionId": "c"}', {}, "allow", "ResourceNotFoundException"),
    ]
    for operation, body, changes, decision, code in stops:
        answer, told = bench.call(operation, body, **changes)
        event = bench.event(header(answer, "x-countenance-event-id"))
        assert told["__type"] == code
        assert (event["operation"], event["decision"], event["outcome"], event["error"]) == (
            operation,
            decision,
            "refused",
            code,
        )


def test_one_line_is_logged_for_each_call_and_nothing_of_its_body(bench, caplog):
    caplog.set_level("INFO", "countenance.calls")
    bench.call("CreateCollection", {"CollectionId": "a-name-of-theirs"})
    bench.call("DescribeCollection", {"CollectionId": "another-name-of-theirs"})
    bench.call("DetectFaces", b"{}", access_key_id="AKIA" + "A" * 16)
    lines = [record.getMessage() for record in caplog.records if record.name == "countenance.calls"]
    assert len(lines) == 3
    assert f"operation=rekognition:CreateCollection account={bench.account.account_id} status=200" in lines[0]
    assert "error=ResourceNotFoundException" in lines[1]
    assert "account=" not in lines[2]
    assert "name-of-theirs" not in "".join(lines)


def test_without_a_database_every_call_fails_closed(make_bench, database_url, caplog):
    """No record, no answer; and the process goes on."""
    with Database(database_url, max_connections=1) as own:
        bench = make_bench(database=own)
        body = b'{"CollectionId": "faces"}'
        admitted = bench.pipeline.admit(bench.head("CreateCollection", body))
        assert bench.pipeline.is_healthy()
    answer = bench.pipeline.answer(admitted, body)
    assert isinstance(answer, Answer)
    assert answer.status == 500
    assert header(answer, "x-countenance-event-id") is None
    assert not bench.pipeline.is_healthy()
    assert "fault=StoreUnavailable" in caplog.text


def test_a_call_that_gave_way_to_another_in_the_database_may_be_tried_again(bench):
    """A deadlock is nobody's fault and over at once: throttled calls are retried by every SDK."""

    def give_way(request, deps):
        deps.uow.connection.execute("do $$ begin raise exception using errcode = '40P01'; end $$")

    bench.operations["rekognition"]["DetectFaces"] = give_way
    answer, told = bench.call("DetectFaces", {"Image": {"Bytes": "AAAA"}})
    assert (answer.status, told["__type"]) == (400, "ThrottlingException")
    assert bench.events()[0].members["outcome"] == "refused"


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_empty_body_is_an_empty_request(bench, body):
    assert bench.call("GetCallerIdentity", body, service="countenance")[0].status == 200


def test_a_panic_of_a_native_library_ends_in_an_answer_and_an_event(bench):
    """Rust's panics (Cedar, cryptography) arrive as a BaseException, which `except Exception` lets pass."""

    class PanicException(BaseException):
        pass

    def panic(request, deps):
        bench.operations["rekognition"]["CreateCollection"] = create
        create(request, deps)
        raise PanicException("a secret of theirs")

    create = bench.operations["rekognition"]["CreateCollection"]
    bench.operations["rekognition"]["CreateCollection"] = panic
    answer, told = bench.call("CreateCollection", {"CollectionId": "faces"})
    assert (answer.status, told["__type"]) == (500, "InternalServerError")
    assert bench.event(header(answer, "x-countenance-event-id"))["outcome"] == "failed"
    assert bench.call("CreateCollection", {"CollectionId": "faces"})[0].status == 200
