"""A bound on work that costs much and that anybody may ask for: a password's hash, a provider's answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Crowded(Exception):
    """Too many ask for it just now; nothing was done."""


class Turnstile:
    """Lets one through at a time, a few wait for a while, and turns the others away. Thread-safe.

    Whoever waits holds a thread of the console: that is why only a few may, so that there are threads left
    for the pages of those who are in.
    """

    def __init__(self, *, waiting: int = 1, patience_s: float = 2.0) -> None:
        self._places = threading.BoundedSemaphore(1 + waiting)
        self._turn = threading.Lock()
        self._patience_s = patience_s

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One's turn, for as long as the block takes.

        Raises:
            Crowded: there is no place to wait, or it took too long.
        """
        if not self._places.acquire(blocking=False):
            raise Crowded
        try:
            if not self._turn.acquire(timeout=self._patience_s):
                raise Crowded
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()
