from __future__ import annotations

import threading
import time

from countenance.store.jobs import JobFailed, JobState, Task


def test_a_worker_is_counted_for_as_long_as_it_lives(queue):
    """Who puts a job in may say whether anybody will run it."""
    assert queue.jobs.count_workers() == 0
    with queue.worker(), queue.worker(server="two"):
        await_workers(queue, 2)
    await_workers(queue, 0)


def await_workers(queue, count):
    """PostgreSQL ends a session a moment after its client has gone."""
    deadline = time.monotonic() + 30
    while queue.jobs.count_workers() != count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_how_it_ended_counts_only_while_the_job_is_the_workers_own(queue):
    """Taken from it meanwhile: another's end, failure and progress are what is kept."""
    begun, go_on = threading.Event(), threading.Event()

    def work(context):
        begun.set()
        assert go_on.wait(30)
        if context.arguments["fails"]:
            raise JobFailed("of the first")

    task = Task("work", work, tries=1)
    for fails in (False, True):
        begun.clear()
        go_on.clear()
        job_id = queue.jobs.defer(task, {"fails": fails})
        with queue.worker(task):
            assert begun.wait(30)
            other = queue.execute("select worker_id from procrastinate_register_worker_v1()").fetchone()[0]
            queue.execute("update procrastinate_jobs set worker_id = %s where id = %s", other, job_id)
            go_on.set()
            time.sleep(0.7)
            job = queue.jobs.find(job_id)
            assert (job.state, job.failures, job.error) == (JobState.RUNNING, 0, None)
        queue.execute("delete from procrastinate_jobs where id = %s", job_id)
    assert queue.told == []


def test_a_failed_job_gives_way_to_one_of_its_kind_that_waits(queue):
    """Put back beside it, it would stay `running` for ever: the queue takes one of a kind."""
    begun, go_on = threading.Event(), threading.Event()

    def work(context):
        if not begun.is_set():
            begun.set()
            assert go_on.wait(30)
            raise JobFailed("once")

    task = Task("work", work, pause_s=60.0)
    first = queue.jobs.defer(task, lock="kind", queueing_lock="kind")
    with queue.worker(task):
        assert begun.wait(30)
        second = queue.jobs.defer(task, lock="kind", queueing_lock="kind")
        assert second != first
        go_on.set()
        gone = queue.await_state(first, JobState.CANCELLED)
        queue.await_state(second, JobState.DONE)
    assert gone.error == "another job of its kind waits already, and does its work"


def test_a_job_that_is_interrupted_gives_way_too(queue):
    begun = threading.Event()

    def work(context):
        begun.set()
        while True:
            context.stop_if_asked()
            time.sleep(0.02)

    task = Task("work", work)
    first = queue.jobs.defer(task, lock="kind", queueing_lock="kind")
    with queue.worker(task):
        assert begun.wait(30)
        second = queue.jobs.defer(task, lock="kind", queueing_lock="kind")
    assert queue.jobs.find(first).state is JobState.CANCELLED
    assert queue.jobs.find(second).state is JobState.WAITING
