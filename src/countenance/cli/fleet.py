"""The worker processes behind one listening socket: started, watched, replaced, stopped."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self

import click

from countenance.errors import SetupError
from countenance.settings import Settings

_READY = b"ready\n"
_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.2
_QUICK_DEATH_S = 5.0
_MAX_QUICK_DEATHS = 5


class _Stopping(Protocol):
    is_set: bool


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    started_s: float


class Fleet:
    """N workers that accept from one socket; leaving the context stops them, calls in flight first.

    A worker reads its settings from standard input and stops when that pipe closes, so that no worker
    outlives a supervisor that was killed.
    """

    def __init__(self, settings: Settings, database_url: str, listener: socket.socket) -> None:
        self._settings = settings
        self._orders = _orders(settings, database_url, listener.fileno())
        self._listener = listener
        self._workers: list[_Worker] = []
        self._quick_deaths = 0

    def __enter__(self) -> Self:
        self._workers = [self._start() for _ in range(self._settings.workers)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for worker in self._workers:
            try:
                worker.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            _close_pipes(worker.process)

    def wait_until_ready(self, stopping: _Stopping) -> None:
        """Return when every worker answers calls.

        Raises:
            SetupError: a worker ended or took over two minutes.
        """
        for worker in self._workers:
            _await_ready(worker.process, stopping)

    def supervise(self, stopping: _Stopping, *, meanwhile: Callable[[], None]) -> None:
        """Replace workers that die until a stop is asked for; call `meanwhile` a few times a second.

        Raises:
            SetupError: workers keep dying as soon as they start.
        """
        while not stopping.is_set:
            for place, worker in enumerate(self._workers):
                status = worker.process.poll()
                if status is None:
                    continue
                quick = time.monotonic() - worker.started_s < _QUICK_DEATH_S
                self._quick_deaths = self._quick_deaths + 1 if quick else 0
                if self._quick_deaths >= _MAX_QUICK_DEATHS:
                    raise SetupError(
                        f"workers end as soon as they start (the last with status {status})",
                        remedy="see the messages above, or run `countenance doctor`",
                    )
                click.echo(f"a worker ended with status {status}: starting another", err=True)
                _close_pipes(worker.process)
                self._workers[place] = self._start()
            meanwhile()
            time.sleep(_POLL_S)

    def _start(self) -> _Worker:
        process = subprocess.Popen(
            [sys.executable, "-m", "countenance.cli.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
            # A session of its own: Ctrl-C reaches the supervisor, which decides the order of stopping.
            start_new_session=True,
        )
        if process.stdin is None:
            raise RuntimeError("a worker was started without its pipe")
        process.stdin.write(self._orders)
        process.stdin.flush()
        return _Worker(process, time.monotonic())


def _orders(settings: Settings, database_url: str, listener: int) -> bytes:
    """One JSON line on the pipe: environment and arguments are readable by others, a pipe is not."""
    plain = {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(settings).items()
    }
    return (
        json.dumps({"settings": plain, "database_url": database_url, "listener": listener}).encode() + b"\n"
    )


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _await_ready(process: subprocess.Popen[bytes], stopping: _Stopping) -> None:
    if process.stdout is None:
        raise RuntimeError("a worker was started without its pipe")
    deadline = time.monotonic() + _START_TIMEOUT_S
    seen = b""
    while time.monotonic() < deadline and not stopping.is_set:
        readable, _, _ = select.select([process.stdout], [], [], _POLL_S)
        if readable:
            chunk = os.read(process.stdout.fileno(), 64)
            if not chunk:
                raise SetupError(
                    f"a worker ended with status {process.wait()} while starting",
                    remedy="see the messages above, or run `countenance doctor`",
                )
            seen += chunk
            if seen.endswith(_READY):
                return
    if not stopping.is_set:
        raise SetupError(
            f"a worker was not ready after {_START_TIMEOUT_S:.0f} s", remedy="run `countenance doctor`"
        )
