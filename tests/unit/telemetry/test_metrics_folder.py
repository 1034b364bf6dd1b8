from __future__ import annotations

import os
import stat

import pytest

from countenance.errors import SetupError
from countenance.telemetry.metrics_folder import MetricsFolder


def test_a_writer_s_files_are_whole_from_the_start(tmp_path):
    """A hole in a memory map ends the process when the disk is full."""
    folder = MetricsFolder(tmp_path)
    os.close(folder.enter(frozenset({"max"})))
    files = list(folder.path.glob("*.db"))
    assert {file.name for file in files} == {
        f"{prefix}_{os.getpid()}.db" for prefix in ("counter", "histogram", "gauge_max")
    }
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size > 0
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_living_writer_keeps_its_gauges_and_a_dead_one_its_counters(tmp_path):
    folder = MetricsFolder(tmp_path)
    lock = folder.enter(frozenset({"livesum"}))
    folder.forget_the_dead()
    gauge = folder.path / f"gauge_livesum_{os.getpid()}.db"
    assert gauge.exists()
    os.close(lock)
    folder.forget_the_dead()
    assert not gauge.exists()
    assert (folder.path / f"counter_{os.getpid()}.db").exists()


def test_a_folder_that_cannot_be_written_is_told_with_the_remedy(tmp_path):
    (tmp_path / "metrics").write_text("in the way")
    for use in (MetricsFolder(tmp_path).empty, lambda: MetricsFolder(tmp_path).enter(frozenset())):
        with pytest.raises(SetupError, match="--metrics-port"):
            use()
