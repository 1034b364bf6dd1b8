"""DATA_DIR/metrics: a few files of each process, which it writes as memory and the supervisor sums up."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from countenance.errors import SetupError

_SIZES = {"counter": 512 * 1024, "histogram": 1024 * 1024}
_GAUGE_SIZE = 64 * 1024
_LIVE_GAUGES = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


class MetricsFolder:
    """The folder as its writers and its one reader see it.

    A writer holds a lock on `<pid>.alive` for as long as it lives. The kernel lets go of it however the
    process ends, and a process number that is given out again does not revive its predecessor.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "metrics"

    def empty(self) -> None:
        """Forget what the processes of an earlier start have counted.

        Raises:
            SetupError: the folder cannot be made or emptied.
        """
        with _explained(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in [*self.path.glob("*.db"), *self.path.glob("*.alive")]:
                file.unlink()

    def enter(self, gauge_modes: frozenset[str]) -> int:
        """Make this process one of the writers; returns the lock, a descriptor to be kept open.

        The files are written in full, once: a memory map over a hole would end the process with SIGBUS on
        the day that the disk is full.

        Raises:
            SetupError: there is no room, or no right to write.
        """
        pid = os.getpid()
        with _explained(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / f"{pid}.alive", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            sizes = _SIZES | {f"gauge_{mode}": _GAUGE_SIZE for mode in gauge_modes}
            for prefix, size in sizes.items():
                file = self.path / f"{prefix}_{pid}.db"
                if not file.exists():
                    file.write_bytes(bytes(size))
        return lock

    def forget_the_dead(self) -> None:
        """Remove the live gauges of processes that have ended; their counters stay."""
        for file in self.path.glob("gauge_live*.db"):
            found = _LIVE_GAUGES.fullmatch(file.name)
            if found is None:
                continue
            with contextlib.suppress(OSError):  # locked: it lives
                lock = os.open(self.path / f"{found[1]}.alive", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.unlink(missing_ok=True)
                finally:
                    os.close(lock)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"metrics cannot be kept in `{path}` ({error.strerror or error})",
            remedy="make room and give the right to write, or leave --metrics-port out",
        ) from error
