"""Tests of ``txregistry/assembly/checks.py``."""

from datetime import UTC, datetime, timedelta

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.assembly.checks import (
    DrainCheck,
    ExpiryCheck,
    StoreCheck,
    WorkersCheck,
    probe,
)
from txregistry.storage.interfaces import Health, Key, StorageFull, StorageUnavailable
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tls.files import Expiry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class StoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.looks: list[Deferred[Health | None]] = []
        self.check = StoreCheck(self.look, self.clock)

    async def look(self) -> Health | None:
        """Look at a store that answers when the test says so."""
        looking: Deferred[Health | None] = Deferred()
        self.looks.append(looking)
        return await looking

    def ask(self) -> Deferred[str]:
        return Deferred.fromCoroutine(self.check())

    def fail(self, error: Exception) -> str:  # type: ignore[override]  # ours
        """Give what is found where the look fails."""
        asked = self.ask()
        self.looks[-1].errback(error)
        return self.successResultOf(asked)

    def test_well(self) -> None:
        asked = self.ask()
        self.assertNoResult(asked)
        self.looks[0].callback(None)
        self.assertEqual(self.successResultOf(asked), "")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        self.assertEqual(self.fail(StorageUnavailable("no route")), "no route")

    def test_how_much_room_is_left_is_told_as_it_was_last(self) -> None:
        self.assertIsNone(self.check.free)
        for free in (7, None):
            asked = self.ask()
            self.looks[-1].callback(Health(free))
            self.assertEqual(self.successResultOf(asked), "")
            self.assertEqual(self.check.free, free)
            self.clock.advance(5)

    def test_one_that_is_full_can_be_pulled_from(self) -> None:
        self.assertEqual(self.fail(StorageFull("full")), "")

    def test_a_look_that_breaks_is_no_good_news(self) -> None:
        self.assertIn("cannot be looked at", self.fail(ZeroDivisionError()))
        self.flushLoggedErrors(ZeroDivisionError)

    def test_who_asks_soon_after_has_the_same(self) -> None:
        self.fail(StorageUnavailable("no route"))
        self.clock.advance(4.9)
        self.assertEqual(self.successResultOf(self.ask()), "no route")
        self.assertEqual(len(self.looks), 1)
        self.clock.advance(0.2)
        asked = self.ask()
        self.looks[1].callback(None)
        self.assertEqual(self.successResultOf(asked), "")

    def test_all_who_ask_at_once_wait_for_one_look(self) -> None:
        asked = [self.ask() for _ in range(3)]
        self.looks[0].callback(None)
        self.assertEqual([self.successResultOf(each) for each in asked], [""] * 3)
        self.assertEqual(len(self.looks), 1)

    def test_nobody_waits_long_and_nothing_piles_up(self) -> None:
        asked = self.ask()
        self.clock.advance(3)
        self.assertEqual(self.successResultOf(asked), "it has not answered for 3 s")
        self.clock.advance(60)
        self.assertIn("not answered", self.successResultOf(self.ask()))
        self.assertEqual(len(self.looks), 1)
        self.looks[0].callback(None)
        self.assertEqual(self.successResultOf(self.ask()), "")

    def test_a_probe_finds_what_is_not_there_well(self) -> None:
        store = MemoryObjectStore(self.clock)
        look = probe(store, Key("there"))
        for _ in range(2):
            check = StoreCheck(look, self.clock)
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(check())), "")
            self.successResultOf(Deferred.fromCoroutine(store.put(Key("there"), b"x")))


class OtherTests(SynchronousTestCase):
    def found(self, check: ExpiryCheck | WorkersCheck | DrainCheck) -> str:
        return self.successResultOf(Deferred.fromCoroutine(check()))

    def expiry(self, setting: str, days: int) -> Expiry:
        """Make something that expires in some days, or has before."""
        moment = NOW + timedelta(days=days)
        return Expiry(setting, "/file", setting[-3:], moment - timedelta(9), moment)

    def test_expiries(self) -> None:
        found = [
            self.expiry("http.tls.certificate", 1),
            self.expiry("http.tls.crls", -1),
            self.expiry("http.tls.clientcas", -1),
        ]
        for setting, told in (
            ("http.tls.certificate", ""),
            ("http.tls.crls", "rls has expired at 2025-12-31 00:00 UTC"),
        ):
            check = ExpiryCheck(lambda: found, setting, lambda: NOW)
            self.assertEqual(self.found(check), told)

    def test_workers(self) -> None:
        self.assertEqual(self.found(WorkersCheck(list)), "")
        self.assertEqual(self.found(WorkersCheck(lambda: [1, 3])), "not serving: 1, 3")

    def test_draining(self) -> None:
        self.assertEqual(self.found(DrainCheck(lambda: True)), "")
        self.assertIn("nobody is let in", self.found(DrainCheck(lambda: False)))
