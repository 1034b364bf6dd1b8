"""Events that are counted. This class counts nothing: what a server without `metrics_port` has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from countenance.telemetry.ended_call import EndedCall


class Metrics:
    """Told what happens, in the words of those who tell it; thread-safe, never raises for what it is told.

    Every method returns within microseconds: none waits for a disk, the database or another process.
    """

    is_on: ClassVar[bool] = False

    def call_ended(self, call: EndedCall) -> None:
        """A call was answered, or refused, or failed."""

    def in_flight(self, *, calls: int, size_bytes: int) -> None:
        """What this process holds now: admitted calls, and the bytes of their bodies that have come."""

    def waiting(self, calls: int) -> None:
        """How many calls of this process have come and not been begun."""

    def database_waited(self, seconds: float) -> None:
        """A connection to the database was had after that time."""

    def pending(self, *, entries: int, oldest_at: float | None) -> None:
        """Events without a place in the log, and when the oldest was recorded (Unix time, s; None: none)."""

    def integrated(self, *, entries: int, size: int, lag_s: float) -> None:
        """A batch got its places: the log has `size` entries now; `lag_s`: how long its oldest waited."""

    def log_has(self, *, size: int) -> None:
        """The log's size, where it is seen and not made."""

    def checkpoint_signed(self, *, at: float) -> None:
        """The log signed a head of itself at `at` (Unix time, s). It may be told again."""

    def checkpoint_published(self, *, at: float) -> None:
        """A checkpoint with its quorum of cosignatures was published at `at` (Unix time, s)."""

    def cosigned(self, witness: str, *, size: int, at: float) -> None:
        """A witness of the settings cosigned the head of `size` entries at `at` (Unix time, s)."""

    def log_alarms(self, count: int) -> None:
        """How many alarms the log has, ever."""

    def jobs(self, counts: Mapping[str, int], *, oldest_at: float | None) -> None:
        """Jobs of each state; since when the oldest that could run waits (Unix time, s; None: none)."""
