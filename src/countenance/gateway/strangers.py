"""How many calls of strangers, signed by nobody's key, are recorded one by one.

An entry in the log is for good, and a stranger pays nothing for one. Up to a rate each refusal has an entry
and a receipt of its own; what goes beyond is refused just the same, and counted in an entry of kind
`refusals` with the next one that is recorded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from countenance.audit import record_statement
from countenance.store import Connection

PER_SECOND = 5.0
BURST = 100.0


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

    def record_uncounted(self, connection: Connection) -> None:
        """Record how many were not recorded by themselves since the last time, if any."""
        with self._lock:
            count, self._uncounted = self._uncounted, 0
        if count:
            try:
                record_statement(connection, "refusals", {"count": count})
            except BaseException:
                with self._lock:
                    self._uncounted += count
                raise
