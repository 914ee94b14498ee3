"""Tests of where an Index may say that its content is."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.client.upstreams.naming import NamedNetwork
from tests.client.upstreams.registry1case import LATEST, TEAM, T
from txregistry.client.upstreams.interfaces import UpstreamWrong
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.making1 import make_version1_upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.tasks import at_once

ONCE = Patience(attempts=1)


class AddressTests(SynchronousTestCase):
    """Where an Index may say that its content is."""

    def begin(self, at: str, endpoint: str, **others: Any) -> "Deferred[Any]":
        """Ask an Index at an address."""
        self.network = NamedNetwork({"index.example": [at], "in.example": ["10.0.0.9"]})
        upstream = make_version1_upstream(
            self.network.reactor,
            at_once,
            Terms("x", "http://index.example", patience=ONCE, **others),
        )
        asked = Deferred.fromCoroutine(upstream.find_tag(TEAM, LATEST))
        body = b"[]"
        head = f"HTTP/1.1 200 OK\r\nX-Docker-Endpoints: {endpoint}\r\n"
        length = f"Content-Length: {len(body)}\r\n\r\n"
        self.network.accept().send((head + length).encode() + body)
        self.network.reactor.advance(1)
        return asked

    def test_private_addresses_are_not_gone_to(self) -> None:
        for endpoint in ("10.0.0.1", "127.0.0.1:22", "169.254.169.254", "in.example"):
            asked = self.begin("8.8.8.8", endpoint)
            fault = self.failureResultOf(asked, UpstreamWrong).value
            self.assertIn("an address where we do not go", str(fault))
            self.assertEqual(self.network.tried, [])

    def test_public_ones_are(self) -> None:
        asked = self.begin("8.8.8.8", "9.9.9.9:5000")
        self.assertEqual(self.network.tried, [("9.9.9.9", 5000)])
        self.network.accept().send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 66\r\n\r\n" + f'"{T}"'.encode()
        )
        self.assertEqual(self.successResultOf(asked), T)

    def test_private_ones_are_where_the_index_is_private_or_may_say_so(self) -> None:
        for at, others in (("10.0.0.2", {}), ("8.8.8.8", {"allow_private": True})):
            asked = self.begin(at, "10.0.0.1:5000", **others)
            self.assertEqual(self.network.tried, [("10.0.0.1", 5000)])
            asked.cancel()
            self.failureResultOf(asked, CancelledError)
