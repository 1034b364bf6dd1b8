"""The sequencer as the supervisor runs it: ordered through a pipe, stopped by it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from countenance.audit import open_log
from countenance.audit.tree import LogTree
from countenance.cli.orders import READY, Orders
from countenance.settings import Settings
from countenance.store import Database, KeyStore, migrate
from log_rows import insert_events


@pytest.fixture
def log(empty_database_url, tmp_path):
    """A log opened as a server opens it, with its keys in DATA_DIR."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        open_log(database, KeyStore.open(tmp_path / "data" / "keys"))
        yield database


@pytest.fixture
def orders(empty_database_url, tmp_path):
    return Orders(Settings(data_dir=tmp_path / "data"), empty_database_url, listener=-1)


@contextmanager
def sequencer_process(orders):
    process = subprocess.Popen(
        [sys.executable, "-m", "countenance.cli.sequencer"],
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


def record(log, count):
    with log.transaction() as connection:
        insert_events(connection, count)


def published_size(log):
    with log.read() as connection:
        found = LogTree().published(connection)
        return found.size if found else 0


@pytest.mark.parametrize("ending", ["the pipe closes", "SIGTERM"])
def test_it_works_until_it_is_stopped_and_finishes_first(log, orders, ending):
    """No sequencer outlives its supervisor, and a stop keeps what was promised."""
    record(log, 3)
    with sequencer_process(orders) as process:
        assert process.stdout.readline() == READY
        deadline = time.monotonic() + 30
        while published_size(log) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        record(log, 2)
        if ending == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""
    assert published_size(log) == 6


def test_a_log_that_was_changed_behind_its_back_ends_it_with_a_message(log, orders):
    """Two lines and no traceback; the supervisor says that it ended."""
    with sequencer_process(orders) as process:
        assert process.stdout.readline() == READY
        deadline = time.monotonic() + 30
        while published_size(log) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with log.transaction() as connection:
            connection.execute("alter table audit_entry disable trigger append_only")
            connection.execute("update audit_entry set entry = 'other'")
            insert_events(connection, 1)
        assert process.wait(30) == 3
        told = process.stderr.read().decode()
    assert "do not extend the 1 that were signed" in told
    assert "remedy: find out who changed the database" in told
    assert "Traceback" not in told


def test_a_witness_that_cannot_be_read_is_told_before_anything_is_done(log, orders):
    """The supervisor waits for `ready`, so a server with such a setting does not start."""
    wrong = Orders(
        Settings(data_dir=orders.settings.data_dir, witnesses="nobody"), orders.database_url, listener=-1
    )
    with sequencer_process(wrong) as process:
        assert process.wait(30) == 3
        assert b"`nobody` is no witness" in process.stderr.read()
        assert process.stdout.read() == b""
