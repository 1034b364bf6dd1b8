from __future__ import annotations

import pytest

from countenance.cli.standstill import Standstill


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def seconds_after(clock, looks, *, every_s=5.0):
    """What is known at the last of these looks, each a size and whether anything waits."""
    standstill = Standstill(clock)
    for size, waits in looks:
        clock.now += every_s
        standstill.heed(size, 1.0 if waits else None)
    return standstill.seconds()


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ([(7, True)] * 5, 20.0),
        ([(7, False)] * 5, 0.0),
        ([(size, True) for size in range(5)], 0.0),  # a backlog that is worked off
        ([(7, True)] * 5 + [(8, True)], 0.0),
        ([(7, True)] * 5 + [(7, False)], 0.0),
        ([(7, False), (7, True), (7, True)], 5.0),
    ],
)
def test_it_lasts_while_something_waits_and_the_log_does_not_grow(clock, looks, seconds):
    assert seconds_after(clock, looks) == seconds


def test_what_was_not_looked_at_is_not_known(clock):
    """A database that did not answer: the sequencer could do nothing either."""
    standstill = Standstill(clock)
    for _ in range(3):
        clock.now += 5
        standstill.heed(7, 1.0)
    clock.now += 60
    assert standstill.seconds() == 0.0
    standstill.heed(7, 1.0)
    assert standstill.seconds() == 0.0


def test_nothing_is_known_before_the_first_look():
    assert Standstill().seconds() == 0.0
