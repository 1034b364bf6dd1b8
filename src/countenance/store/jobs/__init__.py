"""The job queue in PostgreSQL (docs/adr/0016): the only place that knows procrastinate."""

from countenance.store.jobs.queue import Job, JobFigures, Jobs, JobState, NoSuchJob
from countenance.store.jobs.schema import apply_jobs_schema
from countenance.store.jobs.servers import server_id
from countenance.store.jobs.task import JobContext, JobFailed, JobInterrupted, Stop, Task

__all__ = [
    "Job",
    "JobContext",
    "JobFailed",
    "JobFigures",
    "JobInterrupted",
    "JobState",
    "Jobs",
    "NoSuchJob",
    "Stop",
    "Task",
    "apply_jobs_schema",
    "server_id",
]
