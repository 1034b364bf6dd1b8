"""Rates that hold over all processes of a server: a table in memory that they share.

The generic cell rate algorithm (ITU-T I.371): of each key one number is kept, the moment at which it will
have used nothing. A call moves it by `1 / rate`, and is refused where that would carry it further ahead of
now than a burst takes. So a cell whose moment has passed says nothing, and is anybody's: nothing is tidied.

What would be taken for this instead, SQLite behind a lock or a database, costs as much as the calls do.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

_CELL: Final = struct.Struct("=16sq8x")  # whose it is, and its moment: ns, as `time.monotonic_ns`
_CELLS_IN_ROW: Final = 8
_ROW_BYTES: Final = _CELL.size * _CELLS_IN_ROW
_ROWS: Final = 4096
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second, and `burst` at once after a rest."""

    per_s: float
    burst: int

    def __post_init__(self) -> None:
        assert self.per_s > 0, "a rate of nothing is no rate"
        assert self.burst >= 1, "a burst has one at least"

    @property
    def gap_ns(self) -> int:
        return max(1, round(_NS / self.per_s))


def create_rates() -> int:
    """Descriptor of an empty table, for `Rates` of every process that inherits it. It has no name.

    Raises:
        OSError: no memory, or no room for temporary files.
    """
    if hasattr(os, "memfd_create"):
        table = os.memfd_create("countenance rates", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            table = os.dup(file.fileno())
    try:
        # Written in full: a memory map over a hole would end the process when there is no room for it.
        os.write(table, bytes(_ROWS * _ROW_BYTES))
    except OSError:
        os.close(table)
        raise
    return table


class Rates:
    """One process's look at the table. Thread-safe; not to be carried over a fork.

    A row is locked while it is changed, by the system (fcntl), so that a process that is killed gives its
    lock back. What it was writing can be no worse than a full bucket: no moment is believed that lies
    further ahead than the burst that it is judged by. Where a row is full of others that are in use, the
    cell that is free the soonest is taken: its owner has a burst more than it should.
    """

    def __init__(self, table: int, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """`table`: from `create_rates`; closed with this."""
        self._table = table
        self._map = mmap.mmap(table, _ROWS * _ROW_BYTES)
        self._clock_ns = clock_ns
        self._lock = threading.Lock()  # locks of the system are a process's, not a thread's

    def close(self) -> None:
        """Once, after the last use."""
        self._map.close()
        os.close(self._table)

    def has_room(self, key: str, rate: Rate) -> bool:
        """Whether `take` would be granted now: a glance without a lock, that may be out of date at once."""
        digest, row = _place(key)
        cell, moment = self._find(digest, row)
        now = self._clock_ns()
        return cell is None or _ahead(moment, now, rate) + rate.gap_ns <= rate.gap_ns * rate.burst

    def take(self, key: str, rate: Rate) -> bool:
        """Count one under `key`, if the rate allows it; whether it did."""
        digest, row = _place(key)
        with self._locked(row):
            cell, moment = self._find(digest, row)
            now = self._clock_ns()
            ahead = _ahead(moment, now, rate) + rate.gap_ns if cell is not None else rate.gap_ns
            if ahead > rate.gap_ns * rate.burst:
                return False
            _CELL.pack_into(self._map, self._soonest(row) if cell is None else cell, digest, now + ahead)
            return True

    def _find(self, digest: bytes, row: int) -> tuple[int | None, int]:
        """Where the cell of that digest is, and its moment."""
        for cell in range(row, row + _ROW_BYTES, _CELL.size):
            owner, moment = _CELL.unpack_from(self._map, cell)
            if owner == digest:
                return cell, moment
        return None, 0

    def _soonest(self, row: int) -> int:
        """The cell whose moment is the earliest: a free one, if there is one."""
        return min(
            range(row, row + _ROW_BYTES, _CELL.size),
            key=lambda cell: int(_CELL.unpack_from(self._map, cell)[1]),
        )

    @contextmanager
    def _locked(self, row: int) -> Iterator[None]:
        with self._lock:
            fcntl.lockf(self._table, fcntl.LOCK_EX, _ROW_BYTES, row)
            try:
                yield
            finally:
                fcntl.lockf(self._table, fcntl.LOCK_UN, _ROW_BYTES, row)


def _place(key: str) -> tuple[bytes, int]:
    """What stands for the key, and where its row begins."""
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return digest, int.from_bytes(digest[:4], "big") % _ROWS * _ROW_BYTES


def _ahead(moment: int, now: int, rate: Rate) -> int:
    """How far a moment lies ahead, ns; never further than the rate's whole burst."""
    return min(max(0, moment - now), rate.gap_ns * rate.burst)
