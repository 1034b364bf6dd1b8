"""Threads whose work may be left."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import wait

import pytest

from countenance.importing.hands import Hands

LEAVES = """
import threading
from countenance.importing.hands import Hands
with Hands(2) as hands:
    hands.submit(threading.Event().wait)
print("left")
"""


def test_all_is_done_whatever_fails_among_it():
    threads = set()

    def work(number):
        threads.add(threading.current_thread())
        if number == 3:
            raise ValueError(number)
        return number

    with Hands(2) as hands:
        futures = [hands.submit(work, number) for number in range(20)]
        wait(futures, timeout=30)
        with pytest.raises(ValueError, match="3"):
            futures[3].result(0)
        assert [each.result(0) for each in futures if each is not futures[3]] == [
            number for number in range(20) if number != 3
        ]
    assert len(threads) <= 2
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_a_process_ends_though_one_of_its_threads_does_not():
    done = subprocess.run(
        [sys.executable, "-c", LEAVES], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "left\n"
