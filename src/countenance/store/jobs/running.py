"""One job in its thread: what the task is given, and what its end means for the queue."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from procrastinate import exceptions, utils
from procrastinate.job_context import JobContext as TheirContext
from procrastinate.jobs import Job as TheirJob
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from countenance.store.errors import StoreUnavailable
from countenance.store.jobs.queue import Jobs
from countenance.store.jobs.task import QUERIES, JobContext, JobFailed, JobInterrupted, Task
from countenance.store.pool import Database

_LONGEST_PAUSE_S = 3600.0
_PACKAGE = "countenance"


class Ended(Exception):
    """The job did not come to its end: tried again after so many seconds, or never."""

    def __init__(self, again_in_s: float | None) -> None:
        super().__init__()
        self.again_in_s = again_in_s


class Again(BaseRetryStrategy):
    """When procrastinate is to try a job again: as `Ended` says."""

    def get_retry_decision(self, *, exception: BaseException, job: TheirJob) -> RetryDecision | None:
        del job
        if not isinstance(exception, Ended) or exception.again_in_s is None:
            return None
        return RetryDecision(retry_at=utils.utcnow() + timedelta(seconds=exception.again_in_s))


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs jobs of a worker's tasks.

    Attributes:
        is_ending: whether the worker is to end: its jobs go back into the queue.
        tell: told in a line of every failure that has a new reason, and of every job that is given up.
    """

    database: Database
    jobs: Jobs
    is_ending: Callable[[], bool]
    tell: Callable[[str], None]

    def run(self, task: Task, context: TheirContext, arguments: dict[str, Any]) -> None:
        """Returns when the job is done.

        Raises:
            JobAborted: somebody cancelled it.
            Ended: it is to be tried again, or was given up.
            StoreUnavailable: the database does not answer.
        """
        job_id = context.job.id
        assert job_id is not None
        done, failures, error = self._progress(job_id)
        ours = JobContext(
            self.jobs,
            self.database,
            job_id=job_id,
            arguments=arguments,
            done=done,
            is_stopping=lambda: self.is_ending() or context.should_abort(),
        )
        try:
            task.run(ours)
            ours.flush()
        except JobInterrupted:
            if context.should_abort():
                raise exceptions.JobAborted from None
            raise Ended(0.0) from None
        except Exception as problem:  # noqa: BLE001  # whatever a task meets is its own job's reason
            if context.should_abort():
                raise exceptions.JobAborted from None
            raise self._failed(task, job_id, problem, failures=failures + 1, known=error) from None

    def _progress(self, job_id: int) -> tuple[int, int, str | None]:
        with self.database.read() as connection:
            row = connection.execute(QUERIES["find_progress"], {"job_id": job_id}).fetchone()
        return (row[0], row[1], row[2]) if row else (0, 0, None)

    def _failed(
        self, task: Task, job_id: int, problem: Exception, *, failures: int, known: str | None
    ) -> Ended:
        reason = reason_of(problem)
        with self.database.read() as connection:
            connection.execute(QUERIES["fail"], {"job_id": job_id, "error": reason})
        named = f"job {job_id} ({task.name})"
        if failures >= task.tries:
            self.tell(f"{named} was given up: {reason}; `countenance jobs retry {job_id}` tries it again")
            return Ended(None)
        pause_s = min(task.pause_s * 2 ** (failures - 1), _LONGEST_PAUSE_S)
        if reason != known:
            self.tell(f"{named} failed: {reason}; tried again in {pause_s:.0f} s")
        return Ended(pause_s)


def reason_of(problem: BaseException) -> str:
    """Why a job failed, in words that may be kept and shown.

    # INVARIANT: of others' errors the kind and the place, never the message: it quotes what it stumbled over.
    """
    if isinstance(problem, JobFailed | StoreUnavailable):
        return str(problem)
    names, cause = [type(problem).__name__], problem.__cause__
    while cause is not None:
        names.append(type(cause).__name__)
        cause = cause.__cause__
    frames = [
        (frame.f_globals.get("__name__", ""), line)
        for frame, line in traceback.walk_tb(problem.__traceback__)
    ]
    own = [(module, line) for module, line in frames if module.startswith(_PACKAGE)] or frames
    where = f" in {own[-1][0]}, line {own[-1][1]}" if own else ""
    return " from ".join(names) + where
