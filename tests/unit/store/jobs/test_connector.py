from __future__ import annotations

import pytest
from procrastinate import exceptions

from countenance.store import StoreUnavailable
from countenance.store.jobs.connector import OneConnection


def test_what_it_runs_is_in_the_transaction_that_is_open(queue):
    with pytest.raises(RuntimeError), queue.database.transaction() as connection:
        OneConnection(connection).execute_query("insert into jobs.progress (job_id) values (%(id)s)", id=1)
        raise RuntimeError
    with queue.database.transaction() as connection:
        one = OneConnection(connection)
        assert one.get_sync_connector() is one
        assert one.execute_query_all("select job_id from jobs.progress") == []


def test_json_arrives_as_json_at_any_depth(queue):
    """In records and in lists of them, as procrastinate passes jobs."""
    with queue.database.read() as connection:
        one = OneConnection(connection)
        assert one.execute_query_one("select %(a)s -> 'b' as b", a={"b": [1]}) == {"b": [1]}
        rows = one.execute_query_all(
            "select (j).args ->> 'x' as x from unnest(%(jobs)s::jobs.procrastinate_job_to_defer_v1[]) as j",
            jobs=[("q", "t", 0, None, None, {"x": "y"}, None)],
        )
    assert rows == [{"x": "y"}]


def test_errors_are_the_ones_that_procrastinate_knows(queue):
    """It tells a job that waits already by them."""
    with (
        pytest.raises(StoreUnavailable),
        queue.database.transaction() as connection,
        pytest.raises(exceptions.UniqueViolation),
    ):
        for _ in range(2):
            OneConnection(connection).execute_query("insert into jobs.progress (job_id) values (7)")
