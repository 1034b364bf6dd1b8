from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from countenance.telemetry.families import FAMILIES
from countenance.telemetry.prometheus_metrics import PrometheusMetrics


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(names, registry):
    return PrometheusMetrics(names, registry=registry)


def test_a_call_is_counted_by_what_it_was_and_how_it_ended(metrics, registry, make_call):
    metrics.call_ended(make_call())
    metrics.call_ended(
        make_call(
            outcome="refused", status=400, error_code="AccessDeniedException", decision="deny", items=None
        )
    )
    of = {"service": "rekognition", "operation": "DetectFaces"}
    value = registry.get_sample_value
    assert value("countenance_calls_total", of | {"outcome": "answered", "status": "200"}) == 1
    assert value("countenance_calls_total", of | {"outcome": "refused", "status": "400"}) == 1
    assert value("countenance_call_duration_seconds_count", of) == 2
    assert value("countenance_call_duration_seconds_bucket", of | {"le": "0.1"}) == 0
    assert value("countenance_call_duration_seconds_bucket", of | {"le": "0.25"}) == 2
    assert value("countenance_answer_items_sum", of) == 3
    assert value("countenance_receipts_signed_total") == 2
    metrics.call_ended(make_call(event_id=None))
    assert value("countenance_receipts_signed_total") == 2, "not on record"
    assert value("countenance_policy_decisions_total", {"decision": "allow"}) == 2
    assert value("countenance_policy_decisions_total", {"decision": "deny"}) == 1


def test_a_call_that_was_refused_unread_counts_as_a_refusal_of_admission(metrics, registry, make_call):
    refused = {"outcome": "refused", "status": 400, "decision": None, "items": None}
    metrics.call_ended(make_call(**refused, was_read=False, error_code="ThrottlingException"))
    metrics.call_ended(make_call(**refused, was_read=True, error_code="ValidationException"))
    value = registry.get_sample_value
    assert value("countenance_admission_refusals_total", {"error": "ThrottlingException"}) == 1
    assert value("countenance_admission_refusals_total", {"error": "ValidationException"}) is None


def test_what_a_limit_refused_is_counted_by_limit(metrics, registry, make_call):
    """Whether to give an account more, or the machine, shows in which of them it is."""
    refused = {"outcome": "refused", "status": 400, "decision": None, "items": None, "was_read": False}
    for limit in ("account", "account", "queue", "", "a name of theirs"):
        metrics.call_ended(make_call(**refused, error_code="ThrottlingException", limit=limit))
    metrics.waiting(7)
    value = registry.get_sample_value
    assert value("countenance_throttled_calls_total", {"limit": "account"}) == 2
    assert value("countenance_throttled_calls_total", {"limit": "queue"}) == 1
    assert value("countenance_throttled_calls_total", {"limit": "unknown"}) == 1
    assert value("countenance_throttled_calls_total", {"limit": ""}) is None
    assert value("countenance_calls_waiting") == 7


def test_labels_hold_nothing_of_a_request(metrics, registry, make_call):
    """Whatever reaches it by mistake: a label lives as long as the dashboards."""
    theirs = "a-name-of-theirs"
    metrics.call_ended(
        make_call(
            service=theirs,
            operation=theirs,
            outcome=theirs,
            status=299,
            error_code=theirs,
            was_read=False,
            decision=theirs,
        )
    )
    metrics.cosigned(theirs, size=1, at=1.0)
    told = generate_latest(registry).decode()
    assert theirs not in told
    assert "299" not in told
    assert 'service="unknown"' in told


def test_every_family_of_the_table_is_there_and_no_other(metrics, registry, make_call):
    """The documentation is made of the table."""
    told = {metric.name for metric in registry.collect()}
    assert told == {family.name.removesuffix("_total") for family in FAMILIES}


def test_the_log_tells_its_size_its_lag_and_its_witnesses(metrics, registry):
    metrics.log_has(size=5)
    metrics.integrated(entries=3, size=8, lag_s=0.3)
    metrics.pending(entries=2, oldest_at=1000.0)
    metrics.checkpoint_signed(at=2000.0)
    metrics.checkpoint_published(at=3000.0)
    metrics.cosigned("north", size=6, at=4000.0)
    metrics.log_alarms(2)
    metrics.jobs({"waiting": 3, "elsewhere": 1}, oldest_at=5000.0)
    metrics.in_flight(calls=4, size_bytes=99)
    metrics.database_waited(0.002)
    value = registry.get_sample_value
    assert value("countenance_log_size_entries") == 8
    assert value("countenance_log_integrated_entries_total") == 3
    assert value("countenance_log_integration_lag_seconds_sum") == 0.3
    assert value("countenance_log_pending_entries") == 2
    assert value("countenance_log_pending_age_seconds") == 1000
    assert value("countenance_log_signed_age_seconds") == 2000
    assert value("countenance_log_published_age_seconds") == 3000
    assert value("countenance_log_witness_age_seconds", {"witness": "north"}) == 4000
    assert value("countenance_log_witness_behind_entries", {"witness": "north"}) == 6
    assert value("countenance_log_witness_behind_entries", {"witness": "south"}) == 0
    assert value("countenance_log_alarms") == 2
    assert value("countenance_jobs", {"state": "waiting"}) == 3
    assert value("countenance_jobs", {"state": "failed"}) == 0
    assert value("countenance_jobs", {"state": "elsewhere"}) is None
    assert value("countenance_jobs_waiting_age_seconds") == 5000
    assert value("countenance_calls_in_flight") == 4
    assert value("countenance_database_wait_seconds_bucket", {"le": "0.005"}) == 1
    assert value("countenance_request_bytes_in_flight") == 99
