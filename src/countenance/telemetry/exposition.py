"""What a scrape gets: the sums over all processes, and times turned into ages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from countenance.telemetry.families import FAMILIES, SIZE, Family
from countenance.telemetry.metrics_folder import MetricsFolder

_DERIVED = {family.name: family for family in FAMILIES if family.kind in {"age", "behind"}}


class FolderCollector(Collector):
    """The metrics of every process that counts in `folder`."""

    def __init__(self, folder: MetricsFolder) -> None:
        self._folder = folder
        self._files = MultiProcessCollector(None, path=str(folder.path))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        self._folder.forget_the_dead()
        yield from derived(self._files.collect())  # type: ignore[no-untyped-call]


def derived(metrics: Iterable[Metric], *, clock: Callable[[], float] = time.time) -> Iterator[Metric]:
    """The same metrics, with what is kept as a time or a size told as the distance to now or to the log's."""
    kept = list(metrics)
    size = next(
        (metric.samples[0].value for metric in kept if metric.name == SIZE.name and metric.samples), 0.0
    )
    for metric in kept:
        family = _DERIVED.get(metric.name)
        if family is not None:
            against = clock() if family.kind == "age" else size
            metric.samples = [told for kept in metric.samples for told in _distance(kept, family, against)]
        yield metric


def _distance(kept: Sample, family: Family, against: float) -> Iterator[Sample]:
    if family.kind == "age" and kept.value == 0:  # it never was
        if family.never_is_zero:
            yield kept
        return
    yield kept._replace(value=max(0.0, against - kept.value))
