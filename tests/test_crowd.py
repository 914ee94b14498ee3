"""Tests of ``tests/benchmarks/capacity/crowd.py``, on what can be reckoned by hand."""

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.capacity.costs import load
from tests.benchmarks.capacity.crowd import Crowd, Outcome, simulate
from tests.benchmarks.capacity.node import PAYLOAD, Node

MB = 10**6
FAST = 1e15
FREE = replace(
    load(), fill=0.0, follow=1e-9, tls_follow=1e-9, pull=1e-9, tls_pull=1e-9,
    connect=0.0, manifest=0.0,
)  # fmt: skip


def bits(size: float) -> float:
    """Return the speed of a link that carries so many bytes a second."""
    return size * 8 / PAYLOAD


MIRROR = Node(1, FAST, FAST, FAST, FAST, workers=1)
CROWD = Crowd(
    hosts=1,
    layers=(100 * MB,),
    network=bits(10 * MB),
    mirror=MIRROR,
    mirrors=1,
    origin=FAST,
    spread=0.0,
    chance=False,
    slots=1,
)


@st.composite
def crowds(draw: st.DrawFn) -> Crowd:
    """Any crowd at mirrors that may be short of everything."""
    layers = draw(st.lists(st.integers(1, 200 * MB), min_size=1, max_size=6))
    mirror = Node(4, 1e9, 5e8, 1e4, 1e8, draw(st.integers(1, 4)))
    mirrors = draw(st.integers(0, 4))
    return Crowd(
        hosts=draw(st.integers(1, 30)),
        layers=tuple(layers),
        network=draw(st.floats(1e7, 1e10)),
        mirror=mirror,
        mirrors=mirrors,
        parent=mirror if mirrors and draw(st.booleans()) else None,
        origin=draw(st.floats(1e7, 1e10)),
        warm=draw(st.booleans()),
        spread=draw(st.floats(0, 20)),
        seed=draw(st.integers(0, 9)),
    )


class CrowdTests(SynchronousTestCase):
    def assertAll(self, outcome: Outcome, *seconds: float) -> None:
        """Hosts are done at these times, in order."""
        self.assertEqual(len(outcome.done), len(seconds))
        for done, wanted in zip(outcome.done, seconds, strict=True):
            self.assertAlmostEqual(done, wanted, places=4)

    def test_one_host_has_its_own_link(self) -> None:
        outcome = simulate(CROWD, FREE)
        self.assertAll(outcome, 10.0)
        self.assertEqual(outcome.bottleneck, "hosts")

    def test_layers_share_the_link(self) -> None:
        sizes = (50 * MB, 20 * MB, 20 * MB, 10 * MB)
        self.assertAll(simulate(replace(CROWD, layers=sizes), FREE), 10.0)

    def test_a_disk_that_is_slower_than_the_network(self) -> None:
        self.assertAll(simulate(replace(CROWD, keeps=5 * MB), FREE), 20.0)

    def test_many_hosts_share_the_mirror(self) -> None:
        mirror = replace(MIRROR, network=bits(50 * MB))
        outcome = simulate(replace(CROWD, hosts=20, mirror=mirror), FREE)
        self.assertAll(outcome, *[40.0] * 20)
        self.assertEqual(outcome.bottleneck, "mirrors' network")

    def test_mirrors_halve_it(self) -> None:
        mirror = replace(MIRROR, network=bits(50 * MB))
        crowd = replace(CROWD, hosts=20, mirror=mirror, mirrors=2)
        self.assertAll(simulate(crowd, FREE), *[20.0] * 20)

    def test_two_bottlenecks_one_after_the_other(self) -> None:
        """The first one is alone at the mirror's network until the others come."""
        mirror = replace(MIRROR, network=bits(12 * MB))
        crowd = replace(CROWD, hosts=2, mirror=mirror, spread=10.0, slots=2, seed=2)
        first, second = simulate(crowd, FREE).done
        # For 5 s at 10 MB/s; then both at 6 MB/s; then the second one at 10 MB/s.
        self.assertAlmostEqual(first, 5 + 50 / 6, places=4)
        self.assertAlmostEqual(second, first + 50 / 10, places=4)

    def test_processors_hold_it_up(self) -> None:
        costs = replace(FREE, tls_pull=50.0)
        crowd = replace(CROWD, hosts=20, warm=True)
        outcome = simulate(crowd, costs)
        self.assertAll(outcome, *[100.0] * 20)
        self.assertEqual(outcome.bottleneck, "processors")

    def test_what_is_said_first_takes_time(self) -> None:
        costs = replace(FREE, connect=500.0)
        outcome = simulate(replace(CROWD, hosts=3, warm=True), costs)
        self.assertAll(outcome, *[6.0 + 10.0] * 3)

    def test_without_mirrors_all_come_from_the_origin(self) -> None:
        crowd = replace(CROWD, hosts=20, mirrors=0, origin=bits(20 * MB))
        outcome = simulate(crowd, FREE)
        self.assertAll(outcome, *[100.0] * 20)
        self.assertAlmostEqual(outcome.fetched, 20 * 100 * MB, delta=10)

    def test_nobody_is_faster_than_the_origin(self) -> None:
        crowd = replace(CROWD, hosts=5, origin=bits(4 * MB))
        outcome = simulate(crowd, FREE)
        self.assertAll(outcome, *[25.0] * 5)
        self.assertEqual(outcome.bottleneck, "origin")
        self.assertAlmostEqual(outcome.fetched, 100 * MB, delta=10)

    def test_each_process_fetches_for_itself(self) -> None:
        mirror = replace(MIRROR, cores=4, workers=4)
        crowd = replace(CROWD, hosts=6, mirror=mirror, mirrors=3, origin=bits(12 * MB))
        outcome = simulate(crowd, FREE)
        self.assertAll(outcome, *[100.0] * 6)
        self.assertAlmostEqual(outcome.fetched, 12 * 100 * MB, delta=100)

    def test_a_parent_fetches_once(self) -> None:
        mirror = replace(MIRROR, cores=4, workers=4)
        crowd = replace(CROWD, hosts=6, mirror=mirror, mirrors=3, origin=bits(4 * MB))
        outcome = simulate(replace(crowd, parent=MIRROR), FREE)
        self.assertAll(outcome, *[25.0] * 6)
        self.assertAlmostEqual(outcome.fetched, 100 * MB, delta=10)

    def test_a_parent_may_be_the_bottleneck(self) -> None:
        parent = replace(MIRROR, network=bits(12 * MB))
        crowd = replace(CROWD, hosts=6, mirrors=6, parent=parent)
        self.assertAll(simulate(crowd, FREE), *[50.0] * 6)

    def test_a_warm_mirror_fetches_nothing(self) -> None:
        outcome = simulate(replace(CROWD, origin=bits(1), warm=True), FREE)
        self.assertAll(outcome, 10.0)
        self.assertEqual(outcome.fetched, 0)

    def test_who_comes_late_catches_up(self) -> None:
        """When the second one starts, 40 MB are there; it has them 6.7 s later."""
        crowd = replace(CROWD, hosts=2, origin=bits(4 * MB), spread=20.0, seed=2)
        outcome = simulate(replace(crowd, slots=2), FREE)
        self.assertAll(outcome, 25.0, 25.0)

    def test_what_memory_does_not_keep_comes_from_the_disk(self) -> None:
        mirror = replace(
            MIRROR, memory=FREE.process + 50 * MB, disk=10 * MB, network=FAST
        )
        crowd = replace(CROWD, hosts=10, mirror=mirror, warm=True)
        outcome = simulate(crowd, FREE)
        self.assertAll(outcome, *[50.0] * 10)
        self.assertEqual(outcome.bottleneck, "disk")

    def test_hosts_that_are_taken_together_fare_as_one_by_one(self) -> None:
        """A cohort of many at a tenth of the network each is like one at all of it."""
        network = replace(MIRROR, network=bits(10 * MB))
        one = simulate(replace(CROWD, mirror=network), FREE)
        wide = replace(MIRROR, network=bits(100 * MB))
        ten = simulate(replace(CROWD, hosts=10, mirror=wide), FREE)
        self.assertAlmostEqual(one.done[0], ten.done[-1], places=6)

    @settings(max_examples=40)
    @given(crowds())
    def test_bytes_are_conserved(self, crowd: Crowd) -> None:
        outcome = simulate(crowd, load())
        self.assertEqual(len(outcome.done), crowd.hosts)
        self.assertLessEqual(outcome.peak, 1 + 1e-6)
        whole = crowd.size * crowd.hosts
        self.assertAlmostEqual(outcome.given / whole, 1, places=6)
        least = crowd.size / (crowd.network / 8 * PAYLOAD)
        self.assertGreaterEqual(outcome.done[0], least * (1 - 1e-6))
        if not crowd.mirrors:
            self.assertAlmostEqual(outcome.fetched / whole, 1, places=6)
        elif crowd.warm:
            self.assertEqual(outcome.fetched, 0)
        else:
            fetching = 1 if crowd.parent else crowd.mirrors
            most = crowd.size * crowd.mirror.processes * fetching
            self.assertLessEqual(outcome.fetched, most * (1 + 1e-6))
            self.assertGreaterEqual(outcome.fetched, crowd.size * (1 - 1e-6))

    def test_chance_can_be_repeated(self) -> None:
        crowd = replace(CROWD, hosts=50, mirrors=4, chance=True, spread=3.0, slots=4)
        one, again = simulate(crowd, FREE), simulate(crowd, FREE)
        self.assertEqual(one, again)
        self.assertTrue(math.isfinite(one.done[-1]))
