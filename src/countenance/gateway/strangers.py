"""How many refusals that cost nothing are recorded one by one: of strangers, and by limits.

An entry in the log is for good. Whoever is signed by nobody's key pays nothing for one, nor does an account
that calls more often than it may. Up to a rate each such refusal has an entry and a receipt of its own; what
goes beyond is refused just the same, and counted in an entry of kind `refusals`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from countenance.audit import record_statement
from countenance.store import Connection

PER_SECOND = 5.0
BURST = 100.0
_MOST_BUCKETS = 10_000


class Strangers:
    """A token bucket for one process. Thread-safe."""

    def __init__(
        self,
        *,
        per_second: float = PER_SECOND,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = burst
        self._filled_s = clock()
        self._uncounted = 0

    def admit(self) -> bool:
        """Whether one more is recorded by itself; if not, it is counted."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_s) * self._per_second)
            self._filled_s = now
            if self._tokens < 1:
                self._uncounted += 1
                return False
            self._tokens -= 1
            return True

    @property
    def uncounted(self) -> int:
        """How many were not recorded by themselves since the last time."""
        return self._uncounted

    def record_uncounted(self, connection: Connection, **of: str) -> None:
        """Record how many were not recorded by themselves since the last time, if any, and of whom."""
        with self._lock:
            count, self._uncounted = self._uncounted, 0
        if count:
            try:
                record_statement(connection, "refusals", {"count": count, **of})
            except BaseException:
                with self._lock:
                    self._uncounted += count
                raise


class Throttled:
    """For each account whose own calls a limit refuses, a bucket as strangers have one. Thread-safe."""

    def __init__(self, *, per_second: float = 1.0, burst: float = 20.0) -> None:
        self._per_second = per_second
        self._burst = burst
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, Strangers] = OrderedDict()

    def admit(self, account_id: str) -> bool:
        """Whether one more of the account is recorded by itself; if not, it is counted."""
        return self._bucket(account_id).admit()

    def record_uncounted(self, connection: Connection, pseudonym_of: Callable[[str], str]) -> None:
        """Record of every account how many were not recorded by themselves since the last time.

        Args:
            pseudonym_of: what stands in the log for an account.
        """
        with self._lock:
            due = [(account_id, each) for account_id, each in self._buckets.items() if each.uncounted]
        for account_id, bucket in due:
            bucket.record_uncounted(connection, account=pseudonym_of(account_id))

    def _bucket(self, account_id: str) -> Strangers:
        with self._lock:
            bucket = self._buckets.get(account_id)
            if bucket is None:
                bucket = self._buckets[account_id] = Strangers(per_second=self._per_second, burst=self._burst)
            self._buckets.move_to_end(account_id)
            oldest = next(iter(self._buckets))
            if len(self._buckets) > _MOST_BUCKETS and not self._buckets[oldest].uncounted:
                del self._buckets[oldest]
            return bucket
