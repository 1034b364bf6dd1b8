"""The processes of a server: workers behind one socket, jobs, the log's sequencer; watched, replaced."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Protocol, Self

import click

from countenance.cli.orders import READY, Orders
from countenance.errors import SetupError
from countenance.gallery.memory import can_share
from countenance.gallery.memory_broker import MemoryBroker
from countenance.gateway.rates import create_rates
from countenance.settings import Settings

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 30.0
_POLL_S = 0.2
_QUICK_DEATH_S = 5.0
_MAX_QUICK_DEATHS = 5
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_SETTLED_S = 60.0
_HUNG_AFTER_S = 20.0
_KILL_EVERY_S = 30.0
_WORKER = "countenance.cli.worker"
_SEQUENCER = "countenance.cli.sequencer"
_JOBS = "countenance.cli.jobs_worker"


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
    again_at_s: float | None = None
    """When another is to be started in its place; None until it is seen dead."""


class Pauses:
    """How long to wait before the next start of what may die at every one: longer each time."""

    def __init__(self) -> None:
        self._next_s = _FIRST_PAUSE_S

    def after(self, lived_s: float) -> float:
        """The pause, s, after a life of that length; a minute's makes up for all deaths before."""
        if lived_s >= _SETTLED_S:
            self._next_s = _FIRST_PAUSE_S
        pause_s = self._next_s
        self._next_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return pause_s


class Fleet:
    """N workers that accept from one socket, one that runs jobs, and the sequencer of the log they record in.

    Leaving the context stops them: first what runs jobs, as an import among these calls the workers, then the
    workers, calls in flight before that, then the sequencer, which gives what they recorded its place. A
    process reads its orders from standard input and stops when that pipe closes, so that none outlives a
    supervisor that was killed.
    """

    def __init__(
        self, settings: Settings, database_url: str, listener: socket.socket, *, endpoint: str = ""
    ) -> None:
        worker = _Role("worker", _WORKER, (listener.fileno(),))
        self._sequencer = _Role("sequencer", _SEQUENCER)
        jobs = _Role("job runner", _JOBS)
        self._roles = [worker] * settings.workers + [jobs, self._sequencer]
        self._worker = worker
        self._stopped = (jobs, worker, self._sequencer)
        self._orders = Orders(settings, database_url, listener.fileno(), endpoint=endpoint)
        self._memories: MemoryBroker | None = None
        self._rates = -1
        self._members: list[_Member] = []
        self._quick_deaths = 0
        self._pauses = {role: Pauses() for role in (jobs, self._sequencer)}
        self._kill_after_s = 0.0

    def __enter__(self) -> Self:
        self._memories = MemoryBroker() if can_share() else None
        self._rates = create_rates()
        self._members = [self._start(role) for role in self._roles]
        return self

    def __exit__(self, *_: object) -> None:
        for role in self._stopped:
            _stop([member.process for member in self._members if member.role is role])
        if self._memories is not None:
            self._memories.close()
        os.close(self._rates)

    def wait_until_ready(self, stopping: _Stopping) -> None:
        """Return when every worker answers calls, and jobs are run, and the sequencer works.

        Raises:
            SetupError: one of them ended or took over two minutes.
        """
        for member in self._members:
            _await_ready(member, stopping)

    def supervise(
        self,
        stopping: _Stopping,
        *,
        meanwhile: Callable[[], None],
        standstill_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Replace processes that die until a stop is asked for; call `meanwhile` a few times a second.

        The sequencer's deaths never end the server: without it calls fail closed by themselves, and are
        answered again when it is back. One that hangs is killed. Nor do those of what runs jobs: they wait.

        Args:
            standstill_s: for how long events have waited and none got its place.

        Raises:
            SetupError: workers keep dying as soon as they start.
        """
        while not stopping.is_set:
            for place, member in enumerate(self._members):
                if member.process.poll() is None:
                    continue
                if member.again_at_s is None:
                    member.again_at_s = time.monotonic() + self._pause_after(member)
                if time.monotonic() >= member.again_at_s:
                    self._replace(place, member)
            self._kill_if_hung(standstill_s())
            meanwhile()
            time.sleep(_POLL_S)

    def _pause_after(self, member: _Member) -> float:
        """Tell the death; how long to wait before another is started, s."""
        status, name = member.process.returncode, member.role.name
        lived_s = time.monotonic() - member.started_s
        if member.role in self._pauses:
            pause_s = self._pauses[member.role].after(lived_s)
            click.echo(
                f"the {name} ended with status {status}: starting another in {pause_s:.1f} s", err=True
            )
            return pause_s
        self._quick_deaths = self._quick_deaths + 1 if lived_s < _QUICK_DEATH_S else 0
        if self._quick_deaths >= _MAX_QUICK_DEATHS:
            raise SetupError(
                f"{name}s end as soon as they start (the last with status {status})",
                remedy="see the messages above, or run `countenance doctor`",
            )
        click.echo(f"a {name} ended with status {status}: starting another", err=True)
        return 0.0

    def _replace(self, place: int, member: _Member) -> None:
        _close_pipes(member.process)
        try:
            self._members[place] = self._start(member.role)
        except OSError as error:  # no memory for another process: there may be soon
            member.again_at_s = time.monotonic() + _LONGEST_PAUSE_S
            click.echo(f"a {member.role.name} could not be started: {error.strerror}", err=True)

    def _kill_if_hung(self, standstill_s: float) -> None:
        for member in self._members:
            now_s = time.monotonic()
            if member.role is not self._sequencer or member.process.poll() is not None:
                continue
            if min(standstill_s, now_s - member.started_s) > _HUNG_AFTER_S and now_s >= self._kill_after_s:
                self._kill_after_s = now_s + _KILL_EVERY_S
                click.echo(
                    f"no event has got its place in the log for {standstill_s:.0f} s: ending the sequencer",
                    err=True,
                )
                member.process.kill()

    def _start(self, role: _Role) -> _Member:
        orders = self._orders
        with ExitStack() as handed_over:
            descriptors = role.descriptors
            if role is self._worker:
                descriptors = (*descriptors, self._rates)
                orders = replace(orders, rates=self._rates)
            if role is self._worker and self._memories is not None:
                end = handed_over.enter_context(self._memories.connect())
                descriptors = (*descriptors, end.fileno())
                orders = replace(orders, memories=end.fileno())
            process = _spawn(role, descriptors)
        if process.stdin is None:
            raise RuntimeError("a process was started without its pipe")
        with suppress(BrokenPipeError):  # it is dead already, which is seen soon enough
            process.stdin.write(orders.to_line())
            process.stdin.flush()
        return _Member(role, process, time.monotonic())


def _spawn(role: _Role, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", role.module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=descriptors,
        # A session of its own: Ctrl-C reaches the supervisor, which decides the order of stopping.
        start_new_session=True,
    )


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
            with suppress(BrokenPipeError):  # of orders that a process did not live to read
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
