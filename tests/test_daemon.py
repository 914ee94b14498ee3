"""Tests of ``txregistry/daemon.py``: when it removes what was abandoned."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool

from txregistry.daemon import RegistryService


class PurgeTests(SynchronousTestCase):
    def purged(self, interval: float, until: float) -> list[float]:
        """Say when it purged, in seconds from the start."""
        clock = Clock()
        times: list[float] = []

        def purge() -> Deferred[None]:
            times.append(clock.seconds())
            return succeed(None)

        service = RegistryService(
            [], ThreadPool(0, 1), 0.0, purge, interval, clock, HTTPConnectionPool(clock)
        )
        service.startService()
        clock.pump([60.0] * int(until / 60.0))
        stopped = service.stopService()
        clock.advance(0)
        self.successResultOf(stopped)
        return times

    def test_a_daemon_that_is_often_restarted_purges_as_well(self) -> None:
        self.assertEqual(self.purged(86400.0, 6000.0), [600.0])

    def test_purges_in_intervals(self) -> None:
        self.assertEqual(self.purged(3000.0, 9000.0), [600.0, 3600.0, 6600.0])

    def test_the_first_interval_is_no_longer_than_the_others(self) -> None:
        self.assertEqual(self.purged(60.0, 300.0), [60.0, 120.0, 180.0, 240.0, 300.0])
