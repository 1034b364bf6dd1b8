"""The queue as all but its workers see it: put a job in, look at what is there, stop one, try one again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from countenance.store.errors import StoreUnavailable
from countenance.store.jobs.schema import in_schema
from countenance.store.jobs.servers import lock_of, queue_of
from countenance.store.jobs.task import QUERIES, Task
from countenance.store.pool import Connection, Database

LOCK_CLASS = 0x4A6F6273  # "Jobs": of the advisory locks that living workers hold
_ATTEMPTS = 3


class JobState(StrEnum):
    """Where a job stands, in words for people."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATES = {
    "todo": JobState.WAITING,
    "doing": JobState.RUNNING,
    "stopping": JobState.STOPPING,
    "succeeded": JobState.DONE,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "aborting": JobState.STOPPING,
    "aborted": JobState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as it stands.

    Attributes:
        server: the one that alone may run it; None for any.
        next_at: a waiting one is not run before; None for as soon as it is its turn.
        done, total, note, progress_at: as its task reported last; None where it reported nothing.
        failures: how often it has failed; `error` says why it did so last.
    """

    job_id: int
    task: str
    arguments: Mapping[str, Any]
    server: str | None
    state: JobState
    made_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    next_at: datetime | None
    done: int | None
    total: int | None
    note: str
    progress_at: datetime | None
    failures: int
    error: str | None
    error_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobFigures:
    """How many jobs there are of each state; since when (Unix time, s) the oldest that could run waits."""

    counts: Mapping[JobState, int]
    oldest_at: float | None


class NoSuchJob(Exception):
    """There is none of that number, or none that this can be done to; the message says which."""


class Jobs:
    """The queue of one database. Thread-safe; what it answers is durable.

    Args:
        server: whose local jobs are made, as `server_id` has it; None for a program that makes none.
    """

    def __init__(self, database: Database, *, server: str | None = None) -> None:
        self._database = database
        self._server = server

    def defer(
        self,
        task: Task,
        arguments: Mapping[str, Any] | None = None,
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
        connection: Connection | None = None,
    ) -> int:
        """Put a job into the queue; its number. One that waits runs within a second where a worker is free.

        Args:
            arguments: JSON values, ids only: they are kept, and shown in lists.
            lock: of several jobs with the same one runs at a time, in the order of their making.
            queueing_lock: of several with the same one waits at a time: where one waits already, its number
                is the answer, and no other is made.
            connection: make it in the transaction that is open there, with whatever else it changes; None for
                one of its own.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        from procrastinate import exceptions
        from procrastinate.jobs import Job as TheirJob

        job = TheirJob(
            queue=queue_of(task, self._server),
            task_name=task.name,
            task_kwargs=dict(arguments or {}),
            lock=lock,
            queueing_lock=queueing_lock,
        )
        for _ in range(_ATTEMPTS):
            with self._transaction(connection) as opened:
                try:
                    with in_schema(opened):
                        made = _manager(opened).defer_job(job)
                        assert made.id is not None
                        return int(made.id)
                except exceptions.AlreadyEnqueued:
                    facts = {"queueing_lock": queueing_lock}
                    row = opened.execute(QUERIES["find_waiting"], facts).fetchone()
                    if row is not None:  # else it began to run in this moment
                        return int(row[0])
        raise StoreUnavailable("jobs of one kind come and go too fast to put another into the queue")

    def run_now(self, task: Task) -> int:
        """A periodic task's job at once; the number of the one that waits already, where one does.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        lock = lock_of(task, self._server)
        job_id = self.defer(task, lock=lock, queueing_lock=lock)
        with self._database.transaction() as connection:
            _hasten(connection, job_id)
        return job_id

    def list(self, *, with_ended: bool = False) -> list[Job]:
        """Those that wait, run or failed, by number; with all others that are kept."""
        with self._database.read() as connection:
            return _read(connection, None, with_ended=with_ended)

    def find(self, job_id: int) -> Job | None:
        """The job of that number; None where it is forgotten or never was."""
        return next(iter(self.find_all([job_id])), None)

    def find_all(self, job_ids: Sequence[int], *, connection: Connection | None = None) -> Sequence[Job]:
        """Those of these numbers that are there, by number; read on `connection` where one is given."""
        with self._database.read() if connection is None else nullcontext(connection) as opened:
            return _read(opened, job_ids, with_ended=True)

    def retry(self, job_id: int) -> None:
        """Put a failed job into the queue again; one that waits for its next try has it now.

        Raises:
            NoSuchJob: there is none, or it is neither.
        """
        from procrastinate import exceptions, utils

        with self._database.transaction() as connection:
            job = self._require(connection, job_id)
            connection.execute(QUERIES["begin_anew"], {"job_id": job_id})
            if _hasten(connection, job_id):
                return
            if job.state is not JobState.FAILED:
                raise NoSuchJob(f"job {job_id} has not failed: it is {job.state}")
            try:
                with in_schema(connection):
                    _manager(connection).retry_job_by_id(job_id, utils.utcnow())
            except exceptions.UniqueViolation:
                raise NoSuchJob(
                    f"job {job_id} need not be tried again: another job like it waits already"
                ) from None

    def cancel(self, job_id: int, *, connection: Connection | None = None) -> JobState:
        """Take a waiting job out, or ask a running one to stop; which it is then.

        Args:
            connection: do it in the transaction that is open there; None for one of its own.

        Raises:
            NoSuchJob: there is none, or it has ended.
        """
        with self._transaction(connection) as opened:
            job = self._require(opened, job_id)
            with in_schema(opened):
                is_done = _manager(opened).cancel_job_by_id(job_id, abort=True)
            if not is_done:
                raise NoSuchJob(f"job {job_id} has ended: it is {job.state}")
            return self._require(opened, job_id).state

    def figures(self) -> JobFigures:
        """Counts and the longest wait."""
        counts = dict.fromkeys(JobState, 0)
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["figures"]).fetchall()
        for status, count, _ in rows:
            counts[_STATES[status]] += count
        return JobFigures(counts, min((at for _, _, at in rows if at is not None), default=None))

    def count_workers(self, *, connection: Connection | None = None) -> int:
        """How many processes run jobs now, on whatever machine; asked on `connection` where one is given."""
        with self._database.read() if connection is None else nullcontext(connection) as opened:
            row = opened.execute(QUERIES["count_workers"], {"lock_class": LOCK_CLASS}).fetchone()
        return int(row[0]) if row else 0

    def forget_ended(self, age: timedelta, *, limit: int = 1000) -> int:
        """Forget at most so many jobs that ended that long ago; how many."""
        facts = {"kept": age, "limit": limit}
        with self._database.transaction() as connection, in_schema(connection):
            return connection.execute(QUERIES["forget_ended"], facts).rowcount

    def _require(self, connection: Connection, job_id: int) -> Job:
        found = _read(connection, [job_id], with_ended=True)
        if not found:
            raise NoSuchJob(f"there is no job {job_id}")
        return found[0]

    @contextmanager
    def _transaction(self, connection: Connection | None) -> Iterator[Connection]:
        if connection is not None:
            yield connection
        else:
            with self._database.transaction() as opened:
                yield opened


def _manager(connection: Connection) -> Any:
    """The functions of procrastinate, on this connection.

    Imported when it is needed: it takes a third of a second, which a look at a list is not worth.
    """
    from procrastinate.manager import JobManager

    from countenance.store.jobs.connector import OneConnection

    return JobManager(OneConnection(connection))


def _hasten(connection: Connection, job_id: int) -> bool:
    """Whether it waited for its next try; it need not any more."""
    with in_schema(connection):  # whose triggers need it
        return connection.execute(QUERIES["hasten"], {"job_id": job_id}).rowcount > 0


def _read(connection: Connection, job_ids: Sequence[int] | None, *, with_ended: bool) -> list[Job]:
    facts = {"job_ids": None if job_ids is None else [*job_ids], "with_ended": with_ended}
    rows = connection.execute(QUERIES["list_jobs"], facts).fetchall()
    return [_job(*row) for row in rows]


def _job(job_id: int, task: str, arguments: Any, queue: str, status: str, *rest: Any) -> Job:
    made_at, started_at, ended_at, next_at, done, total, note, progress_at, failures, error, error_at = rest
    return Job(
        job_id=job_id,
        task=task,
        arguments={name: value for name, value in arguments.items() if name != "timestamp"},
        server=queue.partition("-")[2] or None,
        state=_STATES[status],
        made_at=made_at,
        started_at=started_at,
        ended_at=ended_at,
        next_at=next_at,
        done=done,
        total=total,
        note=note or "",
        progress_at=progress_at,
        failures=failures or 0,
        error=error,
        error_at=error_at,
    )
