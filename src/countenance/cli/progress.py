"""Progress bars, on standard error so that output can be piped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_LINE_EVERY_S = 10.0


class ProgressBars:
    """`countenance.vision.progress.Progress`, drawn: a bar for each piece of work."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def begin(self, label: str, *, total_bytes: int | None) -> None:
        self._task = self._bars.add_task(label, total=total_bytes)

    def advance(self, size_bytes: int) -> None:
        assert self._task is not None
        self._bars.advance(self._task, size_bytes)

    def end(self) -> None:
        assert self._task is not None
        task = self._bars.tasks[self._task]
        if task.total is None:  # whatever it came to was all of it; a known total tells what is missing
            done = task.completed or 1
            self._bars.update(self._task, total=done, completed=done)
        self._task = None

    def notice(self, message: str) -> None:
        self._bars.console.print(
            f"note: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True
        )


@contextmanager
def install_progress() -> Iterator[ProgressBars]:
    """Bars until the context ends; where standard error is no terminal, notices only."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield ProgressBars(bars)


@contextmanager
def faces_progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Done of a total, rate and time left: a bar on standard error, or a line now and then in a file."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    begun_s = time.monotonic()
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(label, total=None, rate="")

        def show(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - begun_s, 1e-9)
            bars.update(task, completed=done, total=total, rate=f"{rate:,.0f} faces/s")

        yield show


class _Lines:
    """What a bar would show, as lines."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begun_s = self._told_s = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < _LINE_EVERY_S:
            return
        self._told_s = now_s
        rate = done / (now_s - self._begun_s)
        left = f", {(total - done) / rate:,.0f} s left" if rate else ""
        click.echo(f"{self._label}: {done:,} of {total:,}, {rate:,.0f} faces/s{left}", err=True)


@contextmanager
def entries_progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error until the context ends, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("entries"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("entries", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
