from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countenance.store import processes
from countenance.store.processes import is_alive, processes_in, send, wait_for_end


@pytest.fixture
def called_postgres(tmp_path: Path) -> Path:
    """A harmless program of PostgreSQL's name."""
    return Path(shutil.copy(shutil.which("sleep"), tmp_path / "postgres"))


def test_a_process_of_postgresql_in_the_directory_is_found_and_others_are_not(
    called_postgres, tmp_path: Path
):
    """What is found is ended: an editor or a shell in that directory must not be."""
    cluster, elsewhere = tmp_path / "cluster", tmp_path / "elsewhere"
    cluster.mkdir()
    elsewhere.mkdir()
    started = [
        subprocess.Popen([called_postgres, "60"], cwd=cluster),
        subprocess.Popen(["sleep", "60"], cwd=cluster),
        subprocess.Popen([called_postgres, "60"], cwd=elsewhere),
    ]
    try:
        time.sleep(0.1)
        assert processes_in(cluster) == [started[0].pid]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert processes_in(cluster) == []
    assert processes_in(tmp_path / "nowhere") == []


def test_a_zombie_is_not_alive(called_postgres, tmp_path: Path):
    """In a container nobody may reap it: it would look like a running server for ever."""
    process = subprocess.Popen([called_postgres, "60"], cwd=tmp_path)
    assert is_alive(process.pid)
    process.kill()
    assert wait_for_end([process.pid], patience_s=5) == []
    os.kill(process.pid, 0)  # the kernel still knows it
    assert processes_in(tmp_path) == []
    process.wait()
    assert not is_alive(process.pid)


def test_waiting_is_bounded_and_names_what_still_lives():
    """A server that does not end must be told, not waited for without end."""
    with subprocess.Popen(["sleep", "60"]) as process:
        started = time.monotonic()
        assert wait_for_end([process.pid], patience_s=0.1) == [process.pid]
        assert time.monotonic() - started < 2
        process.kill()


def test_a_signal_to_a_process_that_has_just_ended_is_no_error():
    """Between the look and the signal it may end by itself."""
    process = subprocess.Popen(["true"])
    process.wait()
    send([process.pid], signal.SIGINT)


def test_without_proc_the_postmaster_is_found_by_its_command_line(
    called_postgres, tmp_path: Path, monkeypatch
):
    """macOS has no /proc."""
    if not Path("/bin/ps").exists():
        pytest.skip("no ps on this machine")
    monkeypatch.setattr(processes, "_PROC", tmp_path / "none")
    sleeper = subprocess.Popen([sys.executable, "-c", "input()", f"postgres -D {tmp_path} -c"], stdin=-1)
    try:
        assert processes_in(tmp_path) == [sleeper.pid]
        assert processes_in(tmp_path / "other") == []
        assert is_alive(sleeper.pid)
        sleeper.kill()
        assert wait_for_end([sleeper.pid], patience_s=5) == []
    finally:
        sleeper.kill()
        sleeper.communicate()
