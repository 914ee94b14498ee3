"""Tests of ``txregistry/web/connections.py``, and of what connections make of it."""

from ipaddress import ip_network
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web import exchange
from tests.web.exchange import Exchange, logged, request_bytes
from tests.web.wire import Connection
from txregistry.web.connections import Connections
from txregistry.web.proxies import Proxies

HERE, THERE = "192.0.2.1", "198.51.100.7"
THIS = IPv4Address("TCP", HERE, 4711)
PROXIES = Proxies([ip_network("10.0.0.0/8")])
DESCRIPTORS = 300
"""Half of them are for one place, and all but 128 for all."""
ONE, ALL = 150, 172


class CountTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.connections = Connections(DESCRIPTORS, self.clock, PROXIES)

    def fill(self, host: str) -> list[str]:
        """Open connections from somewhere until no more are let in."""
        found = []
        while (place := self.connections.admit(host)) is not None:
            found.append(place)
        return found

    def test_one_place_has_half(self) -> None:
        self.assertEqual(len(self.fill(HERE)), ONE)
        self.assertEqual(len(self.fill(THERE)), ALL - ONE)
        self.assertEqual(len(self.fill("203.0.113.1")), 0)

    def test_who_is_not_let_in_is_counted(self) -> None:
        self.fill(HERE)
        self.assertEqual(self.connections.refused, 1)
        for _ in range(5):
            self.connections.admit(HERE)
        self.assertEqual(self.connections.refused, 6)

    def test_what_ends_makes_room(self) -> None:
        places = self.fill(HERE)
        for _ in range(3):
            self.connections.leave(places.pop())
        self.assertEqual(len(self.fill(HERE)), 3)

    def test_nothing_is_remembered_of_those_who_left(self) -> None:
        for place in [*self.fill(HERE), *self.fill(THERE)]:
            self.connections.leave(place)
        self.assertEqual(self.connections.places, {})
        self.assertEqual(len(self.fill(HERE)), ONE)

    def test_household_is_one_place(self) -> None:
        for number in range(ONE):
            self.assertIsNotNone(self.connections.admit(f"2001:db8::{number:x}"))
        self.assertIsNone(self.connections.admit("2001:db8:0:0:ffff::1"))
        self.assertIsNotNone(self.connections.admit("2001:db8:0:1::1"))

    def test_address_is_the_same_however_it_is_written(self) -> None:
        self.fill(HERE)
        self.assertIsNone(self.connections.admit(f"::ffff:{HERE}"))

    def test_those_for_whom_others_speak_are_no_place(self) -> None:
        """Proxies, and who may open a Unix socket; but there are no more files."""
        for host in ("10.0.0.1", "::ffff:10.1.1.1", ""):
            places = self.fill(host)
            self.assertEqual(len(places), ALL, host)
            for place in places:
                self.connections.leave(place)

    def test_few_descriptors_are_shared_too(self) -> None:
        for descriptors, most in ((128, 64), (20, 10), (256, 128), (1024, 896)):
            self.connections = Connections(descriptors, self.clock, PROXIES)
            self.assertEqual(len(self.fill("10.0.0.1")), most)

    def test_refusal_is_told_once_a_minute_for_each_place(self) -> None:
        self.fill(THERE)
        with logged() as events:
            for _ in range(59):
                self.fill(THERE)
                self.clock.advance(1)
            self.fill(HERE)
        told = exchange.lines(events)
        self.assertEqual(len(told), 1, told)
        self.assertIn("no more connections are taken", told[0])
        with logged() as events:
            self.clock.advance(1)
            self.fill(THERE)
        self.assertEqual(len(events), 1)

    def test_refusal_tells_why(self) -> None:
        with logged() as events:
            self.fill(THERE)
        self.assertIn(f"{THERE} has {ONE} connections", exchange.lines(events)[0])


class AdmissionTests(exchange.WebCase):
    """Connections to a site."""

    def setUp(self) -> None:
        clock = Clock()
        self.connections = Connections(20, clock, PROXIES)  # 10, all of one place
        self.exchange = Exchange(clock=clock, site={"connections": self.connections})

    def connect(self, peer: Any = THIS) -> Connection:
        """Connect from somewhere."""
        return Connection(self.exchange.site, self.exchange.clock, peer=peer)

    def test_too_many_are_broken_off(self) -> None:
        taken = [self.connect() for _ in range(10)]
        late = self.connect()
        self.assertTrue(late.pipe.aborted)
        self.assertEqual([each.pipe.aborted for each in taken], [False] * 10)
        taken[0].send(request_bytes("GET", "/v2/"))
        self.assertEqual(taken[0].answer().status, 200)

    def test_they_make_room_when_they_end(self) -> None:
        taken = [self.connect() for _ in range(10)]
        late = self.connect()
        late.drop()
        self.assertTrue(self.connect().pipe.aborted)
        taken[0].drop()
        self.assertFalse(self.connect().pipe.aborted)
        self.assertTrue(self.connect().pipe.aborted)

    def test_nothing_is_kept_of_one_that_was_not_taken(self) -> None:
        taken = [self.connect() for _ in range(12)]
        for each in taken:
            each.drop()
        self.assertEqual(self.connections.places, {})
        self.assertEqual(self.exchange.site.channels, set())

    def test_place_is_that_of_the_peer(self) -> None:
        self.connections = Connections(300, self.exchange.clock, PROXIES)
        self.exchange.site.connections = self.connections
        for peer in (
            IPv4Address("TCP", HERE, 1),
            IPv6Address("TCP", "2001:db8::1", 1),
            IPv4Address("TCP", "10.0.0.1", 1),
            UNIXAddress(b"/x"),
        ):
            self.connect(peer)
        self.assertEqual(self.connections.places, {HERE: 1, "2001:db8::/64": 1})

    def test_without_a_bound_all_are_taken(self) -> None:
        self.exchange = Exchange()
        self.assertFalse(any(self.connect().pipe.aborted for _ in range(300)))
