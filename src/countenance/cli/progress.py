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
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

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


class Counted:
    """How many of something were done, and how long it took."""

    def __init__(self, shown: Callable[[int], None]) -> None:
        self._shown = shown
        self._began_s = time.monotonic()
        self.count = 0
        self.seconds = 0.0

    def add(self, more: int) -> None:
        self.count += more
        self.seconds = time.monotonic() - self._began_s
        self._shown(self.count)


@contextmanager
def counting_progress(label: str, what: str, *, total: int | None = None) -> Iterator[Counted]:
    """A bar with rate and time left on standard error until the context ends, where that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(what),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task(label, total=total, rate="")

        def shown(count: int) -> None:
            rate = counted.count / max(counted.seconds, 1e-3)
            bars.update(task, completed=count, rate=f"{rate:,.0f}/s")

        counted = Counted(shown)
        yield counted


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


@contextmanager
def work_progress(label: str) -> Iterator[Callable[[int, int | None, str], None]]:
    """As `entries_progress`, of anything that is counted: done, of how many, a note."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(label, total=None, note="")
        yield lambda done, total, note: bars.update(task, completed=done, total=total, note=note)


@contextmanager
def steps_progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step of some work, with rate and time left, where standard error is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(step: str, done: int, whole: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=whole)
            bars.update(tasks[step], completed=done, total=whole)

        yield tell


class PhotosProgress:
    """Photos done of all, with rate and time left: a bar on a terminal, elsewhere a line now and then."""

    _LINE_EVERY_S = 10.0

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("photos", total=None, amiss=0)
        self._began_s = self._told_s = time.monotonic()
        self._first: int | None = None

    def show(self, done: int, total: int, amiss: int) -> None:
        """So many are done, and `amiss` of them not enrolled."""
        self._bars.update(self._task, completed=done, total=total, amiss=amiss)
        now_s = time.monotonic()
        if self._first is None:
            self._first = done
        if self._bars.disable and now_s - self._told_s >= self._LINE_EVERY_S:
            self._told_s = now_s
            rate = (done - self._first) / (now_s - self._began_s)
            left = f", {(total - done) / rate:,.0f} s left" if rate else ""
            self.notice(f"{done:,} of {total:,} photos, {amiss:,} amiss, {rate:,.1f} a second{left}")

    def notice(self, line: str) -> None:
        """A line above the bar."""
        self._bars.console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s")


@contextmanager
def photos_progress() -> Iterator[PhotosProgress]:
    """On standard error, until the context ends."""
    console = Console(stderr=True)
    columns = (
        TextColumn("photos"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[amiss]} amiss"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield PhotosProgress(bars)
