"""Real processes, really killed."""

from __future__ import annotations

import signal
import time
from collections import Counter

import pytest

from countenance.store.jobs import JobState
from countenance.store.jobs.deserted import MAX_DEATHS, take_up_deserted
from jobs_process import CREATE, DIE, STEPS, WALK, jobs_process, steps


@pytest.fixture
def walking(queue):
    """A queue, and the table that walkers note their steps in."""
    with queue.database.transaction() as connection:
        connection.execute(CREATE)
    return queue


def await_steps(queue, job_id, count):
    deadline = time.monotonic() + 30
    while len(steps(queue.database, job_id)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_job_whose_process_is_killed_is_taken_up_where_it_was(walking):
    """By another that was there already, within seconds of its heart's last beat; with its progress."""
    job_id = walking.jobs.defer(WALK)
    with jobs_process(walking.url) as first:
        await_steps(walking, job_id, 8)
        before = walking.jobs.find(job_id)
        assert 0 < before.done <= 8
        with jobs_process(walking.url, server="two") as second:
            first.kill()
            first.wait()
            killed_s = time.monotonic()
            deadline = killed_s + 30
            while {process for _, process in steps(walking.database, job_id)} == {first.pid}:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert time.monotonic() - killed_s < 10
            job = walking.await_state(job_id, JobState.DONE)
    assert (job.done, job.total) == (STEPS, STEPS)
    taken = steps(walking.database, job_id)
    assert [number for number, _ in taken] == list(range(1, STEPS + 1))
    assert Counter(process for _, process in taken)[second.pid] >= 1


def test_a_job_whose_process_is_told_to_stop_goes_back_at_once(walking):
    """And no word of it: nothing failed."""
    job_id = walking.jobs.defer(WALK)
    with jobs_process(walking.url) as first:
        await_steps(walking, job_id, 5)
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0
        assert first.stderr.read() == ""
    job = walking.jobs.find(job_id)
    assert (job.state, job.failures) == (JobState.WAITING, 0)
    assert job.done == len(steps(walking.database, job_id))
    with jobs_process(walking.url):
        walking.await_state(job_id, JobState.DONE)


def test_a_process_that_stands_still_keeps_its_job_as_long_as_its_session_lasts(walking):
    """A laptop that sleeps, a machine that swaps: nobody runs it beside."""
    job_id = walking.jobs.defer(WALK)
    with jobs_process(walking.url) as first, jobs_process(walking.url, server="two") as second:
        await_steps(walking, job_id, 3)
        [owner] = {process for _, process in steps(walking.database, job_id)}
        owning = first if owner == first.pid else second
        owning.send_signal(signal.SIGSTOP)
        time.sleep(5)  # three times the patience with hearts
        assert walking.jobs.find(job_id).state is JobState.RUNNING
        owning.send_signal(signal.SIGCONT)
        walking.await_state(job_id, JobState.DONE)
    assert {process for _, process in steps(walking.database, job_id)} == {owner}


def test_one_that_was_taken_for_dead_does_not_say_how_anothers_job_ended(walking):
    """Its session was ended while it stood still; when it goes on, the job is another's."""
    job_id = walking.jobs.defer(WALK, {"pause_s": 0.3})
    with jobs_process(walking.url) as first:
        await_steps(walking, job_id, 3)
        first.send_signal(signal.SIGSTOP)
        walking.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name = 'countenance jobs'"
        )
        with jobs_process(walking.url, server="two") as second:
            deadline = time.monotonic() + 30
            while second.pid not in {process for _, process in steps(walking.database, job_id)}:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            first.send_signal(signal.SIGCONT)
            job = walking.await_state(job_id, JobState.DONE)
            assert job.failures == 0
    taken = steps(walking.database, job_id)
    assert [number for number, _ in taken] == list(range(1, STEPS + 1))
    assert taken[-1][1] == second.pid


def test_a_job_that_brings_its_process_down_every_time_is_given_up(queue):
    """It would keep all others from their turn for ever."""
    job_id = queue.jobs.defer(DIE)
    for _ in range(MAX_DEATHS):
        queue.execute(
            "update procrastinate_jobs set status = 'doing', worker_id = null where id = %s", job_id
        )
        assert take_up_deserted(queue.database) == [job_id]
    job = queue.jobs.find(job_id)
    assert job.state is JobState.FAILED
    assert job.error == f"the process that ran it ended {MAX_DEATHS} times and it came no further"
    queue.jobs.retry(job_id)
    assert queue.jobs.find(job_id).state is JobState.WAITING


def test_one_that_was_cancelled_before_its_process_died_stays_so(queue):
    job_id = queue.jobs.defer(WALK)
    queue.execute(
        "update procrastinate_jobs set status = 'doing', abort_requested = true where id = %s", job_id
    )
    assert take_up_deserted(queue.database) == [job_id]
    assert queue.jobs.find(job_id).state is JobState.CANCELLED


def test_one_whose_kind_waits_already_gives_way(queue):
    """Both would do the same; the queue takes one of a kind."""
    first = queue.jobs.defer(WALK, queueing_lock="walk")
    queue.execute("update procrastinate_jobs set status = 'doing' where id = %s", first)
    second = queue.jobs.defer(WALK, queueing_lock="walk")
    assert second != first
    assert take_up_deserted(queue.database) == [first]
    assert queue.jobs.find(first).state is JobState.CANCELLED
    assert queue.jobs.find(second).state is JobState.WAITING


def test_a_worker_of_which_nothing_is_left_is_forgotten(queue):
    queue.execute("insert into procrastinate_workers (last_heartbeat) values (now() - interval '1 minute')")
    queue.execute("insert into procrastinate_workers (last_heartbeat) values (now())")
    assert take_up_deserted(queue.database) == []
    with queue.database.read() as connection:
        assert connection.execute("select count(*) from jobs.procrastinate_workers").fetchone() == (1,)
