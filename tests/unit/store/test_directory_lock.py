from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import directory_lock
from countenance.store.directory_lock import is_owned

HOLD = (
    "import sys, time; from pathlib import Path; from countenance.store import directory_lock\n"
    "with directory_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


def test_a_directory_has_one_owner_and_the_refusal_names_it(tmp_path: Path):
    """The operator has to find the other server."""
    data_dir = tmp_path / "data"
    assert not is_owned(data_dir)
    with directory_lock(data_dir):
        assert is_owned(data_dir)
        with pytest.raises(SetupError, match=f"process {os.getpid()}"), directory_lock(data_dir):
            pass
    assert not is_owned(data_dir)


def test_a_killed_owner_owns_nothing(tmp_path: Path):
    """kill -9 must not need cleaning up by hand."""
    data_dir = tmp_path / "data"
    with subprocess.Popen([sys.executable, "-c", HOLD, data_dir], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert is_owned(data_dir)
        process.kill()
        process.wait()
        with directory_lock(data_dir):
            pass


def test_a_program_that_we_start_does_not_keep_the_lock(tmp_path: Path):
    """PostgreSQL outlives a killed server: it must not own the directory in its place."""
    with directory_lock(tmp_path / "data"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert not is_owned(tmp_path / "data")
    finally:
        child.kill()
        child.wait()
