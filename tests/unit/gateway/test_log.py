from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest

from countenance.gateway.call import Call, Head
from countenance.gateway.log import Fault, log_call
from countenance.store.queries import load_queries


@pytest.fixture
def call():
    received = datetime(2026, 11, 22, 10, 0, 0, 123000, tzinfo=UTC)
    return Call(head=Head(method="POST", path="/", query="", headers={}, received_at=received))


def test_a_line_is_names_and_values(call, caplog):
    caplog.set_level(logging.INFO, "countenance.calls")
    log_call(call, status=400, error_code="UnknownOperationException", log_format="text")
    line = caplog.messages[0]
    assert line.startswith(f"time=2026-11-22T10:00:00.123+00:00 request={call.head.event_id} status=400 ")
    assert " error=UnknownOperationException ms=" in line
    assert "None" not in line


def test_a_line_can_be_json(call, caplog):
    caplog.set_level(logging.INFO, "countenance.calls")
    log_call(call, status=200, log_format="json")
    facts = json.loads(caplog.messages[0])
    assert facts["status"] == 200
    assert set(facts) == {"time", "request", "status", "ms"}


def test_a_fault_tells_its_type_and_our_line_and_never_its_message(call, caplog):
    """An exception's message may quote the request."""
    with pytest.raises(FileNotFoundError) as caught:
        load_queries("countenance.store", "a photograph")
    fault = Fault.of(caught.value)
    log_call(call, status=500, fault=fault, log_format="text")
    assert caplog.records[0].levelno == logging.ERROR
    assert "fault=FileNotFoundError at=store/queries.py:" in caplog.text
    assert "photograph" not in caplog.text


def test_a_fault_outside_our_code_has_no_place():
    assert Fault.of(ValueError("a photograph")) == Fault("ValueError", "-")
