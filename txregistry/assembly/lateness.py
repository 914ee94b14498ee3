"""How late the reactor comes to what it is to do: how long one waits for one's turn."""

from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txregistry.metrics.families import Family, Kind, Row
from txregistry.metrics.histogram import Histogram

_EVERY: Final = 0.25
"""Seconds between two looks."""
_BOUNDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)


class Lateness:
    """Measure by how much the reactor comes later than it was asked to.

    Args:
        clock: The reactor.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self._found = Histogram(_BOUNDS)

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._clock.seconds() + _EVERY
        self._timer = self._clock.callLater(_EVERY, self._look)

    def stop(self) -> None:
        """End to measure."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def reload(self) -> Deferred[None]:
        """See `Watching`: there is nothing to read."""
        return succeed(None)

    def family(self) -> Family:
        """Give what was measured."""
        return Family(
            "txregistry_reactor_latency_seconds",
            Kind.HISTOGRAM,
            "How much later than it should the reactor does something.",
            rows=(Row((), self._found.values()),),
            bounds=_BOUNDS,
        )

    def _look(self) -> None:
        self._found.observe(max(0.0, self._clock.seconds() - self._due))
        self.start()
