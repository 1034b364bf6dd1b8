"""The processes of a server: workers behind one socket and the log's sequencer, started, watched, stopped."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import click

from countenance.cli.orders import READY, Orders
from countenance.errors import SetupError
from countenance.settings import Settings

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.2
_QUICK_DEATH_S = 5.0
_MAX_QUICK_DEATHS = 5


class _Stopping(Protocol):
    is_set: bool


@dataclass(frozen=True, slots=True)
class _Role:
    """A kind of process: what it is called in messages, what it runs, what it inherits."""

    name: str
    module: str
    descriptors: tuple[int, ...] = ()


@dataclass(slots=True)
class _Member:
    role: _Role
    process: subprocess.Popen[bytes]
    started_s: float


class Fleet:
    """N workers that accept from one socket, and the sequencer of the log that they record in.

    Leaving the context stops them: the workers first, calls in flight before that, then the sequencer, which
    gives what they recorded its place. A process reads its orders from standard input and stops when that
    pipe closes, so that none outlives a supervisor that was killed.
    """

    def __init__(self, settings: Settings, database_url: str, listener: socket.socket) -> None:
        worker = _Role("worker", "countenance.cli.worker", (listener.fileno(),))
        sequencer = _Role("sequencer", "countenance.cli.sequencer")
        self._roles = [worker] * settings.workers + [sequencer]
        self._orders = Orders(settings, database_url, listener.fileno()).to_line()
        self._members: list[_Member] = []
        self._quick_deaths = 0

    def __enter__(self) -> Self:
        self._members = [self._start(role) for role in self._roles]
        return self

    def __exit__(self, *_: object) -> None:
        for role in dict.fromkeys(self._roles):
            _stop([member.process for member in self._members if member.role is role])

    def wait_until_ready(self, stopping: _Stopping) -> None:
        """Return when every worker answers calls and the sequencer works.

        Raises:
            SetupError: one of them ended or took over two minutes.
        """
        for member in self._members:
            _await_ready(member, stopping)

    def supervise(self, stopping: _Stopping, *, meanwhile: Callable[[], None]) -> None:
        """Replace processes that die until a stop is asked for; call `meanwhile` a few times a second.

        Raises:
            SetupError: they keep dying as soon as they start.
        """
        while not stopping.is_set:
            for place, member in enumerate(self._members):
                status = member.process.poll()
                if status is None:
                    continue
                quick = time.monotonic() - member.started_s < _QUICK_DEATH_S
                self._quick_deaths = self._quick_deaths + 1 if quick else 0
                if self._quick_deaths >= _MAX_QUICK_DEATHS:
                    raise SetupError(
                        f"{member.role.name}s end as soon as they start (the last with status {status})",
                        remedy="see the messages above, or run `countenance doctor`",
                    )
                click.echo(f"a {member.role.name} ended with status {status}: starting another", err=True)
                _close_pipes(member.process)
                self._members[place] = self._start(member.role)
            meanwhile()
            time.sleep(_POLL_S)

    def _start(self, role: _Role) -> _Member:
        process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", role.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=role.descriptors,
            # A session of its own: Ctrl-C reaches the supervisor, which decides the order of stopping.
            start_new_session=True,
        )
        if process.stdin is None:
            raise RuntimeError("a process was started without its pipe")
        process.stdin.write(self._orders)
        process.stdin.flush()
        return _Member(role, process, time.monotonic())


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask all to stop and wait for them; who takes over half a minute is killed."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close_pipes(process)


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _await_ready(member: _Member, stopping: _Stopping) -> None:
    process, name = member.process, member.role.name
    if process.stdout is None:
        raise RuntimeError("a process was started without its pipe")
    deadline = time.monotonic() + _START_TIMEOUT_S
    seen = b""
    while time.monotonic() < deadline and not stopping.is_set:
        readable, _, _ = select.select([process.stdout], [], [], _POLL_S)
        if readable:
            chunk = os.read(process.stdout.fileno(), 64)
            if not chunk:
                raise SetupError(
                    f"a {name} ended with status {process.wait()} while starting",
                    remedy="see the messages above, or run `countenance doctor`",
                )
            seen += chunk
            if seen.endswith(READY):
                return
    if not stopping.is_set:
        raise SetupError(
            f"a {name} was not ready after {_START_TIMEOUT_S:.0f} s", remedy="run `countenance doctor`"
        )
