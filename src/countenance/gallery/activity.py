"""How many searches ran, counted where they run and not where they are recorded.

DATA_DIR/activity/<start time>-<pid>.counts: one file of each process, a memory map that it counts in. What
was counted survives the process, however it ends; not a power cut, after which the last half minute or so
may be missing. Files stay for good, 64 bytes each: a total that loses its parts tells of nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Self

from countenance.audit.reconcile_searches import SearchesRan
from countenance.errors import SetupError
from countenance.store.files import make_private_directory

_FOLDER = "activity"
_COUNTS = struct.Struct("=8sQQQ32x")  # magic, calls at once, closed, searches
_MAGIC = b"counts/1"
_CLOSED, _SEARCHES = 2, 3  # places of the counts, in words of 8 bytes


class Activity:
    """This process's counts. Thread-safe; not to be carried over a fork.

    The file is locked for as long as the process lives, so that one that was killed can be told.
    """

    def __init__(self, data_dir: Path, *, at_once: int) -> None:
        """`at_once`: how many searches may run in this process at the same time.

        Raises:
            SetupError: there is no room, or no right to write.
        """
        folder = data_dir / _FOLDER
        make_private_directory(folder)
        path = folder / f"{time.time_ns()}-{os.getpid()}.counts"
        young = path.with_suffix(".young")
        try:
            self._file = os.open(young, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            # Written in full: a memory map over a hole would end the process on the day the disk is full.
            os.write(self._file, _COUNTS.pack(_MAGIC, at_once, 0, 0))
            young.rename(path)  # under its name only once it is locked
            self._map = mmap.mmap(self._file, _COUNTS.size)
        except OSError as error:
            raise SetupError(
                f"searches cannot be counted in `{folder}` ({error.strerror or error})",
                remedy="make room and give the right to write",
            ) from error
        self._words = memoryview(self._map).cast("Q")
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def searched(self) -> None:
        """Count one, before anything that it finds can be told: in a microsecond, without a system call."""
        with self._lock:
            self._words[_SEARCHES] += 1

    def close(self) -> None:
        """Note that nothing was under way when the process ended. Once, after the last search."""
        with self._lock:
            self._words[_CLOSED] = 1
            self._words.release()
            self._map.close()
            os.close(self._file)


def searches_ran(data_dir: Path) -> SearchesRan:
    """The sum over every process that ever counted in the data directory, those that run included."""
    searches = live = killed = 0
    for path in (data_dir / _FOLDER).glob("*.counts"):
        with path.open("rb") as file:
            is_live = _is_locked(file.fileno())
            content = file.read(_COUNTS.size)
        if len(content) != _COUNTS.size or not content.startswith(_MAGIC):
            continue  # what is missing shows in the sum
        _, at_once, closed, counted = _COUNTS.unpack(content)
        searches += counted
        live += at_once if is_live else 0
        killed += 0 if is_live or closed else at_once
    return SearchesRan(searches, live_at_once=live, killed_at_once=killed)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
