"""Tells metrics how the queue stands: from outside, so that what waits is seen when nothing runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from countenance.store.errors import StoreUnavailable
from countenance.store.jobs.queue import Jobs
from countenance.store.pool import Database
from countenance.telemetry import Metrics

_EVERY_S = 10.0
_STOP_TIMEOUT_S = 2.0


@contextmanager
def watching_jobs(database: Database, metrics: Metrics) -> Iterator[None]:
    """Tell `metrics` every few seconds, from a thread of its own, for as long as the context lasts.

    A database that does not answer is asked again later. Nothing is asked for metrics that are off.
    """
    if not metrics.is_on:
        yield
        return
    stop, jobs = threading.Event(), Jobs(database)

    def watch() -> None:
        while True:
            with suppress(StoreUnavailable):
                tell_jobs(jobs, metrics)
            if stop.wait(_EVERY_S):
                return

    watching = threading.Thread(target=watch, name="watch jobs", daemon=True)
    watching.start()
    try:
        yield
    finally:
        stop.set()
        watching.join(_STOP_TIMEOUT_S)


def tell_jobs(jobs: Jobs, metrics: Metrics) -> None:
    """Once, how it stands now. Raises StoreUnavailable."""
    figures = jobs.figures()
    metrics.jobs({str(state): count for state, count in figures.counts.items()}, oldest_at=figures.oldest_at)
