"""Runs jobs in the test's own process until none is left that could run."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from countenance.store.jobs import Jobs, JobState, Stop
from countenance.store.jobs.worker import JobsWorker, Pace

QUICK = Pace(poll_s=0.1, heartbeat_s=0.5, deserted_s=0.3, patience_s=1.5, pause_s=0.1)
SERVER = "one"


@contextmanager
def working(url, database, tasks, *, server=SERVER, tell=print, pace=QUICK, **given):
    """A worker in a thread until the context ends; what stops it."""
    stop = Stop()
    worker = JobsWorker(url, database, tasks, server=server, tell=tell, pace=pace, **given)
    thread = threading.Thread(target=worker.run, args=(stop,), name="jobs")
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def run_all(url, database, tasks, *, tell=print):
    """Every periodic task once, and whatever these put into the queue; the jobs as they ended."""
    jobs = Jobs(database, server=SERVER)
    before = {job.job_id for job in jobs.list(with_ended=True)}
    for task in tasks:
        if task.every_s is not None:
            jobs.run_now(task)
    once = [replace(task, every_s=None) for task in tasks]  # made above, and not by the clock as well
    with working(url, database, once, tell=tell):
        await_none_left(jobs)
    return [job for job in jobs.list(with_ended=True) if job.job_id not in before]


def await_jobs(jobs, count, *, patience_s=30.0):
    """Until so many were made."""
    deadline = time.monotonic() + patience_s
    while len(jobs.list(with_ended=True)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def await_none_left(jobs, *, patience_s=60.0):
    """Until nothing runs, nor waits but for its next try."""
    deadline = time.monotonic() + patience_s
    while left := [job for job in jobs.list() if _may_run(job)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def _may_run(job):
    if job.state is JobState.WAITING:
        return job.next_at is None or job.next_at <= datetime.now(UTC)
    return job.state in {JobState.RUNNING, JobState.STOPPING}
