from __future__ import annotations

import time

import pytest

from countenance.store import Database, migrate
from countenance.store.jobs import JobFailed, Jobs, JobState, Task
from countenance.store.jobs.worker import cron
from job_runner import SERVER, working


@pytest.fixture
def queue(empty_database_url):
    """A database with a queue, and nothing in it."""
    with Database(empty_database_url, max_connections=12) as database:
        migrate(database)
        yield Queue(empty_database_url, database)


class Queue:
    def __init__(self, url, database):
        self.url, self.database = url, database
        self.jobs = Jobs(database, server=SERVER)
        self.told = []

    def worker(self, *tasks, **given):
        """One that works until the context ends."""
        return working(self.url, self.database, tasks, tell=self.told.append, **given)

    def await_state(self, job_id, *states, patience_s=20.0):
        deadline = time.monotonic() + patience_s
        while (job := self.jobs.find(job_id)).state not in states:
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        return job


def test_a_job_is_done_with_its_arguments_and_its_progress(queue):
    seen = []

    def count(context):
        seen.append(dict(context.arguments))
        for number in range(1, 4):
            context.report(number, 3, "counting")

    task = Task("count", count)
    job_id = queue.jobs.defer(task, {"collection_id": "c", "pages": [1, 2]})
    with queue.worker(task):
        job = queue.await_state(job_id, JobState.DONE)
    assert seen == [{"collection_id": "c", "pages": [1, 2]}]
    assert (job.done, job.total, job.note, job.failures, job.error) == (3, 3, "counting", 0, None)
    assert job.made_at <= job.started_at <= job.ended_at
    assert queue.told == []


def test_a_job_that_fails_is_tried_again_and_then_given_up_with_its_reason(queue):
    def fail(context):
        raise JobFailed(f"collection {context.arguments['collection_id']} is stuck")

    task = Task("fail", fail, tries=3, pause_s=0.05)
    job_id = queue.jobs.defer(task, {"collection_id": "c-1"})
    with queue.worker(task):
        job = queue.await_state(job_id, JobState.FAILED)
    assert (job.failures, job.error) == (3, "collection c-1 is stuck")
    assert queue.told == [
        f"job {job_id} (fail) failed: collection c-1 is stuck; tried again in 0 s",
        (
            f"job {job_id} (fail) was given up: collection c-1 is stuck;"
            f" `countenance jobs retry {job_id}` tries it again"
        ),
    ]


@pytest.mark.parametrize(
    ("every_s", "form"),
    [
        (1, "* * * * * */1"),
        (30, "* * * * * */30"),
        (60, "*/1 * * * *"),
        (900, "*/15 * * * *"),
        (3600, "0 */1 * * *"),
        (21600, "0 */6 * * *"),
        (86400, "0 0 * * *"),
    ],
)
def test_periods_are_moments_of_the_day(every_s, form):
    assert cron(every_s) == form


@pytest.mark.parametrize("every_s", [0, 0.5, 7, 90, 5400, 36000, 172800])
def test_a_period_that_a_day_is_not_divided_by_is_refused(every_s):
    with pytest.raises(ValueError, match="a day is not divided"):
        cron(every_s)
