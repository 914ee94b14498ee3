"""Tests of ``txregistry/metrics/histogram.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.metrics.histogram import SECONDS, SIZES, Histogram


class HistogramTests(SynchronousTestCase):
    def test_bounds_are_those_of_distribution(self) -> None:
        self.assertEqual(SECONDS[:3], (0.005, 0.01, 0.025))
        self.assertEqual((SECONDS[-1], len(SECONDS)), (60.0, 13))
        self.assertEqual((SIZES[0], SIZES[-1], len(SIZES)), (2**10, 2**31, 22))

    def test_what_is_as_large_as_a_bound_is_within(self) -> None:
        histogram = Histogram((1.0, 2.0))
        for figure in (0.0, 1.0, 1.5, 2.0, 2.1, 99.0):
            histogram.observe(figure)
        self.assertEqual(histogram.values(), (2, 2, 2, 105.6))

    @given(st.lists(st.floats(0, 1e6)))
    def test_each_is_in_one_bucket(self, figures: list[float]) -> None:
        histogram = Histogram(SECONDS)
        for each in figures:
            histogram.observe(each)
        self.assertEqual(sum(histogram.counts), len(figures))
