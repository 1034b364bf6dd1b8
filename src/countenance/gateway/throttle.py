"""What one process holds at once: request bytes, and calls that wait or run."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from countenance.errors import RequestEntityTooLargeException, ThrottlingException, ValidationException
from countenance.telemetry import Metrics

_GREED = 2
"""How much of what is free a holder may have."""
MAX_BODY_BYTES = 16 * 1024 * 1024
"""CompareFaces with two pictures of 5 MiB is 14.1 MB in base64: no request of the service is longer."""


def parse_announced_bytes(headers: Mapping[str, str]) -> int | None:
    """Length of the body as announced; None when it comes in chunks.

    Raises:
        ValidationException: not a number, or announced in two ways that may disagree.
        RequestEntityTooLargeException: longer than any request of the service.
    """
    announced = headers.get("content-length")
    if "transfer-encoding" in headers:
        if announced is not None:
            raise ValidationException("a request has either `Content-Length` or `Transfer-Encoding`")
        return None
    if announced is None:
        return 0
    if not (announced.isascii() and announced.isdigit() and len(announced) <= 18):
        raise ValidationException("`Content-Length` is not a length")
    require_bearable(int(announced))
    return int(announced)


def require_bearable(count: int) -> None:
    """Raises RequestEntityTooLargeException for a body of more than `MAX_BODY_BYTES`."""
    if count > MAX_BODY_BYTES:
        raise RequestEntityTooLargeException(f"a request has at most {MAX_BODY_BYTES} bytes, not {count}")


@dataclass(slots=True)
class _Held:
    """What one holder has of a budget.

    Attributes:
        promised: bytes that have come or were announced.
    """

    calls: int = 0
    size: int = 0
    promised: int = 0


class Budget:
    """Counts calls and their body bytes; refuses what would go over. Thread-safe.

    Bytes count as they arrive, not as announced: a client that announces much and sends nothing
    takes nothing from the others.

    No holder has more than twice what is free (dynamic thresholds, Choudhury and Hahne 1998): one alone gets
    two thirds of the whole, two that are greedy two fifths each, and somebody new always finds room. A
    holder's only call may be as large as there is room at all.
    """

    def __init__(self, *, max_bytes: int, max_calls: int, metrics: Metrics | None = None) -> None:
        self._max_bytes = max_bytes
        self._max_calls = max_calls
        self._metrics = metrics or Metrics()
        self._lock = threading.Lock()
        self._bytes = 0
        self._calls = 0
        self._held: dict[Hashable, _Held] = {}

    @property
    def bytes_in_flight(self) -> int:
        return self._bytes

    @property
    def calls_in_flight(self) -> int:
        return self._calls

    def enter(self, holder: Hashable, *, announced_bytes: int) -> Share:
        """A share for one call; use it as a context manager, which gives everything back.

        Raises:
            ThrottlingException: as many calls as may be are in flight, or the announced body
                would not fit now; or the holder has its share of either already.
        """
        with self._lock:
            held = self._held.get(holder, _Held())
            if self._calls >= self._max_calls or self._bytes + announced_bytes > self._max_bytes:
                raise ThrottlingException(limit="server")
            free_calls = self._max_calls - self._calls
            # What it was promised is its own to wait for: it counts as if it had come.
            free_bytes = self._max_bytes - (self._bytes - held.size) - held.promised
            if held.calls and (
                held.calls + 1 > _GREED * free_calls or held.promised + announced_bytes > _GREED * free_bytes
            ):
                raise ThrottlingException(limit="share")
            held.calls += 1
            held.promised += announced_bytes
            self._held[holder] = held
            self._calls += 1
            self._tell()
        return Share(self, holder, announced_bytes)

    def take(self, holder: Hashable, count: int, *, unannounced: int) -> None:
        """Raises ThrottlingException, and takes nothing, when `count` bytes do not fit."""
        with self._lock:
            held = self._held[holder]
            free = self._max_bytes - self._bytes
            if count > free:
                raise ThrottlingException(limit="server")
            if held.calls > 1 and held.size + count > _GREED * free:
                raise ThrottlingException(limit="share")
            held.size += count
            held.promised += unannounced
            self._bytes += count
            self._tell()

    def change(self, holder: Hashable, *, size: int, promised: int, calls: int = 0) -> None:
        """Add to what a holder has, or take from it, whatever there is room for."""
        with self._lock:
            held = self._held[holder]
            held.calls += calls
            held.size += size
            held.promised += promised
            self._calls += calls
            self._bytes += size
            if not held.calls:
                del self._held[holder]
            self._tell()

    def _tell(self) -> None:
        self._metrics.in_flight(calls=self._calls, size_bytes=self._bytes)


class Share:
    """What one call holds of a `Budget`."""

    def __init__(self, budget: Budget, holder: Hashable, announced_bytes: int) -> None:
        self._budget = budget
        self._holder = holder
        self._promised = announced_bytes
        self._bytes = 0

    def take(self, count: int) -> None:
        """Raises ThrottlingException when the bytes do not fit."""
        unannounced = max(0, self._bytes + count - self._promised)
        self._budget.take(self._holder, count, unannounced=unannounced)
        self._bytes += count
        self._promised += unannounced

    def keep(self, size: int) -> None:
        """From here on the call holds `size` bytes, of its answer and no more of its body."""
        self._budget.change(self._holder, size=size - self._bytes, promised=size - self._promised)
        self._bytes = self._promised = size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.change(self._holder, size=-self._bytes, promised=-self._promised, calls=-1)
