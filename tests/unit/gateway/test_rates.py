"""Rates that all processes keep together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countenance.gateway import rates as module
from countenance.gateway.rates import Rate, Rates, create_rates

SECOND = 1_000_000_000
HELPER = Path(__file__).parents[2] / "rate_taker.py"


class Clock:
    def __init__(self):
        self.ns = 5 * SECOND

    def __call__(self):
        return self.ns


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def table():
    return create_rates()


@pytest.fixture
def rates(clock, table):
    made = Rates(table, clock_ns=clock)
    yield made
    made.close()


def taken(rates, key, rate, times):
    return sum(rates.take(key, rate) for _ in range(times))


def test_a_burst_is_granted_and_then_as_many_as_the_rate_allows(rates, clock):
    rate = Rate(per_s=10, burst=5)
    assert taken(rates, "a", rate, 20) == 5
    assert not rates.has_room("a", rate)
    clock.ns += SECOND // 10
    assert rates.has_room("a", rate)
    assert taken(rates, "a", rate, 20) == 1
    clock.ns += SECOND
    assert taken(rates, "a", rate, 20) == 5, "a rest is worth a burst and no more"


@pytest.mark.parametrize("per_s", [0.5, 3, 50, 100_000])
@pytest.mark.parametrize("burst", [1, 7])
def test_over_a_long_time_the_rate_is_what_it_says(rates, clock, per_s, burst):
    """Asked often or seldom: never more than the burst and the rate's own."""
    rate, granted = Rate(per_s, burst), 0
    steps = 2000
    for _ in range(steps):
        clock.ns += round(SECOND / per_s / 4) + 1
        granted += rates.take("a", rate)
    assert abs(granted - (burst + steps / 4)) <= 2


def test_a_refused_call_costs_nothing(rates, clock):
    """Else whoever goes on asking would never be let in again."""
    rate = Rate(per_s=1, burst=1)
    assert taken(rates, "a", rate, 1000) == 1
    clock.ns += SECOND
    assert rates.take("a", rate)


def test_keys_have_nothing_to_do_with_one_another(rates):
    rate = Rate(per_s=1, burst=1)
    assert [rates.take(f"account-{number}", rate) for number in range(500)] == [True] * 500


def test_a_look_takes_nothing(rates):
    rate = Rate(per_s=1, burst=1)
    assert all(rates.has_room("a", rate) for _ in range(10))
    assert rates.take("a", rate)


def test_a_row_that_is_full_of_keys_in_use_goes_on(rates, clock, monkeypatch):
    """Whoever gives a cell up has a burst more than it should; nobody is refused for want of a cell."""
    monkeypatch.setattr(module, "_ROWS", 1)
    rate = Rate(per_s=1, burst=2)
    assert all(rates.take(f"k{number}", rate) for number in range(100))
    clock.ns += 60 * SECOND
    assert taken(rates, "new", rate, 5) == 2


def test_a_slower_rate_before_keeps_nobody_out_for_longer_than_the_new_ones_burst(rates, clock):
    """An account that gets a higher rate need not wait for the end of what the lower one had owed."""
    assert taken(rates, "a", Rate(per_s=0.01, burst=10), 20) == 10
    fast = Rate(per_s=100, burst=10)
    clock.ns += SECOND // 100
    assert not rates.has_room("a", fast)
    clock.ns += SECOND
    # what it owed is a thousand seconds; no moment is believed beyond the burst that it is judged by
    assert taken(rates, "a", fast, 20) == 0
    rates.take("a", Rate(per_s=100, burst=10_000_000))
    assert rates.has_room("a", Rate(per_s=0.01, burst=100))


@pytest.mark.parametrize("junk", [b"\xff" * 8, b"\x7f" + b"\xff" * 7, bytes(8)])
def test_a_moment_that_makes_no_sense_does_not_keep_anybody_out(rates, clock, table, junk):
    """What a process wrote while it was killed."""
    rate = Rate(per_s=10, burst=5)
    rates.take("a", rate)
    digest, row = module._place("a")
    cell, _ = rates._find(digest, row)
    rates._map[cell + 16 : cell + 24] = junk
    granted = 0
    for _ in range(20):
        clock.ns += SECOND // 10
        granted += rates.take("a", rate)
    assert granted >= 15


def test_processes_keep_one_rate_together(table):
    """Four processes, each asking as fast as it can: what all got is what one might have got."""
    began = time.monotonic()
    takers = [
        subprocess.Popen(
            [sys.executable, str(HELPER), "take", str(table), "500", "100", "1.0"],
            pass_fds=(table,),
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    granted = [int(taker.communicate()[0]) for taker in takers]
    lasted = time.monotonic() - began
    os.close(table)
    assert min(granted) > 0
    assert 500 <= sum(granted) <= 100 + 500 * lasted + 4


def test_a_process_that_is_killed_with_a_lock_blocks_nobody(table):
    """The system takes its lock back."""
    holder = subprocess.Popen(
        [sys.executable, str(HELPER), "hold", str(table)], pass_fds=(table,), stdout=subprocess.PIPE
    )
    assert holder.stdout.read(1) == b"."
    rates = Rates(os.dup(table))
    waiting = subprocess.Popen(
        [sys.executable, str(HELPER), "take", str(table), "500", "100", "0.2"],
        pass_fds=(table,),
        stdout=subprocess.PIPE,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1.5)  # the control: the lock is held, and kept others waiting
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert int(waiting.communicate(timeout=20)[0]) > 0
    assert rates.take("account/face", Rate(per_s=1_000_000, burst=1_000_000))
    rates.close()
    os.close(table)
