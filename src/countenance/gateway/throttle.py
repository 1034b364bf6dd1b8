"""What one process holds at once: request bytes, and calls that wait or run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from countenance.errors import RequestEntityTooLargeException, ThrottlingException, ValidationException
from countenance.telemetry import Metrics

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


class Budget:
    """Counts calls and their body bytes; refuses what would go over. Thread-safe.

    Bytes count as they arrive, not as announced: a client that announces much and sends nothing
    takes nothing from the others.
    """

    def __init__(self, *, max_bytes: int, max_calls: int, metrics: Metrics | None = None) -> None:
        self._max_bytes = max_bytes
        self._max_calls = max_calls
        self._metrics = metrics or Metrics()
        self._lock = threading.Lock()
        self._bytes = 0
        self._calls = 0

    @property
    def bytes_in_flight(self) -> int:
        return self._bytes

    @property
    def calls_in_flight(self) -> int:
        return self._calls

    def enter(self, *, announced_bytes: int) -> Share:
        """A share for one call; use it as a context manager, which gives everything back.

        Raises:
            ThrottlingException: as many calls as may be are in flight, or the announced body
                would not fit now.
        """
        with self._lock:
            if self._calls >= self._max_calls or self._bytes + announced_bytes > self._max_bytes:
                raise ThrottlingException
            self._calls += 1
            self._tell()
        return Share(self)

    def take(self, count: int) -> None:
        """Raises ThrottlingException, and takes nothing, when `count` bytes do not fit."""
        with self._lock:
            if self._bytes + count > self._max_bytes:
                raise ThrottlingException
            self._bytes += count
            self._tell()

    def give_back(self, count: int) -> None:
        with self._lock:
            self._bytes -= count
            self._calls -= 1
            self._tell()

    def _tell(self) -> None:
        self._metrics.in_flight(calls=self._calls, size_bytes=self._bytes)


class Share:
    """What one call holds of a `Budget`."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._bytes = 0

    def take(self, count: int) -> None:
        """Raises ThrottlingException when the bytes do not fit."""
        self._budget.take(count)
        self._bytes += count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._bytes)
