"""A queue of the test's own."""

from __future__ import annotations

import time

import pytest

from countenance.store import Database, migrate
from countenance.store.jobs import Jobs
from job_runner import SERVER, working


class Queue:
    """A database with a queue, and workers for it in the test's own process."""

    def __init__(self, url, database):
        self.url, self.database = url, database
        self.jobs = Jobs(database, server=SERVER)
        self.told = []

    def worker(self, *tasks, **given):
        """One that works until the context ends."""
        return working(self.url, self.database, tasks, tell=self.told.append, **given)

    def await_state(self, job_id, *states, patience_s=30.0):
        """The job, once it is in one of these."""
        deadline = time.monotonic() + patience_s
        while (job := self.jobs.find(job_id)).state not in states:
            assert time.monotonic() < deadline, job
            time.sleep(0.03)
        return job

    def execute(self, statement, *values):
        """Where procrastinate's names are found."""
        with self.database.transaction() as connection:
            connection.execute("set local search_path to jobs")
            return connection.execute(statement, values)


@pytest.fixture
def queue(empty_database_url):
    with Database(empty_database_url, max_connections=24) as database:
        migrate(database)
        yield Queue(empty_database_url, database)
