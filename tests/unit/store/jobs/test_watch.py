from __future__ import annotations

import threading
import time

from prometheus_client import CollectorRegistry

from countenance.store import Database
from countenance.store.jobs import JobState, Task
from countenance.store.jobs.watch import tell_jobs, watching_jobs
from countenance.telemetry import Metrics
from countenance.telemetry.names import JOB_STATES, Names
from countenance.telemetry.prometheus_metrics import PrometheusMetrics


def test_metrics_know_every_state():
    assert {str(state) for state in JobState} == set(JOB_STATES)


def test_what_waits_is_told_although_nothing_runs_it(queue):
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(Names({}), registry=registry)
    tell_jobs(queue.jobs, metrics)
    assert registry.get_sample_value("countenance_jobs_waiting_age_seconds") == 0
    before = time.time()
    for _ in range(2):
        queue.jobs.defer(Task("wait", print))
    tell_jobs(queue.jobs, metrics)
    assert registry.get_sample_value("countenance_jobs", {"state": "waiting"}) == 2
    assert abs(registry.get_sample_value("countenance_jobs_waiting_age_seconds") - before) < 60


def test_one_that_waits_for_its_next_try_is_no_backlog(queue):
    job_id = queue.jobs.defer(Task("wait", print))
    with queue.database.transaction() as connection:
        connection.execute("set local search_path to jobs")
        connection.execute(
            "update procrastinate_jobs set scheduled_at = now() + interval '1 hour' where id = %s", (job_id,)
        )
    figures = queue.jobs.figures()
    assert (figures.counts[JobState.WAITING], figures.oldest_at) == (1, None)


class Listening(Metrics):
    is_on = True

    def __init__(self):
        self.heard = threading.Event()

    def jobs(self, counts, *, oldest_at):
        self.heard.set()


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "watch jobs"]


def test_the_queue_is_watched_for_as_long_as_the_context_lasts(queue):
    metrics = Listening()
    with watching_jobs(queue.database, metrics):
        assert metrics.heard.wait(30)
        assert watchers()
    assert watchers() == []
    with watching_jobs(queue.database, Metrics()):
        assert watchers() == []


def test_a_database_that_is_gone_ends_nothing(empty_database_url):
    gone = Database(empty_database_url, max_connections=1)
    gone.close()
    with watching_jobs(gone, Listening()):
        time.sleep(0.2)
        assert watchers()
