from __future__ import annotations

import threading
import time

import pytest
from prometheus_client import CollectorRegistry

from countenance.audit.log import record_statement
from countenance.audit.watch import LogWatch, watching_log
from countenance.store import Database
from countenance.telemetry import Metrics
from countenance.telemetry.names import Names
from countenance.telemetry.prometheus_metrics import PrometheusMetrics
from log_rows import insert_events, open_test_log, sequencer_of

WITNESSES = {"north+key": "north", "south+key": "south"}


@pytest.fixture
def log(empty_database_url):
    """An empty log."""
    with open_test_log(empty_database_url) as database:
        yield database


@pytest.fixture
def told(log):
    """What metrics know after a look."""
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(Names({}, WITNESSES.values()), registry=registry)
    watch = LogWatch(log, metrics, witnesses=WITNESSES)

    def look(name, **labels):
        watch()
        return registry.get_sample_value(name, labels)

    return look


def record(log, count):
    with log.transaction() as connection:
        insert_events(connection, count)


def test_what_waits_is_told_although_no_sequencer_runs(log, told):
    before = time.time()
    record(log, 3)
    assert told("countenance_log_pending_entries") == 3
    assert abs(told("countenance_log_pending_age_seconds") - before) < 60
    assert told("countenance_log_signed_age_seconds") == 0


def test_a_log_that_keeps_up_has_its_size_and_nothing_that_waits(log, told):
    before = time.time()
    record(log, 3)
    sequencer = sequencer_of(log)
    sequencer.integrate()
    sequencer.sign()
    assert told("countenance_log_size_entries") == 3
    assert told("countenance_log_pending_entries") == 0
    assert told("countenance_log_pending_age_seconds") == 0
    assert abs(told("countenance_log_signed_age_seconds") - before) < 60
    assert told("countenance_log_published_age_seconds") == 0
    sequencer.publish()
    assert abs(told("countenance_log_published_age_seconds") - before) < 60


def test_each_witness_is_told_with_the_largest_it_cosigned(log, told):
    """And one that the settings do not name is not."""
    for _ in range(2):
        record(log, 2)
        sequencer = sequencer_of(log)
        sequencer.integrate()
        sequencer.sign()
    with log.read() as connection:
        for size, witness in ((2, "north+key"), (4, "north+key"), (2, "south+key"), (4, "west+key")):
            connection.execute(
                "insert into audit_cosignature (size, witness, line) values (%s, %s, '')", (size, witness)
            )
    assert told("countenance_log_witness_behind_entries", witness="north") == 4
    assert told("countenance_log_witness_behind_entries", witness="south") == 2
    assert told("countenance_log_witness_age_seconds", witness="south") > 0
    assert told("countenance_log_witness_behind_entries", witness="unknown") is None


def test_alarms_are_counted_whoever_recorded_them_and_each_once(log, told):
    """And neither other statements nor what a caller wrote."""
    assert told("countenance_log_alarms") == 0
    for count in (1, 2):
        record(log, 2)
        with log.transaction() as connection:
            record_statement(connection, "alarm", {"what": "size", "figures": {"kind": "alarm"}})
            record_statement(connection, "audit.read", {"auditor": 'x"kind":"alarm"', "resource": "y"})
        sequencer_of(log).integrate()
        assert told("countenance_log_alarms") == count
        assert told("countenance_log_alarms") == count


class Listening(Metrics):
    is_on = True

    def __init__(self):
        self.heard = threading.Event()

    def pending(self, *, entries, oldest_at):
        self.heard.set()


def test_the_log_is_watched_for_as_long_as_the_context_lasts(log):
    metrics = Listening()
    with watching_log(log, metrics, witnesses={}):
        assert metrics.heard.wait(30)
        assert "watch log" in {thread.name for thread in threading.enumerate()}
    assert "watch log" not in {thread.name for thread in threading.enumerate()}


def test_whoever_supervises_is_told_although_metrics_are_off(log):
    heard, is_heard = [], threading.Event()

    def heed(*told):
        heard.append(told)
        is_heard.set()

    before = time.time()
    record(log, 2)
    with watching_log(log, Metrics(), witnesses={}, heed=heed):
        assert is_heard.wait(30)
    size, oldest_at = heard[0]
    assert size == 0
    assert abs(oldest_at - before) < 60


def test_metrics_that_are_off_cost_no_question(log):
    with watching_log(log, Metrics(), witnesses={}):
        assert "watch log" not in {thread.name for thread in threading.enumerate()}


def test_a_database_that_is_gone_ends_nothing(empty_database_url):
    gone = Database(empty_database_url, max_connections=1)
    gone.close()
    with watching_log(gone, Listening(), witnesses={}):
        time.sleep(0.2)
        assert "watch log" in {thread.name for thread in threading.enumerate()}
