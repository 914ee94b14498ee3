"""Figures as text, as Prometheus collects them."""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from txregistry.metrics.families import Family, Kind, Row

TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""What kind of text it is."""

_FIGURES: Final = 250
"""Figures that are written at a time, about: each takes some 8 µs."""


class _Families(Collector):
    """Hand some families to Prometheus's own writer."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """See ``Collector``."""
        return self._metrics

    def describe(self) -> Iterable[Metric]:
        """See ``Collector``: nothing is told beforehand."""
        return ()


def write(families: Iterable[Family]) -> Iterator[bytes]:
    """Write figures, piece by piece, as all of them take a while."""
    for family in families:
        step = max(1, _FIGURES // (len(family.bounds) + 1))
        for place in range(0, max(1, len(family.rows)), step):
            text = _write(_part(family, family.rows[place : place + step]))
            # What the family is has been said with its first piece.
            yield text if not place else b"".join(_figures(text))


def _part(family: Family, rows: Iterable[Row]) -> Metric:
    found: CounterMetricFamily | GaugeMetricFamily
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(
            family.name, family.help, labels=family.labels
        )
        ends = [*map(floatToGoString, family.bounds), "+Inf"]
        for row in rows:
            *counts, total = row.values
            buckets = list(zip(ends, accumulate(counts), strict=True))
            histogram.add_metric(row.labels, buckets, total)
        return histogram
    if family.kind is Kind.COUNTER:
        found = CounterMetricFamily(family.name, family.help, labels=family.labels)
    else:
        found = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for row in rows:
        found.add_metric(row.labels, row.values[0])
    return found


def _write(metric: Metric) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families([metric]))
    return generate_latest(registry)


def _figures(text: bytes) -> Iterator[bytes]:
    for line in text.splitlines(keepends=True):
        if not line.startswith(b"#"):
            yield line
