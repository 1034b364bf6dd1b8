from __future__ import annotations

from countenance.telemetry.metrics import Metrics
from countenance.telemetry.prometheus_metrics import PrometheusMetrics


def test_what_is_counted_is_all_that_can_be_told():
    """An event that only the silent class knew would be lost without a sign."""
    events = {name for name, value in vars(Metrics).items() if callable(value)}
    assert events <= set(vars(PrometheusMetrics))
    assert (Metrics.is_on, PrometheusMetrics.is_on) == (False, True)
