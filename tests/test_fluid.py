"""Tests of how flows share links, in ``tests/benchmarks/capacity/fluid.py``."""

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks.capacity.fluid import Flow, share

CAPACITIES = st.lists(st.floats(0.5, 1e9), min_size=1, max_size=5)


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[float], list[Flow]]:
    """Some links, and flows through them; some follow one before them."""
    capacities = draw(CAPACITIES)
    links = st.integers(0, len(capacities) - 1)
    flows: list[Flow] = []
    for number in range(draw(st.integers(1, 12))):
        uses = draw(st.dictionaries(links, st.floats(0.01, 100), min_size=1))
        limit = draw(st.just(math.inf) | st.floats(0.1, 1e6))
        leaders = st.none() | st.integers(0, number - 1) if number else st.none()
        flows.append(Flow(uses, limit, draw(leaders)))
    return capacities, flows


def used(capacities: list[float], flows: list[Flow], rates: list[float]) -> list[float]:
    """Return which part of each link is in use."""
    sums = [0.0] * len(capacities)
    for flow, rate in zip(flows, rates, strict=True):
        for link, use in flow.uses.items():
            sums[link] += use * rate
    return [taken / there for taken, there in zip(sums, capacities, strict=True)]


class ShareTests(SynchronousTestCase):
    def test_one_flow_has_all_of_a_link(self) -> None:
        self.assertEqual(share([8.0], [Flow({0: 1.0})]), [8.0])

    def test_many_have_equal_parts(self) -> None:
        self.assertEqual(share([8.0], [Flow({0: 1.0})] * 4), [2.0] * 4)

    def test_some_that_are_alike_count_as_so_many(self) -> None:
        self.assertEqual(share([8.0], [Flow({0: 3.0}), Flow({0: 1.0})]), [2.0, 2.0])

    def test_what_one_cannot_have_others_get(self) -> None:
        """Two bottlenecks: one flow through both, one through each."""
        flows = [Flow({0: 1.0, 1: 1.0}), Flow({0: 1.0}), Flow({1: 1.0})]
        self.assertEqual(share([2.0, 10.0], flows), [1.0, 1.0, 9.0])

    def test_a_limit_leaves_more_to_others(self) -> None:
        flows = [Flow({0: 1.0}, limit=1.0), Flow({0: 1.0})]
        self.assertEqual(share([8.0], flows), [1.0, 7.0])

    def test_a_limit_alone_is_enough(self) -> None:
        self.assertEqual(share([], [Flow({}, limit=3.0)]), [3.0])

    def test_nobody_is_faster_than_who_is_before(self) -> None:
        flows = [Flow({0: 1.0}), Flow({1: 1.0}, leader=0), Flow({1: 1.0})]
        self.assertEqual(share([2.0, 10.0], flows), [2.0, 2.0, 8.0])

    def test_who_is_before_does_not_wait(self) -> None:
        flows = [Flow({0: 1.0}), Flow({1: 1.0}, leader=0)]
        self.assertEqual(share([10.0, 2.0], flows), [10.0, 2.0])

    def test_a_row_of_followers(self) -> None:
        flows = [Flow({0: 1.0}), Flow({1: 1.0}, leader=0), Flow({1: 1.0}, leader=1)]
        self.assertEqual(share([2.0, 10.0], flows), [2.0, 2.0, 2.0])

    @given(networks())
    def test_no_link_is_overfull(self, network: tuple[list[float], list[Flow]]) -> None:
        capacities, flows = network
        rates = share(capacities, flows)
        self.assertLessEqual(max(used(capacities, flows, rates)), 1 + 1e-6)
        for flow, rate in zip(flows, rates, strict=True):
            self.assertGreater(rate, 0)
            self.assertLessEqual(rate, flow.limit)
            if flow.leader is not None:
                self.assertLessEqual(rate, rates[flow.leader] * (1 + 1e-6))

    @given(networks())
    def test_who_has_less_meets_something(
        self, network: tuple[list[float], list[Flow]]
    ) -> None:
        """Max-min: a limit, a leader, or a full link where nobody has more."""
        capacities, flows = network
        rates = share(capacities, flows)
        full = used(capacities, flows, rates)
        for flow, rate in zip(flows, rates, strict=True):
            most = rate * (1 + 1e-6)
            at_limit = flow.limit <= most
            behind = flow.leader is not None and rates[flow.leader] <= most
            held = any(
                full[link] >= 1 - 1e-6
                and all(
                    other <= most
                    for each, other in zip(flows, rates, strict=True)
                    if link in each.uses
                )
                for link in flow.uses
            )
            self.assertTrue(at_limit or behind or held)
