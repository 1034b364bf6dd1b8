from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from countenance.telemetry.exposition import FolderCollector, derived
from countenance.telemetry.metrics_folder import MetricsFolder
from countenance.telemetry.prometheus_metrics import PrometheusMetrics

_PROCESS = """
import sys
from pathlib import Path
from countenance.settings import Settings
from countenance.telemetry import open_telemetry

telemetry = open_telemetry(
    Settings(data_dir=Path(sys.argv[1]), metrics_port=1), operations={}, witnesses=["north"]
)
for line in sys.stdin:
    exec(line, {"metrics": telemetry.metrics})
    print("done", flush=True)
"""


@contextlib.contextmanager
def _process(data_dir):
    """A process that counts, told what by lines."""
    with subprocess.Popen(
        [sys.executable, "-c", _PROCESS, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def tell(line):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        tell.process = process
        try:
            yield tell
        finally:
            process.stdin.close()


def _read(collector):
    registry = CollectorRegistry()
    registry.register(collector)
    return registry.get_sample_value


def test_the_processes_are_summed_and_the_dead_hold_nothing(tmp_path):
    """A worker that is killed in the middle of calls must not leave calls in flight for ever."""
    folder = MetricsFolder(tmp_path)
    folder.empty()
    with _process(tmp_path) as one, _process(tmp_path) as other:
        for tell in (one, other):
            tell("metrics.database_waited(0.1); metrics.in_flight(calls=2, size_bytes=10)")
        value = _read(FolderCollector(folder))
        assert value("countenance_database_wait_seconds_count") == 2
        assert value("countenance_calls_in_flight") == 4
        os.kill(one.process.pid, signal.SIGKILL)
        one.process.wait()
        assert value("countenance_database_wait_seconds_count") == 2
        assert value("countenance_calls_in_flight") == 2
        assert value("countenance_request_bytes_in_flight") == 10


def test_the_log_s_figures_outlive_the_process_that_told_them(tmp_path):
    """An age that vanished with the sequencer would hide that there is none."""
    folder = MetricsFolder(tmp_path)
    folder.empty()
    with _process(tmp_path) as sequencer:
        sequencer("metrics.log_has(size=9); metrics.checkpoint_signed(at=1000.0)")
        sequencer("metrics.cosigned('north', size=4, at=1000.0)")
    with _process(tmp_path) as worker:
        worker("metrics.database_waited(0.1)")
        value = _read(FolderCollector(folder))
        assert value("countenance_log_size_entries") == 9
        assert value("countenance_log_signed_age_seconds") > 1e9
        assert value("countenance_log_witness_behind_entries", {"witness": "north"}) == 5


def test_what_an_earlier_start_counted_is_gone(tmp_path):
    folder = MetricsFolder(tmp_path)
    with _process(tmp_path) as tell:
        tell("metrics.database_waited(0.1)")
    folder.empty()
    assert list(FolderCollector(folder).collect()) == []
    assert list(Path(folder.path).iterdir()) == []


@pytest.fixture
def told(names):
    """What a scrape at the time 5000 says of a metric."""
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(names, registry=registry)

    def value(name, **labels):
        for metric in derived(registry.collect(), clock=lambda: 5000.0):
            for sample in metric.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None

    return metrics, value


def test_ages_are_counted_to_the_moment_of_the_scrape(told):
    metrics, value = told
    metrics.checkpoint_signed(at=4990.0)
    metrics.pending(entries=1, oldest_at=4999.5)
    metrics.cosigned("north", size=1, at=6000.0)
    assert value("countenance_log_signed_age_seconds") == 10
    assert value("countenance_log_pending_age_seconds") == 0.5
    assert value("countenance_log_witness_age_seconds", witness="north") == 0, "a clock that was set back"


def test_what_never_was_has_no_age_and_nothing_pending_is_zero(told):
    metrics, value = told
    assert value("countenance_log_signed_age_seconds") is None
    assert value("countenance_log_pending_age_seconds") == 0
    metrics.pending(entries=1, oldest_at=4000.0)
    metrics.pending(entries=0, oldest_at=None)
    assert value("countenance_log_pending_age_seconds") == 0


def test_a_witness_that_never_answered_is_behind_by_the_whole_log(told):
    metrics, value = told
    metrics.integrated(entries=7, size=7, lag_s=0.1)
    metrics.cosigned("north", size=5, at=1.0)
    assert value("countenance_log_witness_behind_entries", witness="north") == 2
    assert value("countenance_log_witness_behind_entries", witness="south") == 7
    assert value("countenance_log_witness_age_seconds", witness="south") is None
