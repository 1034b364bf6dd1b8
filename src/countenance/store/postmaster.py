"""One run of the server on a cluster: whatever ran there is ended first, then started, awaited, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import SetupError
from countenance.store.cluster import explain
from countenance.store.launch import Launcher
from countenance.store.processes import processes_in, send, wait_for_end

_START_PATIENCE_S = 300.0  # after a crash PostgreSQL first replays what it had confirmed
_FAST_STOP_PATIENCE_S = 30.0
_HARD_STOP_PATIENCE_S = 10.0
_ORPHAN_PATIENCE_S = 2.0
_LOG_BYTES_KEPT = 10 * 1024 * 1024
_STOPS = (
    (signal.SIGINT, _FAST_STOP_PATIENCE_S),  # fast: ends sessions, writes a checkpoint
    (signal.SIGQUIT, _HARD_STOP_PATIENCE_S),  # immediate: the next start replays the log
    (signal.SIGKILL, _HARD_STOP_PATIENCE_S),
)
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "1000",
    "shared_buffers": "128MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    # our statements are short: compiling and parallel workers cost more than they give
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # three processes fewer, and nothing to gain on a database that fits in memory
    "io_method": "sync",
    "huge_pages": "off",
    # INVARIANT: the log names no person: neither statements nor the values that a constraint refused
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a server runs with: programs, identity, its files, its sockets, its log."""

    binaries: Path
    launcher: Launcher
    cluster: Path
    sockets: Path
    log: Path


class Postmaster:
    """A server that answers. Its methods may be called from any thread."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @classmethod
    def start(cls, place: Place, *, stopping: threading.Event) -> Postmaster:
        """Start the server and return when it answers, or earlier when `stopping` is set.

        Raises:
            SetupError: it ended, or took over five minutes; says why.
        """
        end_leftover(place.cluster, place.sockets)
        offset = _prepare_log(place.log)
        process = _launch(place)
        postmaster = cls(process)
        try:
            _wait_until_ready(process, place, offset, stopping)
        except BaseException:
            postmaster.stop()
            raise
        return postmaster

    @property
    def pid(self) -> int:
        """The server's first process."""
        return self._process.pid

    def wait(self) -> int:
        """Return when the server has ended, with its exit status."""
        return self._process.wait()

    def stop(self) -> None:
        """End the server: sessions are closed, what was committed is on disk. At most 50 s."""
        for number, patience_s in _STOPS:
            if self._process.poll() is None:
                self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience_s)
                return


def end_leftover(cluster: Path, sockets: Path) -> None:
    """End what a killed server left running, and forget its lock files.

    PostgreSQL takes a lock file's pid for a live server when it is a zombie or was given to another
    process since, and then refuses to start.

    INVARIANT: the caller owns the data directory, so whatever runs in the cluster now is nobody's; and
    the lock files go only when nothing runs there, as two servers on one cluster destroy it.

    Raises:
        SetupError: a process does not end.
    """
    left, postmaster = processes_in(cluster), _recorded_pid(cluster)
    if postmaster in left:
        for number, patience_s in _STOPS:
            send([postmaster], number)
            if not wait_for_end(left, patience_s=patience_s):
                break
    # without a postmaster its sessions end by themselves, but for one deep in a statement
    left = wait_for_end(processes_in(cluster), patience_s=_ORPHAN_PATIENCE_S)
    for number in (signal.SIGQUIT, signal.SIGKILL):
        send(left, number)
        left = wait_for_end(left, patience_s=_ORPHAN_PATIENCE_S)
    left = processes_in(cluster)
    if left:
        raise SetupError(
            f"PostgreSQL processes {left} still run on `{cluster}` and do not end",
            remedy="end them, then start again",
        )
    for lock in (cluster / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
        lock.unlink(missing_ok=True)


def _recorded_pid(cluster: Path) -> int:
    """The pid in the pid file; 0 when there is none."""
    try:
        return int((cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _launch(place: Place) -> subprocess.Popen[bytes]:
    settings = _SETTINGS | {"unix_socket_directories": str(place.sockets)}
    command = [*place.launcher.prefix, str(place.binaries / "postgres"), "-D", str(place.cluster)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    descriptor = os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # a session of its own: Ctrl-C in our terminal is ours to handle, and PostgreSQL goes last
        return subprocess.Popen(  # noqa: S603  # a program of our own dependency, paths of our own
            command,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            cwd=place.cluster.parent,
            **place.launcher.keywords(),
        )
    except OSError as error:
        raise SetupError(
            f"PostgreSQL could not be started: {error}", remedy="see `countenance doctor`"
        ) from error
    finally:
        os.close(descriptor)


def _wait_until_ready(
    process: subprocess.Popen[bytes], place: Place, offset: int, stopping: threading.Event
) -> None:
    """PostgreSQL says so itself, in the eighth line of its pid file."""
    deadline = time.monotonic() + _START_PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise explain(_read_from(place.log, offset))
        with contextlib.suppress(OSError, IndexError, ValueError):
            lines = (place.cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
            if int(lines[0]) == process.pid and lines[7].strip() == "ready":
                return
        if stopping.wait(0.005):
            return
    raise SetupError(
        f"PostgreSQL was not ready within {_START_PATIENCE_S:.0f} s",
        remedy=f"read `{place.log}`; if it still recovers, start again later",
    )


def _prepare_log(log: Path) -> int:
    """Put a long log aside; where the messages of this run will begin."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return 0
    if size <= _LOG_BYTES_KEPT:
        return size
    log.replace(log.with_name(log.name + ".1"))
    return 0


def _read_from(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode("utf-8", "replace")
