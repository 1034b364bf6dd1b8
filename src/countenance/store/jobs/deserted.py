"""Jobs whose worker is gone are put back into the queue: kill -9, a lost machine, a restarted database."""

from __future__ import annotations

from typing import Any

from procrastinate import exceptions, sql, utils
from procrastinate.manager import JobManager

from countenance.store.jobs.connector import OneConnection
from countenance.store.jobs.queue import LOCK_CLASS
from countenance.store.jobs.schema import in_schema
from countenance.store.jobs.task import QUERIES
from countenance.store.pool import Connection, Database

PATIENCE_S = 15.0
"""Since its last heartbeat: a worker that lost its session sees it by then, and has told its jobs to end."""
MAX_DEATHS = 10
_FATAL = f"the process that ran it ended {MAX_DEATHS} times and it came no further"
_GAVE_WAY = "its worker was gone, and another job of its kind waits already"


def take_up_deserted(database: Database, *, patience_s: float = PATIENCE_S) -> list[int]:
    """Put deserted jobs back into the queue; which. Several processes may do so at once.

    One that somebody cancelled ends so; one that has brought down its worker again and again, without coming
    further, fails.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    facts = {"patience_s": patience_s, "lock_class": LOCK_CLASS}
    with database.transaction() as connection, in_schema(connection):
        locked = connection.execute(QUERIES["lock_deserted"], facts).fetchall()
        # INVARIANT: asked again, now that they are locked: a job that was put back and taken up between the
        # first question's snapshot and its lock is its new worker's.
        found = connection.execute(QUERIES["lock_deserted"], facts).fetchall() if locked else []
        for job_id, is_cancelled in found:
            _put_back(connection, job_id, is_cancelled=is_cancelled)
        connection.execute(QUERIES["forget_dead_workers"], facts)
    return [job_id for job_id, _ in found]


def _put_back(connection: Connection, job_id: int, *, is_cancelled: bool) -> None:
    manager = JobManager(OneConnection(connection))
    if is_cancelled:
        _finish(connection, job_id, "aborted")
        return
    row = connection.execute(QUERIES["count_death"], {"job_id": job_id}).fetchone()
    if row is not None and row[0] >= MAX_DEATHS:
        _finish(connection, job_id, "failed", reason=_FATAL)
        return
    try:
        with connection.transaction():
            manager.retry_job_by_id(job_id, utils.utcnow())
    except exceptions.UniqueViolation:
        _finish(connection, job_id, "aborted", reason=_GAVE_WAY)


def _finish(connection: Connection, job_id: int, status: str, *, reason: str | None = None) -> None:
    values: dict[str, Any] = {"job_id": job_id, "status": status, "delete_job": False}
    OneConnection(connection).execute_query(sql.queries["finish_job"], **values)
    if reason is not None:
        connection.execute(QUERIES["explain"], {"job_id": job_id, "error": reason})
