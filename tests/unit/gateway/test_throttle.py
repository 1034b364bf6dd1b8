from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

from countenance.errors import RequestEntityTooLargeException, ThrottlingException, ValidationException
from countenance.gateway.throttle import MAX_BODY_BYTES, Budget, parse_announced_bytes
from countenance.telemetry import Metrics

A, B = "a", "b"


def test_bytes_are_given_back_when_a_call_ends():
    """A budget that leaked would throttle everybody in the end."""
    budget = Budget(max_bytes=100, max_calls=2)
    with budget.enter(A, announced_bytes=60) as share:
        share.take(60)
        assert (budget.bytes_in_flight, budget.calls_in_flight) == (60, 1)
    assert (budget.bytes_in_flight, budget.calls_in_flight) == (0, 0)


def test_bytes_are_given_back_when_a_call_breaks_off():
    budget = Budget(max_bytes=100, max_calls=2)
    share = budget.enter(A, announced_bytes=60)
    share.take(60)
    with pytest.raises(ThrottlingException), share:
        share.take(60)
    assert (budget.bytes_in_flight, budget.calls_in_flight) == (0, 0)


def test_a_body_that_would_not_fit_is_throttled_before_it_is_read():
    budget = Budget(max_bytes=100, max_calls=2)
    with budget.enter(A, announced_bytes=0) as share:
        share.take(60)
        with pytest.raises(ThrottlingException):
            budget.enter(A, announced_bytes=41)
        with budget.enter(B, announced_bytes=40):
            pass


def test_announced_bytes_take_no_room_until_they_arrive():
    """Else a client could lock out the others by announcing and sending nothing."""
    budget = Budget(max_bytes=100, max_calls=3)
    with budget.enter(A, announced_bytes=100), budget.enter(B, announced_bytes=100) as share:
        share.take(100)


def test_an_account_waits_for_what_it_was_promised_itself():
    """It would only be refused later, with half of the bodies sent."""
    budget = Budget(max_bytes=100, max_calls=10)
    with budget.enter(A, announced_bytes=60), pytest.raises(ThrottlingException) as caught:
        budget.enter(A, announced_bytes=60)
    assert caught.value.limit == "share"


@pytest.mark.parametrize(("accounts", "each"), [(1, 2 / 3), (2, 2 / 5), (5, 2 / 11)])
def test_greedy_accounts_share_and_leave_room_for_one_more(accounts, each):
    """Twice what is free, and no more: whoever comes new is let in, however many were greedy before."""
    budget = Budget(max_bytes=1000, max_calls=1000)
    held = dict.fromkeys(range(accounts), 0)
    with ExitStack() as stack:
        for _ in range(1000):
            for account in held:
                with suppress(ThrottlingException):
                    share = stack.enter_context(budget.enter(account, announced_bytes=1))
                    share.take(1)
                    held[account] += 1
        assert all(abs(count - 1000 * each) <= 3 for count in held.values()), held
        with budget.enter("new", announced_bytes=40) as share:
            share.take(40)
    assert (budget.bytes_in_flight, budget.calls_in_flight, budget._held) == (0, 0, {})


def test_the_only_call_of_an_account_may_be_as_large_as_there_is_room():
    budget = Budget(max_bytes=100, max_calls=10)
    with budget.enter(A, announced_bytes=0) as share:
        for _ in range(10):
            share.take(10)


def test_a_body_that_goes_on_when_others_have_come_is_stopped_at_its_share():
    """Nothing that was granted before lets it crowd out who came since."""
    budget = Budget(max_bytes=100, max_calls=10)
    with budget.enter(A, announced_bytes=0) as first, budget.enter(A, announced_bytes=0) as second:
        first.take(40)
        with pytest.raises(ThrottlingException) as caught:
            for _ in range(60):
                second.take(1)
        assert caught.value.limit == "share"
        with budget.enter(B, announced_bytes=20) as share:
            share.take(20)


def test_an_answer_counts_in_place_of_the_body():
    """Whoever does not read what it is answered holds its own account's room, as long as it lasts."""
    budget = Budget(max_bytes=100, max_calls=10)
    with budget.enter(A, announced_bytes=60) as share:
        share.take(60)
        share.keep(10)
        assert budget.bytes_in_flight == 10
        share.keep(200)
        assert budget.bytes_in_flight == 200
        with pytest.raises(ThrottlingException):
            budget.enter(B, announced_bytes=0)
    assert (budget.bytes_in_flight, budget._held) == (0, {})


def test_bytes_beyond_the_budget_are_refused_as_they_arrive_and_not_counted():
    budget = Budget(max_bytes=100, max_calls=2)
    with budget.enter(A, announced_bytes=0) as share:
        share.take(100)
        with pytest.raises(ThrottlingException):
            share.take(1)
        assert budget.bytes_in_flight == 100
    assert budget.bytes_in_flight == 0


def test_calls_beyond_the_number_are_throttled():
    budget = Budget(max_bytes=100, max_calls=1)
    with budget.enter(A, announced_bytes=0), pytest.raises(ThrottlingException):
        budget.enter(A, announced_bytes=0)
    with budget.enter(A, announced_bytes=0):
        pass


def test_what_is_in_flight_is_told_as_it_changes():
    """The last word is nothing, also after a call that broke off."""

    class Listening(Metrics):
        def in_flight(self, *, calls, size_bytes):
            heard.append((calls, size_bytes))

    heard = []
    budget = Budget(max_bytes=100, max_calls=2, metrics=Listening())
    with pytest.raises(ThrottlingException), budget.enter(A, announced_bytes=0) as share:
        share.take(60)
        share.take(60)
    assert heard == [(1, 0), (1, 60), (0, 0)]


@pytest.mark.parametrize(
    ("headers", "announced"),
    [({}, 0), ({"content-length": "12"}, 12), ({"transfer-encoding": "chunked"}, None)],
)
def test_the_length_of_a_body_is_read_from_its_head(headers, announced):
    assert parse_announced_bytes(headers) == announced


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "twelve"},
        {"content-length": "-1"},
        {"content-length": "12,12"},
        {"content-length": "²"},
        {"content-length": "9" * 5000},
        {"content-length": ""},
        {"content-length": "12", "transfer-encoding": "chunked"},
    ],
)
def test_a_length_that_is_none_or_ambiguous_is_refused(headers):
    """Two readings of one body are how requests are smuggled past a proxy."""
    with pytest.raises(ValidationException):
        parse_announced_bytes(headers)


def test_a_body_longer_than_any_request_is_refused_with_both_numbers():
    assert parse_announced_bytes({"content-length": str(MAX_BODY_BYTES)}) == MAX_BODY_BYTES
    with pytest.raises(RequestEntityTooLargeException, match=r"16777216.*16777217"):
        parse_announced_bytes({"content-length": str(MAX_BODY_BYTES + 1)})
