"""Jobs as commands show them: a row, all facts, and one that is waited for."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from countenance.cli.progress import work_progress
from countenance.errors import SetupError
from countenance.store.jobs import Job, Jobs, JobState

_LOOK_EVERY_S = 0.3
_PATIENCE_S = 10.0
"""A server whose job runner was killed has another by then."""
_OVER = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


def facts_of(job: Job) -> dict[str, Any]:
    """Everything, under the names that JSON has."""
    return {
        "Job": job.job_id,
        "Task": job.task,
        "State": str(job.state),
        "Arguments": json.dumps(job.arguments) if job.arguments else None,
        "Server": job.server,
        "Done": job.done,
        "Total": job.total,
        "Note": job.note or None,
        "Reported": job.progress_at if job.done is not None else None,
        "Made": job.made_at,
        "Started": job.started_at,
        "NextTry": job.next_at if job.state is JobState.WAITING else None,
        "Ended": job.ended_at,
        "Failures": job.failures,
        "Error": job.error,
        "ErrorAt": job.error_at,
    }


def row_of(job: Job) -> dict[str, Any]:
    """For people: a few words for each thing."""
    return {
        "Job": job.job_id,
        "Task": job.task,
        "State": str(job.state),
        "Progress": progress_of(job),
        "About": ", ".join(f"{name} {value}" for name, value in job.arguments.items()),
        "When": _when(job),
        "Why": None if job.state is JobState.DONE else job.error,
    }


def progress_of(job: Job) -> str | None:
    """As `1,200 of 5,000 faces`; None where nothing was reported."""
    if job.done is None or (not job.done and job.total is None and not job.note):
        return None
    total = "" if job.total is None else f" of {job.total:,}"
    return f"{job.done:,}{total} {job.note}".rstrip()


def watch(jobs: Jobs, job: Job) -> Job:
    """The job when it is over, or has failed once more; on standard error its progress, and why it failed.

    Raises:
        SetupError: it was forgotten meanwhile; or it waits, and no server has run that would take it up.
    """
    before, seen_s = job.failures, time.monotonic()
    with work_progress(job.task) as show:
        while True:
            found = jobs.find(job.job_id)
            if found is None:
                raise SetupError(
                    f"job {job.job_id} is not there any more", remedy="see `countenance jobs list`"
                )
            show(found.done or 0, found.total, found.note)
            if found.state in _OVER or found.failures > before:
                break
            if found.state is not JobState.WAITING or jobs.count_workers():
                seen_s = time.monotonic()
            elif time.monotonic() - seen_s > _PATIENCE_S:
                raise SetupError(
                    f"no server runs that would take up job {job.job_id}",
                    remedy="start one (`countenance serve`): the job waits for it",
                )
            time.sleep(_LOOK_EVERY_S)
    has_failed = found.failures > before or found.state is JobState.FAILED  # maybe before the first look
    if has_failed and found.error:
        click.echo(f"job {found.job_id} failed: {found.error}", err=True)
    return found


def _when(job: Job) -> str:
    match job.state:
        case JobState.WAITING if job.next_at is not None:
            return f"next try {job.next_at.isoformat(timespec='seconds')}"
        case JobState.WAITING:
            return f"since {job.made_at.isoformat(timespec='seconds')}"
        case JobState.RUNNING | JobState.STOPPING if job.started_at is not None:
            return f"since {job.started_at.isoformat(timespec='seconds')}"
    return "" if job.ended_at is None else job.ended_at.isoformat(timespec="seconds")
