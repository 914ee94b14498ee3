"""Tests of ``txregistry/registry/collection/lease.py``."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.registry.case import RegistryTestCase
from txregistry.registry.collection.lease import LIFE, Lease, LeaseLost
from txregistry.storage import keys


class LeaseTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.first = Lease(self.store, "first", self.clock)
        self.second = Lease(self.store, "second", self.clock)

    def begin(self, lease: Lease) -> Deferred[bool]:
        """Begin to take a lease."""
        return Deferred.fromCoroutine(lease.take())

    def take(self, lease: Lease) -> bool:
        """Take a lease, and wait as long as that takes."""
        taking = self.begin(lease)
        self.clock.advance(2)
        return self.successResultOf(taking)

    def renew(self, lease: Lease) -> Any:
        """Renew it."""
        return self.result(lease.renew())

    def test_who_comes_first_has_it(self) -> None:
        self.assertTrue(self.take(self.first))
        self.assertFalse(self.take(self.second))
        self.assertTrue(self.take(self.first))

    def test_of_two_at_once_one_has_it(self) -> None:
        both = [self.begin(self.first), self.begin(self.second)]
        self.clock.advance(2)
        self.assertEqual(sorted(map(self.successResultOf, both)), [False, True])

    def test_who_is_gone_loses_it(self) -> None:
        self.take(self.first)
        self.take(self.second)
        self.clock.advance(LIFE)
        self.assertTrue(self.take(self.second))
        self.fails(LeaseLost, self.first.renew())

    def test_who_renews_it_keeps_it(self) -> None:
        self.take(self.first)
        for _ in range(5):
            self.assertFalse(self.take(self.second))
            self.clock.advance(LIFE / 2)
            self.renew(self.first)

    def test_who_gives_it_up_leaves_it_to_others(self) -> None:
        self.take(self.first)
        self.result(self.second.release())
        self.assertFalse(self.take(self.second))
        self.result(self.first.release())
        self.assertTrue(self.take(self.second))
        self.fails(LeaseLost, self.first.renew())

    def test_clocks_of_a_day_apart_do_not_matter(self) -> None:
        self.take(self.first)
        self.clock.advance(86_400)
        other = Lease(self.store, "other", self.clock)
        self.assertFalse(self.take(other))

    def test_what_is_damaged_is_nobodys(self) -> None:
        for data in (b"", b"{", b"[]", b"\xff", b"x" * 5000):
            self.put(keys.collection_lease(), data)
            self.assertTrue(self.take(Lease(self.store, str(data[:2]), self.clock)))
