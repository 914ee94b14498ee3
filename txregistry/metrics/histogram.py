"""A histogram: how many figures came into each bucket, and what they all make."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 25.0, 60.0),
)
"""Where buckets of requests' times end. Source: docker/go-metrics, ``handler.go``."""

SIZES: Final = tuple(float(1024 << place) for place in range(22))
"""Where buckets of bodies' sizes end, likewise: 1 KiB to 2 GiB."""

ACTIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Where those of other times end. Source: prometheus/client_golang, ``DefBuckets``."""


class Histogram:
    """Count figures by how large they are.

    Args:
        bounds: Where buckets end: a figure as large as a bound is in its bucket.

    Attributes:
        counts: How many are in each bucket; the last one has no end.
        sum: What they all make.
    """

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, figure: float) -> None:
        """Count a figure."""
        self.counts[bisect_left(self._bounds, figure)] += 1
        self.sum += figure

    def values(self) -> tuple[float, ...]:
        """Give what a row of figures has of it."""
        return *self.counts, self.sum
