from __future__ import annotations

import uuid

import pytest

from countenance.store import Database, StoreUnavailable
from countenance.store.jobs import Jobs, JobState, NoSuchJob, Task

TASK = Task("work", print)
HOURLY = Task("hourly", print, every_s=3600)


def test_a_job_that_is_put_in_a_transaction_is_there_if_that_commits(queue):
    """With whatever else it changes; its own tables are found as before."""
    before = queue.jobs.list()
    with pytest.raises(RuntimeError), queue.database.transaction() as connection:
        queue.jobs.defer(TASK, connection=connection)
        raise RuntimeError
    assert queue.jobs.list() == before == []
    with queue.database.transaction() as connection:
        job_id = queue.jobs.defer(TASK, {"id": "x"}, connection=connection)
        assert connection.execute("select count(*) from account").fetchone() == (0,)
        assert queue.jobs.find(job_id) is None
    assert queue.jobs.find(job_id).arguments == {"id": "x"}


def test_of_one_kind_one_waits(queue):
    """In a transaction of the caller's as well, which goes on."""
    first = queue.jobs.defer(TASK, queueing_lock="kind")
    with queue.database.transaction() as connection:
        assert queue.jobs.defer(TASK, queueing_lock="kind", connection=connection) == first
        other = queue.jobs.defer(TASK, queueing_lock="another", connection=connection)
    assert [job.job_id for job in queue.jobs.list()] == [first, other]
    queue.execute("update procrastinate_jobs set status = 'doing' where id = %s", first)
    assert queue.jobs.defer(TASK, queueing_lock="kind") not in {first, other}


def test_what_ended_is_listed_when_it_is_asked_for(queue):
    made = [queue.jobs.defer(TASK) for _ in range(4)]
    queue.execute("update procrastinate_jobs set status = 'doing'")
    for job_id, status in zip(made, ("succeeded", "failed", "aborted"), strict=False):
        queue.execute("update procrastinate_jobs set status = %s where id = %s", status, job_id)
    states = [JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.RUNNING]
    assert [job.state for job in queue.jobs.list(with_ended=True)] == states
    assert [job.job_id for job in queue.jobs.list()] == [made[1], made[3]]
    ended = queue.jobs.find(made[0])
    assert ended.made_at <= ended.started_at <= ended.ended_at


def test_a_job_that_waits_is_cancelled_and_one_that_ended_is_not(queue):
    job_id = queue.jobs.defer(TASK)
    assert queue.jobs.cancel(job_id) is JobState.CANCELLED
    with pytest.raises(NoSuchJob, match=f"job {job_id} has ended: it is cancelled"):
        queue.jobs.cancel(job_id)
    with pytest.raises(NoSuchJob, match="there is no job 999"):
        queue.jobs.cancel(999)


def test_a_failed_job_is_tried_again_and_no_other(queue):
    job_id = queue.jobs.defer(TASK, queueing_lock="kind")
    with pytest.raises(NoSuchJob, match=f"job {job_id} has not failed: it is waiting"):
        queue.jobs.retry(job_id)
    queue.execute("update procrastinate_jobs set status = 'doing'")
    queue.execute("update procrastinate_jobs set status = 'failed'")
    other = queue.jobs.defer(TASK, queueing_lock="kind")
    with pytest.raises(NoSuchJob, match="another job like it waits already"):
        queue.jobs.retry(job_id)
    queue.jobs.cancel(other)
    queue.jobs.retry(job_id)
    assert queue.jobs.find(job_id).state is JobState.WAITING
    with pytest.raises(NoSuchJob, match="there is no job 999"):
        queue.jobs.retry(999)


def test_a_periodic_task_is_run_now_though_it_waits_for_its_next_try(queue):
    job_id = queue.jobs.run_now(HOURLY)
    queue.execute("update procrastinate_jobs set scheduled_at = now() + interval '1 hour'")
    assert queue.jobs.find(job_id).next_at is not None
    assert queue.jobs.run_now(HOURLY) == job_id
    assert queue.jobs.figures().oldest_at is not None


def test_a_local_job_names_its_server_and_needs_one(queue):
    local = Task("local", print, is_local=True)
    assert queue.jobs.find(queue.jobs.defer(local)).server == "one"
    assert queue.jobs.find(queue.jobs.defer(TASK)).server is None
    with pytest.raises(ValueError, match="`local`"):
        Jobs(queue.database).defer(local)


def test_a_database_that_is_gone_is_told_as_such(empty_database_url):
    gone = Database(empty_database_url, max_connections=1)
    gone.close()
    for ask in (lambda jobs: jobs.defer(TASK), lambda jobs: jobs.list(), lambda jobs: jobs.figures()):
        with pytest.raises(StoreUnavailable):
            ask(Jobs(gone))


def test_arguments_of_every_json_kind_come_back(queue):
    given = {"a": None, "b": [1, 2.5, {"c": [True]}], "d": {}, "id": str(uuid.uuid4())}
    assert queue.jobs.find(queue.jobs.defer(TASK, given)).arguments == given
