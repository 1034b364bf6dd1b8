from __future__ import annotations

import pytest

from countenance.telemetry.names import UNKNOWN, member


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        (None, None),
        ("rekognition", None),
        ("rekognition", "a-name-of-theirs"),
        ("theirs", "DetectFaces"),
        ("rekognition", "detectfaces"),
    ],
)
def test_what_is_no_operation_of_ours_is_unknown(names, service, operation):
    """Also the service, so that no half of a pair comes from a request."""
    assert names.operation(service, operation) == (UNKNOWN, UNKNOWN)


def test_an_operation_of_ours_has_its_name(names):
    assert names.operation("rekognition", "DetectFaces") == ("rekognition", "DetectFaces")


def test_error_codes_and_statuses_are_those_of_our_errors(names):
    assert names.error("AccessDeniedException") == "AccessDeniedException"
    assert names.error("SerializationException") == "SerializationException"
    assert names.error("words of theirs") == UNKNOWN
    assert [names.status(status) for status in (200, 400, 413, 500, 299)] == [
        "200",
        "400",
        "413",
        "500",
        UNKNOWN,
    ]


def test_a_witness_that_the_settings_do_not_name_is_unknown(names):
    assert [member(name, names.witnesses) for name in ("north", "west")] == ["north", UNKNOWN]
