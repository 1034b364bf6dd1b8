from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store.file_locks import lock_file, locked_file


def test_threads_exclude_one_another_and_the_lock_ends_with_its_context(tmp_path: Path):
    entered = threading.Event()

    def enter():
        with locked_file(tmp_path / "lock", fcntl.LOCK_EX):
            entered.set()

    with locked_file(tmp_path / "lock", fcntl.LOCK_EX):
        thread = threading.Thread(target=enter)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    thread.join()


def test_who_does_not_wait_is_told(tmp_path: Path):
    busy = SetupError("busy")
    held = lock_file(tmp_path / "lock", fcntl.LOCK_SH)
    with locked_file(tmp_path / "lock", fcntl.LOCK_SH, busy=busy):
        pass
    with pytest.raises(SetupError, match="busy"), locked_file(tmp_path / "lock", fcntl.LOCK_EX, busy=busy):
        raise AssertionError
    os.close(held)
    with locked_file(tmp_path / "lock", fcntl.LOCK_EX, busy=busy):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_lock_ends_with_a_process_that_is_killed(tmp_path: Path):
    program = (
        "import fcntl, sys; from pathlib import Path; from countenance.store.file_locks import lock_file;"
        "lock_file(Path(sys.argv[1]), fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            lock_file(tmp_path / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.kill()
        holder.wait()
    os.close(lock_file(tmp_path / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB))
