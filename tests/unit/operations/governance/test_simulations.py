"""SimulatePolicy over an account's log: what it reads for what it judges, and where it goes on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from countenance.audit.own_entries import BEHIND_ALL
from countenance.errors import InvalidPaginationTokenException
from countenance.operations.governance import simulations
from countenance.operations.governance.simulations import _Place, _read
from countenance.transparency.canonical import parse_time
from events import an_event
from whole_log import whole_log

START = datetime(2027, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def deps(log, account):
    """As much of an operation's dependencies as reading takes; a call every ten minutes for five hours."""
    with log.database.transaction() as connection:
        for number in range(30):
            event = an_event(account_id=account.account_id, at=START + number * 10 * MINUTE)
            log.audit.record(connection, event)
    log.integrate()
    return SimpleNamespace(
        audit=log.audit,
        caller=SimpleNamespace(account_id=account.account_id),
        house=SimpleNamespace(database=log.database),
    )


def minutes_of(entries):
    return [(parse_time(json.loads(each)["time"]) - START) // MINUTE for each in entries]


def test_each_stretch_has_the_hour_before_it(deps):
    """Its rates are those of the whole log; the stretch that begins where the time does has it as well."""
    place = _Place(BEHIND_ALL, BEHIND_ALL, START + 100 * MINUTE)
    seen = []
    while True:
        read = _read(place, 10, deps)
        stretch, before = minutes_of(read.entries), minutes_of(read.earlier)
        assert [each for each in before if each > stretch[0] - 60] == [
            stretch[0] - back for back in (50, 40, 30, 20, 10)
        ]
        assert all(each < stretch[0] for each in before)
        assert read.newer == len(seen)
        seen = stretch + seen
        place = read.at
        if not read.older:
            break
    # at the end the stretch is as long as was asked for, and the hour before is read all the same
    assert (seen, len(stretch)) == ([*range(100, 300, 10)], 10)


def test_the_hour_before_is_bounded(deps, monkeypatch):
    monkeypatch.setattr(simulations, "_HOUR_ENTRIES", 2)
    read = _read(_Place(BEHIND_ALL, BEHIND_ALL, None), 10, deps)
    assert minutes_of(read.earlier) == [180, 190]


@pytest.mark.parametrize(
    "since", [None, START, START - timedelta(days=400_000), START.replace(microsecond=7)]
)
def test_a_place_is_what_it_was_written_as(since):
    place = _Place(3, BEHIND_ALL, since)
    assert _Place.of(str(place)) == place


@pytest.mark.parametrize("text", ["123", "1:2", "1:2:3:4", "a:b:c"])
def test_a_token_of_another_kind_is_none(text):
    """One of before this format, for example: it is for the caller to begin anew."""
    with pytest.raises(InvalidPaginationTokenException):
        _Place.of(text)
