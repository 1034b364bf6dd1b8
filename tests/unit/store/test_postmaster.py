from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest

from countenance.errors import SetupError
from countenance.store import EmbeddedPostgres
from countenance.store.launch import find_binaries, find_launcher
from countenance.store.postmaster import Place, Postmaster, end_leftover
from countenance.store.processes import is_alive, processes_in


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A cluster that no server runs on."""
    home = tmp_path_factory.mktemp("postmaster") / "data" / "postgres"
    with EmbeddedPostgres(home.parent):
        pass
    return Place(find_binaries(), find_launcher(), home / "cluster", home / "run", home / "server.log")


@pytest.fixture
def postmaster(place: Place):
    running = Postmaster.start(place, stopping=threading.Event())
    yield running
    running.stop()


def test_a_started_server_answers_and_a_stopped_one_left_nothing(place: Place, postmaster: Postmaster):
    """Start returns when it is ready, not when it was asked to start."""
    password = (place.cluster.parent / "password").read_text()
    with psycopg.connect(
        host=str(place.sockets), user="countenance", dbname="postgres", password=password
    ) as connection:
        assert connection.execute("show fsync").fetchone() == ("on",)
        assert connection.execute("show full_page_writes").fetchone() == ("on",)
        assert connection.execute("show synchronous_commit").fetchone() == ("on",)
        assert connection.execute("show data_checksums").fetchone() == ("on",)
    postmaster.stop()
    assert processes_in(place.cluster) == []
    assert not (place.cluster / "postmaster.pid").exists()


def test_a_leftover_server_is_ended_before_the_next_one(place: Place, postmaster: Postmaster):
    """Two servers on one cluster destroy it."""
    end_leftover(place.cluster, place.sockets)
    assert postmaster.wait() == 0
    assert processes_in(place.cluster) == []


def test_a_session_deep_in_a_statement_does_not_outlive_its_dead_server(place: Place, postmaster: Postmaster):
    """An orphaned backend would go on writing into the files of the next server."""
    password = (place.cluster.parent / "password").read_text()
    connection = psycopg.connect(
        host=str(place.sockets), user="countenance", dbname="postgres", password=password, autocommit=True
    )
    backend = connection.info.backend_pid
    os.kill(backend, signal.SIGSTOP)
    os.kill(postmaster.pid, signal.SIGKILL)
    postmaster.wait()
    assert is_alive(backend)
    end_leftover(place.cluster, place.sockets)
    assert not is_alive(backend)
    connection.close()


def test_start_gives_way_to_a_stop(place: Place):
    """Ctrl-C while a long recovery runs must not wait for its end."""
    stopping = threading.Event()
    stopping.set()
    started = time.monotonic()
    Postmaster.start(place, stopping=stopping).stop()
    assert time.monotonic() - started < 5
    assert processes_in(place.cluster) == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda cluster: (cluster / "global" / "pg_control").write_bytes(b"\0" * 8192), "damaged"),
        (
            lambda cluster: (cluster / "postgresql.conf").write_text("shared_buffers = nonsense\n"),
            "nonsense|did not start",
        ),
        (
            lambda cluster: [wal.unlink() for wal in (cluster / "pg_wal").iterdir() if wal.is_file()],
            "damaged",
        ),
    ],
    ids=["control file", "settings", "write-ahead log"],
)
def test_a_cluster_that_does_not_start_is_told_in_the_servers_own_words(
    place: Place, tmp_path: Path, damage, problem
):
    """The operator must know whether to mend a setting or to fetch the backup."""
    import shutil
    from dataclasses import replace

    copy = replace(place, cluster=tmp_path / "cluster", log=tmp_path / "log")
    shutil.copytree(place.cluster, copy.cluster)
    damage(copy.cluster)
    with pytest.raises(SetupError, match=problem):
        Postmaster.start(copy, stopping=threading.Event())
    assert processes_in(copy.cluster) == []


def test_a_long_log_is_put_aside_once(place: Place, monkeypatch):
    """A server that runs for years must not fill the disk with its log."""
    from countenance.store import postmaster as module

    monkeypatch.setattr(module, "_LOG_BYTES_KEPT", 100)
    place.log.write_text("x" * 101)
    Postmaster.start(place, stopping=threading.Event()).stop()
    assert place.log.with_name("server.log.1").read_text() == "x" * 101
    assert place.log.read_text().startswith("20")


def test_the_log_keeps_no_value_that_a_statement_carried(place: Place, postmaster: Postmaster):
    """A user id in a refused row is a person in a log file."""
    password = (place.cluster.parent / "password").read_text()
    with psycopg.connect(
        host=str(place.sockets), user="countenance", dbname="postgres", password=password, autocommit=True
    ) as connection:
        connection.execute("create table person (name text primary key)")
        for statement in ("insert into person values ('alice')",) * 2:
            try:
                connection.execute(statement)
            except psycopg.errors.UniqueViolation:
                continue
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into person values (%s)", ("alice",))
        connection.execute("drop table person")
    assert "duplicate key" in place.log.read_text()
    assert "alice" not in place.log.read_text()
