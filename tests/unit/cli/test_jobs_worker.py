"""What runs jobs, as the supervisor runs it: ordered through a pipe, stopped by it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from countenance.audit import open_log
from countenance.cli.orders import READY, Orders
from countenance.settings import Settings
from countenance.store import Database, KeyStore, migrate
from countenance.store.jobs import Jobs, JobState


@pytest.fixture
def jobs(empty_database_url, tmp_path):
    """The queue of an installation, with its keys in DATA_DIR."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        open_log(database, KeyStore.open(tmp_path / "data" / "keys"))
        yield Jobs(database)


@pytest.fixture
def orders(empty_database_url, tmp_path):
    return Orders(Settings(data_dir=tmp_path / "data"), empty_database_url, listener=-1)


@contextmanager
def jobs_process(orders):
    process = subprocess.Popen(
        [sys.executable, "-m", "countenance.cli.jobs_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        process.stdin.write(orders.to_line())
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


@pytest.mark.parametrize("ending", ["the pipe closes", "SIGTERM"])
def test_it_works_until_it_is_stopped(jobs, orders, ending):
    """No process outlives its supervisor; a new server's house is kept at once."""
    with jobs_process(orders) as process:
        assert process.stdout.readline() == READY
        deadline = time.monotonic() + 60
        while len(jobs.list(with_ended=True)) < 6 or jobs.list():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert {job.state for job in jobs.list(with_ended=True)} == {JobState.DONE}
        if ending == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


def test_a_database_that_is_away_at_its_start_is_told_in_two_lines(jobs, orders):
    """And the supervisor starts another, later and later: the server goes on."""
    nowhere = Orders(orders.settings, "postgresql://nobody@127.0.0.1:1/nothing", listener=-1)
    with jobs_process(nowhere) as process:
        assert process.wait(30) == 3
        told = process.stderr.read().decode()
    assert "cannot connect to the database" in told
    assert "remedy:" in told
    assert "Traceback" not in told
