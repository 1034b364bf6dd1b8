"""An account's entries of a time: exact at both ends, and gone to without looking through what is between."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countenance.audit.log_times import OUT_OF_ORDER
from countenance.audit.tree import LogTree
from countenance.errors import InvalidPaginationTokenException
from countenance.operations.governance import audit_entries
from events import an_event
from whole_log import whole_log

START = datetime(2027, 3, 1, tzinfo=UTC)
MINUTE, MILLISECOND = timedelta(minutes=1), timedelta(milliseconds=1)
ORDERS = ("OLDEST_FIRST", "NEWEST_FIRST")


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def ask(call, log):
    return replace(call, database=log.database, audit=log.audit, log=LogTree())


@pytest.fixture
def put(log, account, other_call):
    """Put calls of the account with these times into the log, in this order, others' between them."""

    def recorded(times, **changes):
        with log.database.transaction() as connection:
            for at in times:
                for account_id in (account.account_id, other_call.caller.account_id):
                    log.audit.record(connection, an_event(account_id=account_id, at=at, **changes))
        log.integrate()

    return recorded


def listed(ask, **filters):
    """The times of all that is listed, and how many pages it took."""
    times, token, pages = [], None, 0
    while pages == 0 or token:
        page = ask("ListAuditEntries", **filters, **({"NextToken": token} if token else {}))
        times += [datetime.fromtimestamp(entry["Time"], UTC) for entry in page["Entries"]]
        token, pages = page.get("NextToken"), pages + 1
    return times, pages


@pytest.mark.parametrize("order", ORDERS)
def test_a_day_far_back_is_one_page_however_much_came_since(ask, put, monkeypatch, order):
    """A page looks at few entries: it must begin at the day, and end with it, not at the log's end."""
    monkeypatch.setattr(audit_entries, "_LOOKED_AT", 8)
    times = [START + hour * timedelta(hours=1) for hour in range(120)]
    put(times)
    for day, many in ((0, 24), (2, 24), (4, 24), (5, 0), (-1, 0)):
        begin = START + day * timedelta(days=1)
        filters = {"StartTime": begin, "EndTime": begin + timedelta(days=1), "Order": order}
        found, pages = listed(ask, **filters)
        expected = [at for at in times if begin <= at < begin + timedelta(days=1)]
        assert found == (expected if order == "OLDEST_FIRST" else expected[::-1])
        assert (len(found), pages) == (many, max(1, many // 8))


@pytest.mark.parametrize("order", ORDERS)
def test_both_ends_are_exact_to_the_millisecond(ask, put, order):
    """From the beginning on, before the end: whoever joins two lists has each entry once."""
    put([START, START + MILLISECOND, START + 2 * MILLISECOND, START + 3 * MILLISECOND])

    def milliseconds(**filters):
        times, _ = listed(ask, Order=order, **filters)
        return sorted(round((at - START) / MILLISECOND) for at in times)

    assert milliseconds(StartTime=START + MILLISECOND, EndTime=START + 3 * MILLISECOND) == [1, 2]
    assert milliseconds(StartTime=START + 0.4 * MILLISECOND, EndTime=START + 2.4 * MILLISECOND) == [1, 2]
    assert milliseconds(StartTime=START + 3 * MILLISECOND, EndTime=START + 3 * MILLISECOND) == []
    assert milliseconds(StartTime=START + 3 * MILLISECOND, EndTime=START) == []
    assert milliseconds(EndTime=START) == []
    assert milliseconds(StartTime=datetime.min.replace(tzinfo=UTC), EndTime=START + MILLISECOND) == [0]
    assert milliseconds(StartTime=START + 2 * MILLISECOND) == [2, 3, *milliseconds(StartTime=START + MINUTE)]
    assert milliseconds(StartTime=datetime.max.replace(tzinfo=UTC)) == []


@pytest.mark.parametrize("order", ORDERS)
def test_clocks_that_differ_and_calls_that_take_long_lose_nothing(ask, put, order):
    """Several servers write: whatever is out of order within what clocks can be off is found all the same."""
    chance = random.Random(7)  # no secret
    apart = OUT_OF_ORDER / MINUTE / 2
    times = [START + minute * MINUTE for minute in range(300)]
    put([at + chance.uniform(-apart, apart) * MINUTE for at in times])
    every = listed(ask, StartTime=START - timedelta(days=1), Order=order)[0]
    assert len(every) == 300
    for _ in range(25):
        begin = START + chance.uniform(-20, 320) * MINUTE
        end = begin + chance.uniform(0, 90) * MINUTE
        found, _ = listed(ask, StartTime=begin, EndTime=end, Order=order, MaxResults=30)
        assert found == [at for at in every if begin <= at < end]


@pytest.mark.parametrize("order", ORDERS)
def test_an_entry_a_minute_before_its_predecessor_is_of_its_own_time(ask, put, order):
    times = [START, START + MINUTE, START + 10 * MINUTE, START + 9 * MINUTE, START + 11 * MINUTE]
    put(times)
    filters = {"Order": order, "StartTime": START + 9 * MINUTE, "EndTime": START + 10 * MINUTE}
    assert listed(ask, **filters)[0] == [START + 9 * MINUTE]
    filters |= {"StartTime": START + 10 * MINUTE, "EndTime": START + 11 * MINUTE}
    assert listed(ask, **filters)[0] == [START + 10 * MINUTE]


@pytest.mark.parametrize("wrong", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)])
def test_a_few_entries_of_a_clock_gone_mad_hide_none_of_the_others(ask, put, wrong):
    """One machine that booted in 1970 must not take a month of evidence out of sight."""
    times = [START + minute * MINUTE for minute in range(400)]
    put([wrong if number % 3 == 1 else at for number, at in enumerate(times)])
    for begin in (0, 40, 199, 200, 350):
        filters = {"StartTime": START + begin * MINUTE, "EndTime": START + (begin + 30) * MINUTE}
        expected = [at for number, at in enumerate(times) if number % 3 != 1 and begin <= number < begin + 30]
        for order in ORDERS:
            found, _ = listed(ask, **filters, Order=order)
            assert found == (expected if order == "OLDEST_FIRST" else expected[::-1])


@pytest.mark.parametrize("order", ORDERS)
def test_time_operation_and_outcome_are_asked_for_together(ask, put, monkeypatch, order):
    """Who looks for what was refused last Tuesday; and tokens go on with all of it."""
    monkeypatch.setattr(audit_entries, "_LOOKED_AT", 7)
    refused = {"outcome": "refused", "decision": "deny", "error_code": "AccessDeniedException"}
    for hour in range(15):
        at = START + timedelta(hours=hour)
        put([at], operation="SearchFaces", **refused)
        put([at], operation="SearchFaces")
        put([at], operation="IndexFaces", **refused)
    filters = {
        "Operation": "SearchFaces",
        "Outcome": "refused",
        "StartTime": START + timedelta(hours=5),
        "EndTime": START + timedelta(hours=12),
    }
    found, pages = listed(ask, **filters, Order=order, MaxResults=2)
    expected = [START + timedelta(hours=hour) for hour in range(5, 12)]
    assert found == (expected if order == "OLDEST_FIRST" else expected[::-1])
    assert pages <= 7
    first = ask("ListAuditEntries", **filters, Order=order, MaxResults=2)
    for other in ({"Outcome": "answered"}, {"StartTime": START}):
        with pytest.raises(InvalidPaginationTokenException):
            ask("ListAuditEntries", **(filters | other), Order=order, NextToken=first["NextToken"])
    assert listed(ask, Outcome="answered")[0] == [START + timedelta(hours=hour) for hour in range(15)]
