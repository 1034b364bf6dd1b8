"""What a first pass keeps: rows that may be in the answer, and how low a row may be to come in."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from countenance.types import Cosine

_LEAST_BETWEEN = 64
"""Rows that come in between two looks at which of all may stay."""
_ROUNDING = 1e-7
"""Cosines are rounded to float32 before they are compared: equal ones may have been this far apart."""


class Candidates:
    """Of one search. Thread-safe: threads that look at different blocks share one.

    Once more rows than `limit` have come in, a row stays only if it could be among the `limit` best: if its
    upper bound reaches the limit-th largest lower bound.
    """

    def __init__(self, floor: Cosine, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._rows = np.empty(0, np.int64)
        self._lowers = np.empty(0, np.float64)
        self._uppers = np.empty(0, np.float64)
        self._waiting: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
        self._waiting_rows = 0
        self._settled_rows = 0
        self.floor = float(floor)
        """Least upper bound that a row needs; rises as better rows come in."""

    def add(self, rows: NDArray[np.int64], lowers: NDArray[np.float64], uppers: NDArray[np.float64]) -> None:
        """Take rows with the bounds of their cosines; those that are too low already are left out."""
        kept = np.flatnonzero(uppers >= self.floor)
        if not len(kept):
            return
        with self._lock:
            self._waiting.append((rows[kept], lowers[kept], uppers[kept]))
            self._waiting_rows += len(kept)
            # Doubling: rows that are all alike, and all stay, are not sorted anew for every block.
            if self._waiting_rows > max(_LEAST_BETWEEN, self._limit, self._settled_rows):
                self._settle()

    def rows(self) -> NDArray[np.int64]:
        """All that may be in the answer, in no order."""
        with self._lock:
            self._settle()
            return self._rows

    def _settle(self) -> None:
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        rows = np.concatenate((self._rows, *(each[0] for each in waiting)))
        lowers = np.concatenate((self._lowers, *(each[1] for each in waiting)))
        uppers = np.concatenate((self._uppers, *(each[2] for each in waiting)))
        if len(rows) > self._limit:
            place = len(rows) - self._limit
            self.floor = max(self.floor, float(np.partition(lowers, place)[place]) - _ROUNDING)
        kept = np.flatnonzero(uppers >= self.floor)
        self._rows, self._lowers, self._uppers = rows[kept], lowers[kept], uppers[kept]
        self._settled_rows = len(kept)
