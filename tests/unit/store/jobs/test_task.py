from __future__ import annotations

import threading
import time

import pytest

from countenance.store import Database, StoreUnavailable
from countenance.store.jobs import JobContext, JobInterrupted, Stop


def context_of(queue, *, is_stopping=lambda: False, database=None, job_id=1):
    return JobContext(
        queue.jobs,
        database or queue.database,
        job_id=job_id,
        arguments={},
        done=0,
        is_stopping=is_stopping,
    )


def progress(queue):
    with queue.database.read() as connection:
        return connection.execute("select done, total, note from jobs.progress").fetchone()


def test_progress_is_kept_at_once_and_then_once_a_second(queue):
    """A task may report after each of a million photos."""
    context = context_of(queue)
    context.report(1, 10, "first")
    assert progress(queue) == (1, 10, "first")
    context.report(2, 10, "second")
    assert progress(queue) == (1, 10, "first")
    time.sleep(1.1)
    context.report(3, None, "third")
    assert progress(queue) == (3, None, "third")


def test_reporting_costs_next_to_nothing(queue):
    context = context_of(queue)
    began_s = time.monotonic()
    for number in range(100_000):
        context.report(number)
    assert time.monotonic() - began_s < 5


def test_what_was_reported_last_is_kept_when_it_stops(queue):
    context = context_of(queue, is_stopping=lambda: True)
    context.report(1)
    context.report(2)
    with pytest.raises(JobInterrupted):
        context.stop_if_asked()
    assert progress(queue) == (2, None, "")


def test_a_task_that_is_not_asked_to_stop_goes_on(queue):
    context = context_of(queue)
    assert not context.is_stopping()
    context.stop_if_asked()


def test_coming_further_makes_up_for_deaths_and_standing_still_does_not(queue):
    context_of(queue).report(5)
    for done, deaths in ((5, 3), (4, 3), (6, 0)):
        queue.execute("update progress set deaths = 3")
        context_of(queue).report(done)
        with queue.database.read() as connection:
            assert connection.execute("select deaths from jobs.progress").fetchone() == (deaths,)


def test_a_database_that_is_gone_is_told_to_the_task(queue, empty_database_url):
    gone = Database(empty_database_url, max_connections=1)
    gone.close()
    with pytest.raises(StoreUnavailable):
        context_of(queue, database=gone).report(1)


def test_a_stop_is_seen_by_other_threads():
    stop = Stop()
    threading.Timer(0.1, stop.set).start()
    assert stop.wait(30)
    assert stop.is_set
