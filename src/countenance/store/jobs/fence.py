"""What a worker is known by while it lives, and what keeps one taken for dead from ending others' jobs.

To procrastinate a worker is dead when its heart stops, and whoever ran a job once may say how it ended: a
process that was stopped for a minute and goes on would end a job that another has taken up since. So a worker
also holds an advisory lock, which PostgreSQL takes from it when its session ends and not before; and it says
how a job ended only while the job is its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from procrastinate import exceptions
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector

from countenance.store.jobs.queue import LOCK_CLASS
from countenance.store.jobs.task import QUERIES

_LOG = logging.getLogger(__name__)

LOCK_IDS = 2**31
_OWN: LiteralString = (
    "select 1 as one from procrastinate_jobs"
    " where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'"
)
_HOLD = "select pg_try_advisory_lock(%s, %s)"
_GAVE_WAY = "another job of its kind waits already, and does its work"
_UNKNOWN = "this program has no such task"


class FencedManager(JobManager):
    """The one of procrastinate, for one worker and one loop.

    Args:
        session: of this worker's alone, in autocommit, where procrastinate's names are found; while it lasts,
            so does the worker.
        lost: called when the database does not answer: jobs that run are to end.
        known: names of the tasks that this program has.
    """

    def __init__(
        self,
        connector: PsycopgConnector,
        session: psycopg.AsyncConnection[Any],
        *,
        lost: Callable[[], None],
        known: Collection[str],
    ) -> None:
        super().__init__(connector)
        self._session = session
        self._lost = lost
        self._known = known

    async def register_worker(self) -> int:
        worker_id = await super().register_worker()
        # INVARIANT: before any job is fetched: one of a worker without the lock may be taken from it.
        await self._session.execute(_HOLD, (LOCK_CLASS, worker_id % LOCK_IDS))
        return worker_id

    async def update_heartbeat(self, worker_id: int) -> None:
        """Over the session: a worker whose session is gone has no heartbeat either."""
        try:
            await self._session.execute("select procrastinate_update_heartbeat_v1(%s)", (worker_id,))
        except psycopg.Error as error:
            self._lost()
            raise exceptions.ConnectorException from error

    async def fetch_job(self, queues: Any, worker_id: int) -> Job | None:
        try:
            return await super().fetch_job(queues, worker_id)
        except exceptions.ConnectorException:
            self._lost()
            raise

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        if job.task_name not in self._known:
            await self._explain(job, _UNKNOWN)
        with suppress(exceptions.ConnectorException):  # it is found deserted, and taken up again
            if not await self._is_own(job):
                return
            await super().finish_job(job, status, delete_job)
            if job.queueing_lock is not None:  # what failed before of its kind is mended now, or fails anew
                await self.connector.execute_query_async(
                    QUERIES["forget_superseded"], job_id=job.id, queueing_lock=job.queueing_lock
                )

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        with suppress(exceptions.ConnectorException):
            if not await self._is_own(job):
                return
            try:
                await super().retry_job(job, retry_at, priority, queue, lock)
            except exceptions.UniqueViolation:
                await self._explain(job, _GAVE_WAY)
                await super().finish_job(job, Status.ABORTED, delete_job=False)

    async def _explain(self, job: Job, reason: str) -> None:
        with suppress(exceptions.ConnectorException):
            await self.connector.execute_query_async(QUERIES["explain"], job_id=job.id, error=reason)

    async def _is_own(self, job: Job) -> bool:
        """Looked at before and not in the same statement, whose functions have another name in each version.

        In between it stays our own: it can be taken from us only when our lock has gone for a while.
        """
        rows = await self.connector.execute_query_all_async(_OWN, job_id=job.id, worker_id=job.worker_id)
        if not rows:
            _LOG.error("job %s was taken up by another worker: how it ended here does not count", job.id)
        return bool(rows)
