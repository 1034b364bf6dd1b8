from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("DetectLabels", b"{}", "UnsupportedOperationException"),
        ("DetectFaces", b"not json", "SerializationException"),
        ("DetectFaces", b"[]", "SerializationException"),
        ("DetectFaces", b'{"Image": "text"}', "SerializationException"),
        ("DetectFaces", b"{}", "ValidationException"),
        ("CreateCollection", b'{"CollectionId": "no spaces"}', "ValidationException"),
        ("CreateCollection", b'{"CollectionId": null}', "ValidationException"),
    ],
)
def test_a_body_that_is_not_a_request_of_the_operation_is_refused_in_this_order(bench, operation, body, code):
    answer, told = bench.call(operation, body)
    assert (answer.status, told["__type"]) == (400, code)
    assert bench.events()[:1] == []


def test_an_operation_that_is_not_offered_says_so(bench):
    """A 4xx: clients retry every 5xx, and test suites stall."""
    told = bench.call("DetectLabels", {})[1]
    assert told["message"] == "`DetectLabels` is not offered by Countenance yet"
