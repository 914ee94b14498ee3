"""Rounds of collection, time and again while the daemon runs."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from txregistry.metrics.rounds import CollectionCounts
from txregistry.registry.collection.collector import Collector, NotOurTurn, TooSoon
from txregistry.registry.collection.lease import LIFE
from txregistry.registry.collection.report import CollectionReport
from txregistry.registry.repeating import Repeating
from txregistry.storage.interfaces import StorageUnavailable

_SOON: Final = 600.0
"""Seconds after the start at most: a daemon that is often restarted collects too."""


class CollectionSchedule(Repeating):
    """Collect, unless another node has done so lately.

    Args:
        collector: Who collects.
        interval: Seconds from one round to the next.
        clock: The reactor.
        random: Gives a number from 0 to 1, so that nodes do not begin together.
        counts: Where it is counted what is removed.
    """

    _log = Logger()

    def __init__(
        self,
        collector: Collector,
        interval: float,
        clock: Any,
        random: Callable[[], float],
        counts: CollectionCounts,
    ) -> None:
        super().__init__(clock, min(_SOON, interval) * random(), interval)
        self._collector = collector
        self._interval = interval
        self._counts = counts

    async def work(self) -> float:
        """Do a round, and say after how many seconds the next one is due."""
        try:
            report = await self._collector.collect(every=self._interval)
            self._count(report)
            self._tell(report)
        except TooSoon:
            return min(_SOON, self._interval)
        except NotOurTurn:
            return min(2 * LIFE, self._interval)  # who has the turn may have died
        except StorageUnavailable as error:
            self._log.warn(
                "Collection was broken off, and goes on another time: {reason}",
                reason=str(error),
            )
        except CancelledError:
            return self._interval
        except Exception:  # noqa: BLE001 - the next round may fare better
            self._log.failure("Failed while collecting")
        return self._interval

    def _count(self, report: CollectionReport) -> None:
        counts = self._counts
        counts.rounds += 1
        counts.links += report.links_removed
        counts.blobs += report.blobs_removed
        counts.bytes += report.bytes_removed
        counts.tags += report.tags_removed
        counts.seconds += report.seconds
        counts.ended = self._clock.seconds()

    def _tell(self, report: CollectionReport) -> None:
        self._log.info(
            "Collection looked through {repositories} repositories and {blobs} blobs "
            "in {seconds:.1f} s: {links} links and {removed} blobs ({size} bytes) were "
            "removed, {condemned} links and {blobs_condemned} blobs will be",
            repositories=report.repositories,
            blobs=report.blobs,
            seconds=report.seconds,
            links=report.links_removed,
            removed=report.blobs_removed,
            size=report.bytes_removed,
            condemned=report.links_condemned,
            blobs_condemned=report.blobs_condemned,
        )
