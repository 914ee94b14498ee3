"""Tests of ``txregistry/registry/ordering.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txregistry.registry.ordering import NameOrder

NAMES = st.sets(st.text("a0.-_", min_size=1, max_size=4), max_size=15)


class NameOrderTests(SynchronousTestCase):
    def order(self, names: set[str]) -> list[str]:
        """Tell names in the order in which a store lists groups."""

        async def exists(name: str) -> bool:
            return name in names

        async def told() -> list[str]:
            order = NameOrder(exists)
            return [
                name
                for listed in sorted(f"{name}/" for name in names)
                for name in await order.due(listed[:-1])
            ]

        return self.successResultOf(Deferred.fromCoroutine(told()))

    @given(NAMES)
    def test_every_name_is_told_once_in_byte_order(self, names: set[str]) -> None:
        self.assertEqual(self.order(names), sorted(names))

    def test_name_comes_before_those_that_begin_with_it(self) -> None:
        self.assertEqual(self.order({"1", "1.0", "1-rc"}), ["1", "1-rc", "1.0"])
