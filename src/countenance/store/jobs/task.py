"""A kind of job, and what one that runs is given: all that a layer above needs to know of the queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from countenance.errors import CountenanceError
from countenance.store.pool import Database
from countenance.store.queries import load_queries

if TYPE_CHECKING:
    from countenance.store.jobs.queue import Jobs

QUERIES = load_queries("countenance.store.jobs", "jobs.sql")
_REPORT_EVERY_S = 1.0


class JobFailed(CountenanceError):
    """A task could not do its work, for this reason; it is tried again, later and later, and then given up.

    # INVARIANT: the reason is kept and shown: ids only, no person's name, no file's name, nothing of a face.
    """


class JobInterrupted(CountenanceError):
    """The task noticed that it is to stop, and did: raised by `JobContext.stop_here`, never a failure."""


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of job.

    Attributes:
        name: what jobs of this kind are called in lists: words with hyphens. It is kept with waiting jobs, so
            a task that is renamed is another one.
        run: does the work, in a thread of its own. It may be killed at any moment and is called again then,
            with the same arguments: it goes on where it ended, and doing a step twice does no harm.
        every_s: how often a job of this kind is made by itself, a divisor of a day; None for never. One that
            still waits when the time comes again is not doubled.
        is_local: it works on what one server has for itself (its data directory, its disk): a job is run by
            the server that it was made for, and by itself for each. Else any server on the database runs it.
        tries: failures, from the first to the last, before it is given up until somebody asks for another.
        pause_s: before the second try; twice as long before each next, an hour at most.
        meaning: a line for people.
    """

    name: str
    run: Callable[[JobContext], None]
    every_s: float | None = None
    is_local: bool = False
    tries: int = 5
    pause_s: float = 60.0
    meaning: str = ""


class JobContext:
    """What a running job knows, says and asks. For the job's own threads; `report` for one of them.

    Attributes:
        job_id: as lists show it.
        arguments: as they were given to `Jobs.defer`.
        database: connections for the work: two at once and no more.
        jobs: the queue, to put other jobs into it.
        done: how far an earlier run of this job had reported to be when it ended; 0 for the first.
    """

    def __init__(
        self,
        jobs: Jobs,
        database: Database,
        *,
        job_id: int,
        arguments: Mapping[str, Any],
        done: int,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.jobs = jobs
        self.database = database
        self.job_id = job_id
        self.arguments = arguments
        self.done = done
        self._is_stopping = is_stopping
        self._said_at_s = float("-inf")
        self._unsaid: tuple[int, int | None, str] | None = None

    def report(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far it is, in whatever it counts; kept about once a second, so it may be called often.

        Args:
            total: what `done` is to become; None where nobody knows.
            note: a few words of where it stands, ids only; shown in lists.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        self._unsaid = (done, total, note)
        if time.monotonic() - self._said_at_s >= _REPORT_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Keep what was reported last, at once. Raises StoreUnavailable."""
        if self._unsaid is None:
            return
        done, total, note = self._unsaid
        facts = {"job_id": self.job_id, "done": done, "total": total, "note": note}
        with self.database.read() as connection:
            connection.execute(QUERIES["report"], facts)
        self._unsaid, self._said_at_s = None, time.monotonic()

    def is_stopping(self) -> bool:
        """Whether the task should end soon: somebody cancelled the job, or the server stops.

        Asked between two steps, every second or so. A task that sees it leaves its work in order and calls
        `stop_here`; one that does not within half a minute is killed.
        """
        return self._is_stopping()

    def stop_here(self) -> NoReturn:
        """End here: a cancelled job for good, any other to be taken up again by the next server that runs."""
        self.flush()
        raise JobInterrupted

    def stop_if_asked(self) -> None:
        """Both in one, for between two steps."""
        if self._is_stopping():
            self.stop_here()


class Stop:
    """Asked for from any thread, or by a signal; seen by all."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self, *_: object) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Whether it is set, after that time at the latest."""
        return self._event.wait(seconds)
