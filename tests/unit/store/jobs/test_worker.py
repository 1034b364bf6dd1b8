from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from countenance.store import Database, EmbeddedPostgres, StoreUnavailable, migrate
from countenance.store.jobs import Jobs, JobState, Stop, Task
from countenance.store.jobs.worker import JobsWorker, Pace, cron
from job_runner import QUICK, SERVER, await_none_left, working


def test_a_job_is_done_with_its_arguments_and_its_progress(queue):
    seen = []

    def count(context):
        seen.append(dict(context.arguments))
        for number in range(1, 4):
            context.report(number, 3, "counting")

    task = Task("count", count)
    job_id = queue.jobs.defer(task, {"collection_id": "c", "pages": [1, {"of": 2}]})
    with queue.worker(task):
        job = queue.await_state(job_id, JobState.DONE)
    assert seen == [{"collection_id": "c", "pages": [1, {"of": 2}]}]
    assert (job.done, job.total, job.note, job.failures, job.error) == (3, 3, "counting", 0, None)
    assert job.made_at <= job.started_at <= job.ended_at
    assert queue.told == []


def test_a_job_that_is_put_in_runs_at_once(queue):
    """It is told, and not found at the next look."""
    slow = Pace(poll_s=60.0)
    with queue.worker(Task("quick", _nothing), pace=slow):
        time.sleep(1.0)
        began_s = time.monotonic()
        queue.await_state(queue.jobs.defer(Task("quick", print)), JobState.DONE)
        assert time.monotonic() - began_s < 5


def test_two_workers_never_run_one_job_twice(queue):
    ran, lock = [], threading.Lock()

    def note(context):
        with lock:
            ran.append(context.job_id)

    task = Task("note", note)
    made = [queue.jobs.defer(task) for _ in range(60)]
    with queue.worker(task), queue.worker(task, server="two"):
        await_none_left(queue.jobs)
    assert sorted(ran) == made


def test_of_jobs_with_one_lock_one_runs_at_a_time_and_others_go_on(queue):
    """In the order of their making."""
    running, most, order, lock = set(), {}, [], threading.Lock()

    def work(context):
        key = context.arguments["key"]
        with lock:
            running.add(context.job_id)
            order.append(context.job_id)
            most[key] = max(
                most.get(key, 0), sum(each in running for each in of[key]) if key else len(running)
            )
        time.sleep(0.2)
        with lock:
            running.discard(context.job_id)

    task = Task("work", work)
    of = {
        "a": [queue.jobs.defer(task, {"key": "a"}, lock="a") for _ in range(3)],
        "b": [queue.jobs.defer(task, {"key": "b"}, lock="b") for _ in range(3)],
    }
    began_s = time.monotonic()
    with queue.worker(task), queue.worker(task, server="two"):
        await_none_left(queue.jobs)
        took_s = time.monotonic() - began_s
    assert most == {"a": 1, "b": 1}
    assert [each for each in order if each in of["a"]] == of["a"]
    assert took_s < 10


def test_a_periodic_job_is_made_once_for_all_servers_and_a_local_one_for_each(queue):
    ran = []
    common = Task("common", lambda _: ran.append("common"), every_s=3600)
    local = Task("local", lambda _: ran.append("local"), every_s=3600, is_local=True)
    with queue.worker(common, local), queue.worker(common, local, server="two"):
        deadline = time.monotonic() + 30
        while len(ran) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.0)
    with queue.worker(common, local):  # a server that is started again within the hour
        time.sleep(1.5)
    assert sorted(ran) == ["common", "local", "local"]
    servers = {(job.task, job.server) for job in queue.jobs.list(with_ended=True)}
    assert servers == {("common", None), ("local", SERVER), ("local", "two")}


def test_a_periodic_job_is_made_again_and_never_beside_itself(queue):
    running, together = [], []

    def slow(context):
        running.append(context.job_id)
        together.append(len(running))
        time.sleep(1.2)
        running.remove(context.job_id)

    task = Task("slow", slow, every_s=1)
    with queue.worker(task), queue.worker(task, server="two"):
        time.sleep(6)
        waiting = [job for job in queue.jobs.list() if job.state is JobState.WAITING]
    assert len(together) >= 3
    assert set(together) == {1}
    assert len(waiting) <= 1


def test_a_local_job_is_run_by_its_server_alone(queue):
    task = Task("here", _nothing, is_local=True)
    job_id = queue.jobs.defer(task)
    with queue.worker(task, server="two"):
        time.sleep(1)
        assert queue.jobs.find(job_id).state is JobState.WAITING
    with queue.worker(task):
        queue.await_state(job_id, JobState.DONE)


def test_a_running_job_that_is_cancelled_stops(queue):
    def endless(context):
        while True:
            context.stop_if_asked()
            time.sleep(0.05)

    task = Task("endless", endless)
    job_id = queue.jobs.defer(task)
    with queue.worker(task):
        queue.await_state(job_id, JobState.RUNNING)
        assert queue.jobs.cancel(job_id) is JobState.STOPPING
        job = queue.await_state(job_id, JobState.CANCELLED)
        assert job.error is None
    with queue.worker(task):
        time.sleep(0.5)
        assert queue.jobs.find(job_id).state is JobState.CANCELLED


def test_a_worker_that_is_stopped_puts_its_job_back_and_the_next_goes_on(queue):
    begun = []

    def walk(context):
        begun.append(context.done)
        for number in range(context.done + 1, 6):
            context.report(number, 5)
            context.flush()
            while number == 3 and len(begun) == 1:
                context.stop_if_asked()
                time.sleep(0.02)

    task = Task("walk", walk)
    job_id = queue.jobs.defer(task)
    with queue.worker(task):
        while (queue.jobs.find(job_id).done or 0) < 3:
            time.sleep(0.02)
    job = queue.jobs.find(job_id)
    assert (job.state, job.done, job.failures) == (JobState.WAITING, 3, 0)
    with queue.worker(task):
        queue.await_state(job_id, JobState.DONE)
    assert begun == [0, 3]
    assert queue.told == []


def test_a_task_that_this_program_does_not_have_fails_with_that_reason(queue):
    """After a downgrade; the worker goes on."""
    job_id = queue.jobs.defer(Task("of-tomorrow", print))
    with queue.worker(Task("of-today", _nothing)):
        job = queue.await_state(job_id, JobState.FAILED)
        queue.await_state(queue.jobs.defer(Task("of-today", print)), JobState.DONE)
    assert job.error == "this program has no such task"


def test_a_session_that_breaks_off_is_replaced_and_told_in_two_lines(queue):
    """A restarted database, an administrator: jobs go back, and on when it answers again."""
    ran = []

    def walk(context):
        ran.append(context.job_id)
        while len(ran) == 1:
            context.stop_if_asked()
            time.sleep(0.02)

    task = Task("walk", walk)
    job_id = queue.jobs.defer(task)
    with queue.worker(task):
        queue.await_state(job_id, JobState.RUNNING)
        queue.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name = 'countenance jobs'"
        )
        queue.await_state(job_id, JobState.DONE)
    assert ran == [job_id, job_id]
    assert [line.partition(":")[0] for line in queue.told] == ["jobs wait", "jobs go on"]


def test_a_database_that_is_killed_under_a_job_is_waited_for(tmp_path):
    """The job goes on where it had reported to be, once, in the same process."""
    begun = []

    def walk(context):
        begun.append(context.done)
        for number in range(context.done + 1, 61):
            context.report(number, 60)
            time.sleep(0.1)
            context.stop_if_asked()

    task, told = Task("walk", walk), []
    with EmbeddedPostgres(tmp_path / "data") as server, Database(server.url, max_connections=9) as database:
        migrate(database)
        jobs = Jobs(database, server=SERVER)
        job_id = jobs.defer(task)
        with working(server.url, database, [task], tell=told.append):
            while (jobs.find(job_id).done or 0) < 10:
                time.sleep(0.05)
            postmaster = (
                (tmp_path / "data" / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
            )
            os.kill(int(postmaster), signal.SIGKILL)
            deadline = time.monotonic() + 90
            while not is_done(jobs, job_id):
                assert time.monotonic() < deadline
                time.sleep(0.2)
    assert len(begun) == 2
    assert begun[1] >= 10
    assert [line.partition(":")[0] for line in told] == ["jobs wait", "jobs go on"]


def _nothing(context):
    pass


def is_done(jobs, job_id):
    try:
        return jobs.find(job_id).state is JobState.DONE
    except StoreUnavailable:
        return False


def test_a_worker_starts_where_nothing_answers(queue):
    """It says so once, and ends when it is told to."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    told, stop = [], Stop()
    worker = JobsWorker(nowhere, queue.database, [], server=SERVER, tell=told.append, pace=QUICK)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    time.sleep(2)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert told == ["jobs wait: the database is not available (OperationalError)"]


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
