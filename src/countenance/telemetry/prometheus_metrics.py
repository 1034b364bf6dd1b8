"""`Metrics` that are counted, with the Prometheus client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values

from countenance.telemetry import families
from countenance.telemetry.ended_call import EndedCall
from countenance.telemetry.families import FAMILIES, Family
from countenance.telemetry.metrics import Metrics
from countenance.telemetry.metrics_folder import MetricsFolder
from countenance.telemetry.names import DECISIONS, JOB_STATES, LIMITS, OUTCOMES, Names, member


def count_in(folder: MetricsFolder) -> int:
    """From here on this process counts in the files of `folder`; returns what keeps it among the living.

    For the whole process and for good, as the client knows no other way; once, before `PrometheusMetrics`.

    Raises:
        SetupError: the folder cannot be written.
    """
    lock = folder.enter(frozenset(family.across for family in FAMILIES))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.path)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    return lock


class PrometheusMetrics(Metrics):
    """Counts in memory, or in files after `count_in`. One a process.

    Args:
        names: what labels are taken from.
        registry: where the metrics can be read in this process; None: only from the files.
    """

    is_on: ClassVar[bool] = True

    def __init__(self, names: Names, *, registry: CollectorRegistry | None = None) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._names = names
        make = _Maker(registry)
        self._calls = make.counter(families.CALLS)
        self._duration = make.histogram(families.DURATION)
        self._items = make.histogram(families.ITEMS)
        self._calls_in_flight = make.gauge(families.CALLS_IN_FLIGHT)
        self._bytes_in_flight = make.gauge(families.BYTES_IN_FLIGHT)
        self._refusals = make.counter(families.REFUSALS)
        self._throttled = make.counter(families.THROTTLED)
        self._waiting = make.gauge(families.WAITING)
        self._decisions = make.counter(families.DECISIONS)
        self._database_wait = make.histogram(families.DATABASE_WAIT)
        self._receipts = make.counter(families.RECEIPTS)
        self._integrated = make.counter(families.INTEGRATED)
        self._pending = make.gauge(families.PENDING)
        self._pending_since = make.gauge(families.PENDING_AGE)
        self._lag = make.histogram(families.LAG)
        self._size = make.gauge(families.SIZE)
        self._signed_at = make.gauge(families.SIGNED_AGE)
        self._published_at = make.gauge(families.PUBLISHED_AGE)
        self._cosigned_at = make.gauge(families.WITNESS_AGE)
        self._cosigned_size = make.gauge(families.WITNESS_BEHIND)
        self._alarms = make.gauge(families.ALARMS)
        self._jobs = make.gauge(families.JOBS)
        self._jobs_since = make.gauge(families.JOBS_AGE)
        for witness in sorted(names.witnesses):  # one that never cosigns is behind by the whole log
            self._cosigned_size.labels(witness)

    def call_ended(self, call: EndedCall) -> None:
        service, operation = self._names.operation(call.service, call.operation)
        outcome, status = member(call.outcome, OUTCOMES), self._names.status(call.status)
        self._calls.labels(service, operation, outcome, status).inc()
        self._duration.labels(service, operation).observe(call.duration_s)
        if call.event_id is not None:
            self._receipts.inc()
        if call.items is not None:
            self._items.labels(service, operation).observe(call.items)
        if call.decision is not None:
            self._decisions.labels(member(call.decision, DECISIONS)).inc()
        if call.limit:
            self._throttled.labels(member(call.limit, LIMITS)).inc()
        if not call.was_read and call.error_code is not None:
            self._refusals.labels(self._names.error(call.error_code)).inc()

    def in_flight(self, *, calls: int, size_bytes: int) -> None:
        self._calls_in_flight.set(calls)
        self._bytes_in_flight.set(size_bytes)

    def waiting(self, calls: int) -> None:
        self._waiting.set(calls)

    def database_waited(self, seconds: float) -> None:
        self._database_wait.observe(seconds)

    def pending(self, *, entries: int, oldest_at: float | None) -> None:
        self._pending.set(entries)
        self._pending_since.set(oldest_at or 0.0)

    def integrated(self, *, entries: int, size: int, lag_s: float) -> None:
        self._integrated.inc(entries)
        self._lag.observe(lag_s)
        self._size.set(size)

    def log_has(self, *, size: int) -> None:
        self._size.set(size)

    def checkpoint_signed(self, *, at: float) -> None:
        self._signed_at.set(at)

    def checkpoint_published(self, *, at: float) -> None:
        self._published_at.set(at)

    def cosigned(self, witness: str, *, size: int, at: float) -> None:
        name = member(witness, self._names.witnesses)
        self._cosigned_size.labels(name).set(size)
        self._cosigned_at.labels(name).set(at)

    def log_alarms(self, count: int) -> None:
        self._alarms.set(count)

    def jobs(self, counts: Mapping[str, int], *, oldest_at: float | None) -> None:
        for state in JOB_STATES:
            self._jobs.labels(state).set(counts.get(state, 0))
        self._jobs_since.set(oldest_at or 0.0)


class _Maker:
    """Makes the client's metrics out of our families."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._registry = registry

    def counter(self, family: Family) -> Counter:
        return Counter(family.name, family.meaning, family.labels, registry=self._registry)

    def gauge(self, family: Family) -> Gauge:
        return Gauge(
            family.name,
            family.meaning,
            family.labels,
            registry=self._registry,
            multiprocess_mode=family.across,
        )

    def histogram(self, family: Family) -> Histogram:
        return Histogram(
            family.name, family.meaning, family.labels, registry=self._registry, buckets=family.buckets
        )
