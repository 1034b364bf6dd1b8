from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from countenance.gateway.call import Call, Head, Identified, advance, join_headers, received, stopped


@pytest.fixture
def head():
    headers = {"authorization": "secret"}
    return Head(method="POST", path="/", query="", headers=headers, received_at=datetime.now(UTC))


def test_a_step_keeps_what_the_call_carried(head, models):
    service = models.services["rekognition"]
    call = advance(Call(head=head), Identified, service=service, operation=service.operations["DetectFaces"])
    assert call.head is head
    assert call.qualified_name == "rekognition:DetectFaces"


def test_a_step_that_found_too_little_or_too_much_is_an_error(head):
    """A call is complete at every step, not a bag that fills up."""
    with pytest.raises(TypeError):
        advance(Call(head=head), Identified)
    with pytest.raises(TypeError):
        advance(Call(head=head), Call, verdict=None)
    with pytest.raises(FrozenInstanceError):
        Call(head=head).head = head


def test_a_call_knows_the_steps_it_has_taken(head, models):
    """Each begins where the one before it ended."""
    service = models.services["rekognition"]
    call = advance(Call(head=head), Identified, service=service, operation=service.operations["DetectFaces"])
    ended = stopped(received(call))
    assert isinstance(ended, Identified)
    assert [(step.name, step.has_failed) for step in ended.steps] == [
        ("identify", False),
        ("receive", False),
        ("authenticate", True),
    ]
    assert ended.steps[0].ended_s == ended.steps[1].began_s
    assert [(step.name, step.has_failed) for step in stopped(Call(head=head)).steps] == [("identify", True)]


def test_each_call_has_ids_of_its_own(head):
    other = Head(method="POST", path="/", query="", headers={}, received_at=head.received_at)
    assert head.event_id != other.event_id


def test_a_head_does_not_show_its_headers(head):
    """They hold the signature and the session token."""
    assert "secret" not in repr(head)


def test_a_repeated_header_does_not_shadow_the_first():
    """A second target or signature must not be what a proxy in front did not look at."""
    pairs = [(b"X-Amz-Target", b"A.One"), (b"host", b"h"), (b"x-amz-target", b"A.Two")]
    assert join_headers(pairs) == {"x-amz-target": "A.One,A.Two", "host": "h"}
