"""For how long events have waited while the log did not grow: how a supervisor sees its sequencer hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_FRESH_S = 15.0
"""Three looks of the watcher: what was seen longer ago says nothing."""


class Standstill:
    """Told by the log's watcher, asked by the supervisor; thread-safe.

    Counted by our own clock and from look to look, so neither a database whose clock is off nor one that does
    not answer nor a backlog that is worked off is taken for a standstill.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._size = 0
        self._since_s: float | None = None
        self._seen_s = float("-inf")

    def heed(self, size: int, oldest_at: float | None) -> None:
        """The log has so many entries; `oldest_at`: None if no event waits for its place."""
        with self._lock:
            now_s = self._clock()
            if oldest_at is None:
                self._since_s = None
            elif self._since_s is None or size != self._size or now_s - self._seen_s > _FRESH_S:
                self._since_s = now_s
            self._size, self._seen_s = size, now_s

    def seconds(self) -> float:
        """How long it has lasted, s; 0 if the log moves, or nothing waits, or nobody knows."""
        with self._lock:
            if self._since_s is None or self._clock() - self._seen_s > _FRESH_S:
                return 0.0
            return self._seen_s - self._since_s
