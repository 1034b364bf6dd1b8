"""One at a time, one who waits, and the others at once elsewhere."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from countenance.console.turnstile import Crowded, Turnstile


def test_of_many_at_once_one_is_in_one_waits_and_the_others_hold_no_thread():
    """A flood must not take the threads that pages are made on."""
    turnstile, inside, leave = Turnstile(patience_s=10), threading.Event(), threading.Event()
    seen: list[int] = []

    def work() -> None:
        with turnstile.turn():
            seen.append(len(seen))
            inside.set()
            assert leave.wait(10)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(work)
        assert inside.wait(10)
        second = pool.submit(work)
        while turnstile._places._value:  # until it waits
            time.sleep(0.01)
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(Crowded), turnstile.turn():
                pass
        assert time.monotonic() - began < 1
        assert seen == [0]
        leave.set()
        first.result(10)
        second.result(10)
    with turnstile.turn():
        pass


def test_who_waits_too_long_is_sent_away_and_leaves_the_place_to_another():
    turnstile, inside, leave = Turnstile(patience_s=0.05), threading.Event(), threading.Event()

    def work() -> None:
        with turnstile.turn():
            inside.set()
            assert leave.wait(10)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(work)
        assert inside.wait(10)
        for _ in range(3):
            with pytest.raises(Crowded), turnstile.turn():
                pass
        leave.set()
        first.result(10)
    with turnstile.turn():
        pass


def test_what_fails_inside_leaves_as_well():
    """An error is no reason to keep the door shut."""
    turnstile = Turnstile()
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"), turnstile.turn():
            raise ValueError("inside")
