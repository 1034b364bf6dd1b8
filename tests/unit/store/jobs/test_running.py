from __future__ import annotations

import itertools
import threading
import time

import psycopg
import pytest

from countenance.errors import InternalServerError, InvalidParameterException
from countenance.store import KeyMissing, StoreUnavailable
from countenance.store.jobs import JobFailed, JobState, Task, running
from countenance.store.jobs.running import reason_of
from job_runner import await_jobs, await_none_left

SECRET = "Ada Lovelace, ada.jpg"


def test_a_job_that_fails_is_tried_again_and_then_given_up_with_its_reason(queue):
    """A line for a new reason and one for the end, however often it was tried between."""

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


def test_pauses_between_tries_grow(queue):
    began = []

    def fail(context):
        began.append(time.monotonic())
        raise JobFailed("again")

    task = Task("fail", fail, tries=3, pause_s=0.6)
    job_id = queue.jobs.defer(task)
    with queue.worker(task):
        queue.await_state(job_id, JobState.FAILED)
    first, second = (after - before for before, after in itertools.pairwise(began))
    assert 0.6 <= first < second
    assert second >= 1.2


def test_a_job_that_was_given_up_is_tried_as_often_again_when_somebody_asks(queue):
    broken = threading.Event()
    broken.set()

    def work(context):
        if broken.is_set():
            raise JobFailed("broken")

    task = Task("work", work, tries=2, pause_s=0.05)
    job_id = queue.jobs.defer(task)
    with queue.worker(task):
        queue.await_state(job_id, JobState.FAILED)
        queue.jobs.retry(job_id)
        queue.await_state(job_id, JobState.FAILED)
        broken.clear()
        queue.jobs.retry(job_id)
        job = queue.await_state(job_id, JobState.DONE)
    assert [line.count("given up") for line in queue.told] == [0, 1, 1]
    assert job.error == "broken"


def test_a_failure_leaves_the_list_when_a_later_job_of_its_kind_has_ended(queue):
    """Of what is made every hour there is one that tells, and none when it is mended."""
    broken = threading.Event()
    broken.set()

    def work(context):
        if broken.is_set():
            raise JobFailed("broken")

    task = Task("work", work, tries=1, every_s=3600)
    with queue.worker(task):
        await_jobs(queue.jobs, 1)
        await_none_left(queue.jobs)
        second = queue.jobs.run_now(task)
        queue.await_state(second, JobState.FAILED)
        await_listed(queue, [second])
        broken.clear()
        queue.await_state(queue.jobs.run_now(task), JobState.DONE)
        await_listed(queue, [])
    with queue.database.read() as connection:
        assert connection.execute("select count(*) from jobs.progress").fetchone() == (0,)


def await_listed(queue, wanted):
    deadline = time.monotonic() + 10
    while [job.job_id for job in queue.jobs.list()] != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.03)


def test_a_cancelled_job_that_fails_on_its_way_out_is_cancelled(queue):
    def work(context):
        while not context.is_stopping():
            time.sleep(0.02)
        raise ValueError(SECRET)

    task = Task("work", work)
    job_id = queue.jobs.defer(task)
    with queue.worker(task):
        queue.await_state(job_id, JobState.RUNNING)
        queue.jobs.cancel(job_id)
        queue.await_state(job_id, JobState.CANCELLED)
    assert queue.told == []


def test_a_database_that_breaks_off_is_no_failure_of_the_job(queue, monkeypatch):
    """It was PostgreSQL that was killed: in seconds the job goes on, and no try of it is lost."""
    monkeypatch.setattr(running, "_DATABASE_PAUSE_S", 0.1)
    begun = []

    def work(context):
        begun.append(context.job_id)
        if len(begun) <= 3:
            raise StoreUnavailable("the database is not available (AdminShutdown)")

    task = Task("work", work, tries=1)
    with queue.worker(task):
        job = queue.await_state(queue.jobs.defer(task), JobState.DONE)
    assert (len(begun), job.failures, queue.told) == (4, 0, [])


def test_a_job_that_always_breaks_the_database_off_is_given_up(queue, monkeypatch):
    monkeypatch.setattr(running, "_DATABASE_PAUSE_S", 0.02)

    def work(context):
        raise StoreUnavailable("the database is not available (QueryCanceled)")

    task = Task("work", work, tries=1)
    with queue.worker(task):
        job = queue.await_state(queue.jobs.defer(task), JobState.FAILED)
    assert job.error == "the database is not available (QueryCanceled)"
    assert len(queue.told) == 1


@pytest.mark.parametrize("problem", [ValueError, InvalidParameterException, psycopg.DataError, SystemError])
def test_the_words_of_others_are_neither_kept_nor_told(queue, problem, capfd, caplog):
    """They quote what they stumbled over; nor does the library log arguments or errors."""

    def fail(context):
        raise problem(SECRET)

    task = Task("fail", fail, tries=1)
    job_id = queue.jobs.defer(task, {"id": "argument-of-the-job"})
    with queue.worker(task):
        job = queue.await_state(job_id, JobState.FAILED)
    assert job.error.startswith(f"{problem.__name__} in countenance.store.jobs.running, line ")
    heard = "".join((*queue.told, *capfd.readouterr(), caplog.text))
    assert SECRET not in heard
    assert "argument-of-the-job" not in heard


def test_a_reason_names_what_it_came_from():
    def find():
        raise KeyMissing(SECRET)

    def fail():
        try:
            find()
        except KeyMissing as error:
            raise InternalServerError from error

    with pytest.raises(InternalServerError) as caught:
        fail()
    assert reason_of(caught.value).startswith("InternalServerError from KeyMissing in ")
    assert SECRET not in reason_of(caught.value)
    assert reason_of(JobFailed("collection c is stuck")) == "collection c is stuck"
    assert reason_of(StoreUnavailable("the database is away")) == "the database is away"
