"""Metrics and traces of one process, made from its settings."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from countenance.telemetry.ended_call import EndedCall
from countenance.telemetry.metrics import Metrics
from countenance.telemetry.metrics_folder import MetricsFolder
from countenance.telemetry.names import Names
from countenance.telemetry.tracer import Tracer

if TYPE_CHECKING:  # whoever only counts, as the database does, has no settings
    from countenance.settings import Settings


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Both; without arguments neither does anything. Thread-safe."""

    metrics: Metrics = field(default_factory=Metrics)
    tracer: Tracer = field(default_factory=Tracer)
    _alive: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether anybody looks: what only telemetry needs is not worked out otherwise."""
        return self.metrics.is_on or self.tracer.is_on

    def call_ended(self, call: EndedCall) -> None:
        """Never raises: a call that is answered and recorded does not fail for being counted."""
        with contextlib.suppress(Exception):
            self.metrics.call_ended(call)
        with contextlib.suppress(Exception):
            self.tracer.call_ended(call)

    def close(self) -> None:
        """Send what waits, for a few seconds at most; this process counts as ended. Once, at the end."""
        self.tracer.close()
        if self._alive is not None:
            os.close(self._alive)


def open_telemetry(
    settings: Settings, *, operations: Mapping[str, Collection[str]], witnesses: Collection[str] = ()
) -> Telemetry:
    """What `settings` ask for. Once a process: the metrics of a process are one set.

    Args:
        settings: `metrics_port` and `otel_endpoint` decide; `data_dir` is where processes count.
        operations: service → its operations; anything else is told as `unknown`.
        witnesses: the log's witnesses by name, where this process deals with them.

    Raises:
        SetupError: metrics cannot be kept in the data directory.
    """
    names = Names(operations, witnesses)
    metrics, tracer, alive = Metrics(), Tracer(), None
    if settings.metrics_port:
        from countenance.telemetry.prometheus_metrics import PrometheusMetrics, count_in

        alive = count_in(MetricsFolder(settings.data_dir))
        metrics = PrometheusMetrics(names)
    if settings.otel_endpoint:
        from countenance.telemetry.otlp_tracer import OtlpTracer

        tracer = OtlpTracer(settings.otel_endpoint, names)
    return Telemetry(metrics, tracer, alive)
