"""Tests of ``txregistry/assembly/lateness.py``."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.figures import labels, samples
from txregistry.assembly.lateness import Lateness

NAME = "txregistry_reactor_latency_seconds"


class LatenessTests(SynchronousTestCase):
    def test_it_is_how_much_later_than_asked(self) -> None:
        clock = Clock()
        lateness = Lateness(clock)
        lateness.start()
        for turn in (0.25, 0.25, 0.95, 0.25):
            clock.advance(turn)
        found = samples([lateness.family()])
        self.assertEqual(found[f"{NAME}_count", ()], 4)
        self.assertAlmostEqual(found[f"{NAME}_sum", ()], 0.7)
        self.assertEqual(found[f"{NAME}_bucket", labels(le="0.001")], 3)
        self.assertEqual(found[f"{NAME}_bucket", labels(le="1.0")], 4)
        lateness.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
        self.successResultOf(lateness.reload())
