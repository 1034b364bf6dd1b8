"""A call that is over, and what telemetry knows the names of."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime

import pytest

from countenance.telemetry import EndedCall, Step
from countenance.telemetry.names import Names

BEGAN_AT = datetime(2026, 11, 23, 3, 15, 13, tzinfo=UTC)


@pytest.fixture
def names():
    return Names({"rekognition": ["DetectFaces", "SearchFaces"]}, ["north", "south"])


@pytest.fixture
def make_call():
    """Makes a good DetectFaces of 0.2 s, but for `changes`."""

    def make(**changes):
        facts = {
            "service": "rekognition",
            "operation": "DetectFaces",
            "event_id": uuid.UUID(int=7),
            "outcome": "answered",
            "status": 200,
            "error_code": None,
            "was_read": True,
            "decision": "allow",
            "items": 3,
            "began_at": BEGAN_AT,
            "duration_s": 0.2,
            "steps": (Step("admit", 0.0, 0.05), Step("dispatch", 0.05, 0.2)),
            "traceparent": None,
        }
        return EndedCall(**(facts | changes))

    return make


@pytest.fixture(autouse=True)
def no_exporter_left():
    """An exporter that still waits for a dead collector draws random numbers in the tests that follow."""
    yield
    deadline = time.monotonic() + 60
    while any(thread.name.startswith(("Otel", "close traces")) for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
