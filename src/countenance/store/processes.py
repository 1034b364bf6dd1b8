"""Which processes run on a database directory, and how to end them within a bounded time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")
_POLL_S = 0.01


def processes_in(directory: Path) -> list[int]:
    """Pids of the live PostgreSQL processes that work in `directory`, postmaster and backends alike.

    A server changes into its data directory at start and stays there, which tells its processes from a
    recycled pid. Zombies do not count: they hold nothing any more.
    """
    if not _PROC.joinpath("self/cwd").exists():
        return _processes_by_command_line(directory)
    identity = _identity(directory)
    if identity is None:
        return []
    candidates = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [
        pid
        for pid in candidates
        if _identity(_PROC / str(pid) / "cwd") == identity and _is_live_postgres(pid)
    ]


def is_alive(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    if _PROC.joinpath("self/stat").exists():
        return _state(pid) not in {"", "Z", "X"}
    answer = subprocess.run(  # noqa: S603  # fixed program, a number for an argument
        ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()[:1] not in {"", "Z"}


def wait_for_end(pids: Iterable[int], *, patience_s: float) -> list[int]:
    """Wait until all have ended; those that still live when `patience_s` is over."""
    deadline = time.monotonic() + patience_s
    living = [pid for pid in pids if is_alive(pid)]
    while living and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        living = [pid for pid in living if is_alive(pid)]
    return living


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each; one that has just ended is no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:  # gone, or another user's
        return None
    return found.st_dev, found.st_ino


def _is_live_postgres(pid: int) -> bool:
    try:
        name = (_PROC / str(pid) / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return False
    return name == "postgres" and is_alive(pid)


def _state(pid: int) -> str:
    try:
        status = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # the name in parentheses may itself hold spaces and parentheses
    return status.rpartition(")")[2].split()[0]


def _processes_by_command_line(directory: Path) -> list[int]:
    """Where there is no /proc (macOS): the postmaster alone, by the directory that it was started with."""
    answer = subprocess.run(
        ["/bin/ps", "-axwwo", "pid=,stat=,command="], capture_output=True, text=True, check=False
    )
    found = []
    for line in answer.stdout.splitlines():
        pid, state, command = [*line.split(None, 2), "", "", ""][:3]
        if f"postgres -D {directory} " in f"{command} " and not state.startswith("Z"):
            found.append(int(pid))
    return found
