"""Threads that run calls. Accounts that wait take turns, however many calls each of them has waiting."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

_COMPANY_S: Final = 10.0
"""For how long after an account's call the others leave room for its next one."""


class Holder(NamedTuple):
    """On whose account something is done, and whether the reserve is open to it."""

    account_id: str
    reserved: bool = False


@dataclass(slots=True)
class _Line:
    """One holder's: what waits, and how much runs."""

    waiting: deque[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=deque)
    running: int = 0


class FairPool:
    """`threads` for everybody and `reserve` more, which only holders with `reserved` may use. Thread-safe.

    Holders with calls waiting take turns, one call each. Alone, one may have every thread; while others have
    called within the last few seconds, `in_company` of them, so that who calls now and then finds one free
    and cores that are not all taken.
    """

    def __init__(
        self, threads: int, *, reserve: int, in_company: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most_in_company = in_company
        self._most_alone = threads + reserve
        self._reserve = reserve
        self._clock = clock
        self._changed = threading.Condition()
        self._lines: OrderedDict[Holder, _Line] = OrderedDict()
        self._called_at: OrderedDict[Holder, float] = OrderedDict()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(number >= threads,), name=f"answer_{number}")
            for number in range(threads + reserve)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Calls that no thread has begun."""
        with self._changed:
            return sum(len(line.waiting) for line in self._lines.values())

    def submit(self, holder: Holder, work: Callable[[], Any]) -> Future[Any]:
        """Run `work` when it is the holder's turn.

        Raises:
            RuntimeError: the pool was shut down.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._stopping:
                raise RuntimeError("no call is begun after the last")
            self._note_call(holder)
            self._lines.setdefault(holder, _Line()).waiting.append((future, work))
            self._changed.notify_all()
        return future

    def withdraw(self, holder: Holder, future: Future[Any]) -> bool:
        """Give up what no thread has begun; whether it was given up. It holds nothing any more then."""
        with self._changed:
            line = self._lines.get(holder)
            found = next((each for each in line.waiting if each[0] is future), None) if line else None
            if line is None or found is None:
                return False
            line.waiting.remove(found)
            self._forget_if_idle(holder, line)
            future.cancel()
            return True

    def shutdown(self) -> None:
        """Return when what was submitted has been run; nothing more is taken."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self, only_reserved: bool) -> None:
        while (taken := self._await_turn(only_reserved=only_reserved)) is not None:
            holder, (future, work) = taken
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  # whoever waits for the future is told
                future.set_exception(error)
            finally:
                del taken, future, work  # a thread that waits for its next call keeps nothing of the last
                self._end_turn(holder)

    def _await_turn(
        self, *, only_reserved: bool
    ) -> tuple[Holder, tuple[Future[Any], Callable[[], Any]]] | None:
        with self._changed:
            while True:
                holder = self._next_holder(only_reserved=only_reserved)
                if holder is not None:
                    line = self._lines[holder]
                    self._lines.move_to_end(holder)  # behind all others
                    line.running += 1
                    job = line.waiting.popleft()
                    job[0].set_running_or_notify_cancel()
                    return holder, job
                if self._stopping and not any(line.waiting for line in self._lines.values()):
                    return None
                self._changed.wait()

    def _next_holder(self, *, only_reserved: bool) -> Holder | None:
        for holder, line in self._lines.items():
            if not line.waiting or (only_reserved and not holder.reserved):
                continue
            if line.running < self._most_of(holder):
                return holder
        return None

    def _most_of(self, holder: Holder) -> int:
        if self._is_alone(holder):
            return self._most_alone
        # An officer's long look over all accounts keeps nobody of the house from ending a flood.
        return max(self._most_in_company, self._reserve) if holder.reserved else self._most_in_company

    def _is_alone(self, holder: Holder) -> bool:
        oldest = self._clock() - _COMPANY_S
        return not any(
            at > oldest for other, at in self._called_at.items() if other.account_id != holder.account_id
        )

    def _note_call(self, holder: Holder) -> None:
        now = self._clock()
        self._called_at[holder] = now
        self._called_at.move_to_end(holder)
        while next(iter(self._called_at.values())) <= now - _COMPANY_S:
            self._called_at.popitem(last=False)

    def _end_turn(self, holder: Holder) -> None:
        with self._changed:
            line = self._lines[holder]
            line.running -= 1
            self._forget_if_idle(holder, line)
            self._changed.notify_all()

    def _forget_if_idle(self, holder: Holder, line: _Line) -> None:
        if not line.running and not line.waiting:
            del self._lines[holder]
