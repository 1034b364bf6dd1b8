"""Processes are replaced; what a server needs least of all is to be ended by one of them."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from concurrent import futures
from contextlib import contextmanager

import pytest

from countenance.cli import fleet as module
from countenance.cli.fleet import Fleet, Pauses
from countenance.errors import SetupError
from countenance.settings import Settings

# What a process of either kind is here: it notes its id, and ends at once where there is a file `sick-KIND`.
TOY = """
import os, pathlib, signal, sys
sys.stdin.buffer.readline()
folder = pathlib.Path({folder!r})
with (folder / "{kind}").open("a") as lives:
    print(os.getpid(), file=lives)
if (folder / "sick-{kind}").exists():
    sys.exit(3)
os.write(1, b"ready\\n")
def end(*_):
    with (folder / "ends").open("a") as ends:
        print("{kind}", file=ends)
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
while os.read(0, 4096):
    pass
"""


class Stopping:
    is_set = False


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A folder where each process notes its life: a line of `worker`, `jobs` or `sequencer`."""
    for kind in ("worker", "jobs", "sequencer"):
        (tmp_path / f"toy_{kind}.py").write_text(TOY.format(folder=str(tmp_path), kind=kind))
        (tmp_path / kind).touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "_WORKER", "toy_worker")
    monkeypatch.setattr(module, "_SEQUENCER", "toy_sequencer")
    monkeypatch.setattr(module, "_JOBS", "toy_jobs")
    return tmp_path


@contextmanager
def supervised(folder, **given):
    """A fleet of one of each kind, supervised; an error of that is the test's."""
    stopping = Stopping()
    with (
        socket.socket() as listener,
        Fleet(Settings(workers=1, data_dir=folder), "postgresql://", listener) as fleet,
        futures.ThreadPoolExecutor(1) as pool,
    ):
        fleet.wait_until_ready(stopping)
        supervision = pool.submit(fleet.supervise, stopping, meanwhile=lambda: None, **given)
        try:
            yield supervision
        finally:
            stopping.is_set = True
            supervision.result(60)


def lives(folder, kind):
    """Process ids, in the order of their starts."""
    return [int(line) for line in (folder / kind).read_text().splitlines()]


def wait_until(condition, *, patience_s=30.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "name"), [("worker", "worker"), ("jobs", "job runner"), ("sequencer", "sequencer")]
)
def test_a_process_that_is_killed_is_replaced_and_told_once(toys, capfd, kind, name):
    with supervised(toys):
        os.kill(lives(toys, kind)[0], signal.SIGKILL)
        wait_until(lambda: len(lives(toys, kind)) == 2)
    assert capfd.readouterr().err.count(f"{name} ended with status -9: starting another") == 1
    every = [each for every in ("worker", "jobs", "sequencer") for each in lives(toys, every)]
    assert not any(is_alive(each) for each in every)


@pytest.mark.parametrize(("kind", "name"), [("jobs", "job runner"), ("sequencer", "sequencer")])
def test_one_that_ends_whenever_it_starts_ends_nothing_else(toys, monkeypatch, capfd, kind, name):
    """PostgreSQL recovers, a key's file is missing: calls fail closed, and go on when that is mended.

    Jobs wait.
    """
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.1)
    with supervised(toys) as supervision:
        (toys / f"sick-{kind}").touch()
        os.kill(lives(toys, kind)[0], signal.SIGKILL)
        wait_until(lambda: len(lives(toys, kind)) > 7)
        (toys / f"sick-{kind}").unlink()
        wait_until(lambda: is_settled(toys, kind))
        assert not supervision.done()
        assert len(lives(toys, "worker")) == 1
    told = capfd.readouterr().err
    assert told.count(f"the {name} ended with status 3: starting another") >= 6


def is_settled(folder, kind):
    """Whether the last of them has stayed for half a second."""
    before = lives(folder, kind)
    time.sleep(0.5)
    return lives(folder, kind) == before and is_alive(before[-1])


def test_workers_that_end_as_soon_as_they_start_end_the_server(toys):
    """They would never answer a call."""
    with (
        pytest.raises(SetupError, match="workers end as soon as they start"),
        supervised(toys) as supervision,
    ):
        (toys / "sick-worker").touch()
        os.kill(lives(toys, "worker")[0], signal.SIGKILL)
        supervision.exception(60)


def test_a_sequencer_that_hangs_is_replaced_and_not_too_often(toys, monkeypatch, capfd):
    """Stopped, so that it would not even hear that it is to end."""
    monkeypatch.setattr(module, "_HUNG_AFTER_S", 0.1)
    monkeypatch.setattr(module, "_POLL_S", 0.02)
    hangs = threading.Event()
    with supervised(toys, standstill_s=lambda: 21.0 if hangs.is_set() else 0.0):
        (first,) = lives(toys, "sequencer")
        os.kill(first, signal.SIGSTOP)
        hangs.set()
        wait_until(lambda: len(lives(toys, "sequencer")) == 2)
        assert not is_alive(first)
        time.sleep(1.0)  # the next one would be killed within a tenth of that
        assert len(lives(toys, "sequencer")) == 2
        assert len(lives(toys, "worker")) == 1
    assert capfd.readouterr().err.count("no event has got its place in the log for 21 s") == 1


def test_a_young_sequencer_is_given_time(toys, monkeypatch):
    """Events may have waited for long before it was started."""
    monkeypatch.setattr(module, "_POLL_S", 0.02)
    with supervised(toys, standstill_s=lambda: 3600.0):
        time.sleep(0.5)
        assert len(lives(toys, "sequencer")) == 1


def test_what_runs_jobs_stops_first_and_the_sequencer_last(toys):
    """An import among the jobs calls workers; what workers recorded gets its place."""
    with supervised(toys):
        pass
    assert (toys / "ends").read_text().split() == ["jobs", "worker", "sequencer"]


def test_pauses_grow_to_ten_seconds_and_begin_anew_after_a_minutes_life():
    pauses = Pauses()
    assert [pauses.after(1.0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert pauses.after(61.0) == 0.2
    assert pauses.after(1.0) == 0.4


def test_a_process_that_there_is_no_memory_for_is_tried_again(toys, monkeypatch, capfd):
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.1)
    real, failures = module.subprocess.Popen, [OSError(12, "Cannot allocate memory")]

    def popen(*given, **options):
        if len(lives(toys, "sequencer")) == 1 and failures:
            raise failures.pop()
        return real(*given, **options)

    with supervised(toys):
        monkeypatch.setattr(module.subprocess, "Popen", popen)
        os.kill(lives(toys, "sequencer")[0], signal.SIGKILL)
        wait_until(lambda: len(lives(toys, "sequencer")) == 2)
    assert "a sequencer could not be started: Cannot allocate memory" in capfd.readouterr().err
