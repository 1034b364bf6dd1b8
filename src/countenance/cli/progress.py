"""Progress bars, on standard error so that output can be piped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
