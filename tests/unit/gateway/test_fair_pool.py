"""Who waits takes turns with the others."""

from __future__ import annotations

import threading
import time

import pytest

from countenance.gateway.fair_pool import FairPool, Holder

A, B, C = Holder("a"), Holder("b"), Holder("c")
OFFICER = Holder("house", reserved=True)


class Gate:
    """Work that waits until it is let through, and tells in which order it was begun."""

    def __init__(self):
        self.begun = []
        self.open = threading.Event()

    def work(self, name):
        def run():
            self.begun.append(name)
            assert self.open.wait(10)
            return name

        return run

    def await_begun(self, count):
        until = time.monotonic() + 5
        while len(self.begun) < count and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self.begun) == count, self.begun


@pytest.fixture
def gate():
    made = Gate()
    yield made
    made.open.set()


@pytest.fixture
def make_pool(gate):
    made = []

    def make(threads=1, *, reserve=0, in_company=1, **changes):
        made.append(FairPool(threads, reserve=reserve, in_company=in_company, **changes))
        return made[-1]

    yield make
    gate.open.set()
    for pool in made:
        pool.shutdown()


def test_work_is_run_and_its_result_and_error_are_told(make_pool):
    pool = make_pool()
    assert pool.submit(A, lambda: 7).result(5) == 7
    with pytest.raises(ZeroDivisionError):
        pool.submit(A, lambda: 1 / 0).result(5)
    assert pool.submit(A, lambda: 8).result(5) == 8


def test_accounts_take_turns_however_many_calls_each_has_waiting(make_pool, gate):
    pool = make_pool()
    futures = [pool.submit(A, gate.work("a"))]
    gate.await_begun(1)
    futures += [pool.submit(A, gate.work("a")) for _ in range(4)]
    futures += [pool.submit(holder, gate.work(holder.account_id)) for holder in (B, C, B)]
    assert pool.waiting == 7
    gate.open.set()
    for future in futures:
        future.result(5)
    assert "".join(gate.begun) == "abcabaaa" or "".join(gate.begun) == "aabcabaa"


def test_alone_an_account_has_every_thread_and_in_company_not(make_pool, gate):
    now = [0.0]
    pool = make_pool(4, in_company=2, clock=lambda: now[0])
    for _ in range(6):
        pool.submit(A, gate.work("a"))
    gate.await_begun(4)
    gate.open.set()
    until = time.monotonic() + 5
    while len(gate.begun) < 6 and time.monotonic() < until:
        time.sleep(0.005)
    gate.open.clear()
    gate.begun.clear()
    pool.submit(B, lambda: None).result(5)
    now[0] = 9.0
    for _ in range(6):
        pool.submit(A, gate.work("a"))
    gate.await_begun(2)
    time.sleep(0.1)
    gate.await_begun(2)
    assert pool.submit(B, lambda: "at once").result(5) == "at once"
    now[0] = 30.0
    pool.submit(A, gate.work("a"))  # the others have not called for a while
    gate.await_begun(4)


def test_the_reserve_is_for_whom_it_is_kept(make_pool, gate):
    """However full the rest is; and nobody else gets it."""
    pool = make_pool(2, reserve=1, in_company=2)
    for _ in range(5):
        pool.submit(A, gate.work("a"))
        pool.submit(B, gate.work("b"))
    gate.await_begun(2)
    assert pool.submit(OFFICER, lambda: "suspended").result(5) == "suspended"
    time.sleep(0.05)
    assert len(gate.begun) == 2


def test_two_calls_of_officers_run_beside_each_other(make_pool, gate):
    """A long look over all accounts, and a suspension."""
    pool = make_pool(2, reserve=2, in_company=1)
    pool.submit(A, gate.work("a"))
    pool.submit(OFFICER, gate.work("a long look"))
    gate.await_begun(2)
    assert pool.submit(OFFICER, lambda: "suspended").result(5) == "suspended"


def test_what_is_withdrawn_is_never_run_and_keeps_nothing(make_pool, gate):
    pool = make_pool()
    running = pool.submit(A, gate.work("running"))
    gate.await_begun(1)
    waiting = pool.submit(A, gate.work("waiting"))
    assert pool.withdraw(A, waiting)
    assert pool.waiting == 0
    assert waiting.cancelled()
    assert not pool.withdraw(A, running)
    assert not pool.withdraw(B, waiting)
    gate.open.set()
    assert running.result(5) == "running"
    assert pool.submit(A, lambda: gate.begun).result(5) == ["running"]


def test_nothing_is_kept_of_accounts_that_have_nothing_there(make_pool):
    now = [0.0]
    pool = make_pool(clock=lambda: now[0])
    for number in range(50):
        pool.submit(Holder(str(number)), lambda: None).result(5)
        now[0] += 1.0
    pool.submit(A, lambda: None).result(5)
    time.sleep(0.1)
    assert len(pool._called_at) <= 11
    assert len(pool._lines) == 0


def test_shutting_down_finishes_what_was_begun_and_what_waits(make_pool):
    pool = make_pool(2)
    futures = [pool.submit(Holder(str(number)), lambda: time.sleep(0.01)) for number in range(20)]
    pool.shutdown()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(RuntimeError):
        pool.submit(A, lambda: None)


def test_many_accounts_at_once_are_all_answered(make_pool):
    """A wake-up that is lost would leave somebody waiting for ever."""
    pool = make_pool(3, reserve=2, in_company=1)
    futures = []
    lock = threading.Lock()

    def calls(number):
        for turn in range(200):
            future = pool.submit(Holder(str(number % 5), reserved=turn % 3 == 0), lambda turn=turn: turn)
            with lock:
                futures.append(future)

    threads = [threading.Thread(target=calls, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(future.result(10) is not None for future in futures)
