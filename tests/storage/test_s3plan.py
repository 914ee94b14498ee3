"""Tests of ``txregistry/storage/s3plan.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.storage.interfaces import Key
from txregistry.storage.s3plan import Span, plan_parts

SIZES = st.lists(st.integers(1, 60), max_size=20)


def spans(*sizes: int) -> list[Span]:
    """Give objects of some sizes."""
    return [Span(Key(f"{place}"), 0, size) for place, size in enumerate(sizes)]


class PlanTests(SynchronousTestCase):
    @given(SIZES, st.integers(1, 12), st.integers(1, 30), st.integers(1, 40))
    def test_all_bytes_are_there_once_in_parts_that_are_allowed(
        self, sizes: list[int], least: int, chunk: int, most_parts: int
    ) -> None:
        whole = spans(*sizes)
        plan = plan_parts(whole, least, chunk, most_parts)
        assert plan is not None
        found = [
            (span.key, place)
            for part in plan
            for span in part
            for place in range(span.start, span.stop)
        ]
        wanted = [(span.key, place) for span in whole for place in range(span.stop)]
        self.assertEqual(found, wanted)
        self.assertLessEqual(len(plan), most_parts)
        for part in plan[:-1]:
            self.assertGreaterEqual(sum(span.size for span in part), least)

    @given(SIZES, st.integers(1, 12), st.integers(1, 30))
    def test_only_what_is_short_is_put_together_by_us(
        self, sizes: list[int], least: int, chunk: int
    ) -> None:
        plan = plan_parts(spans(*sizes), least, chunk, 1000)
        assert plan is not None
        for part in plan:
            if len(part) > 1:
                self.assertLess(sum(span.size for span in part), 3 * least)
            else:
                share = -(-sum(sizes) // 1000)  # as there are so many parts at most
                self.assertLess(part[0].size, 2 * max(chunk, least, share))

    def test_a_large_object_is_divided(self) -> None:
        plan = plan_parts(spans(100), 5, 32, 1000)
        assert plan is not None
        self.assertEqual([part[0].size for part in plan], [33, 33, 34])

    def test_parts_are_as_large_as_their_number_demands(self) -> None:
        plan = plan_parts(spans(1000), 5, 10, 10)
        assert plan is not None
        self.assertLessEqual(len(plan), 10)

    def test_too_many_objects(self) -> None:
        large = 1 << 27
        self.assertIsNone(plan_parts(spans(*[large] * 3), 5, 10, 2))
