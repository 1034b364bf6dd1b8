"""How many pixels a process holds or looks at at once: large pictures wait for one another.

A picture of 100 megapixels is small in bytes and large in memory. What bounds a process is neither the
number of calls nor their bytes, but the pixels that are decoded at one time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from countenance.errors import ThrottlingException


class PixelBudget:
    """A number of pixels shared by the threads of a process. Thread-safe; first come, first served.

    Whoever asks for more than there is at all gets everything, alone.
    """

    def __init__(self, capacity_px: int, *, patience_s: float = 60.0) -> None:
        """`patience_s`: how long a call waits for its turn."""
        self._capacity_px = capacity_px
        self._free_px = capacity_px
        self._patience_s = patience_s
        self._turns: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, pixels: int) -> Callable[[], None]:
        """Wait for one's turn and for room; the answer gives the room back, once, from any thread.

        Raises:
            ThrottlingException: no turn within the patience.
        """
        wanted = min(pixels, self._capacity_px)
        turn = object()
        deadline = time.monotonic() + self._patience_s
        with self._changed:
            self._turns.append(turn)
            try:
                while self._turns[0] is not turn or self._free_px < wanted:
                    if not self._changed.wait(deadline - time.monotonic()):
                        raise ThrottlingException(limit="server")
                self._free_px -= wanted
            finally:
                self._turns.remove(turn)
                self._changed.notify_all()
        given = [wanted]

        def give_back() -> None:
            with self._changed:
                self._free_px += given.pop() if given else 0
                self._changed.notify_all()

        return give_back

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """As `take`, for the length of a block."""
        give_back = self.take(pixels)
        try:
            yield
        finally:
            give_back()
