"""What a process does about its galleries while nobody searches them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)

EVERY_S = 60.0


class Tidying:
    """Calls something again and again, in a thread of its own, until it is closed."""

    def __init__(self, tidy: Callable[[], None], *, every_s: float = EVERY_S) -> None:
        self._tidy = tidy
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidying", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Return when it has ended."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._tidy()
            except Exception as error:  # noqa: BLE001  # a thread that ended would let what was deleted stay
                _LOG.warning("galleries could not be tidied: %s", type(error).__name__)
