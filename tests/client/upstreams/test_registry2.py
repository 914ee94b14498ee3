"""Tests of ``txregistry/client/upstreams/registry2.py`` and ``making.py``."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txregistry.client.upstreams.interfaces import (
    IUpstream,
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.registry2 import Registry2Upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.tasks import at_once


class MakingTests(SynchronousTestCase):
    def make(
        self, url: str = "https://registry.example", **others: Any
    ) -> Registry2Upstream:
        """Make an upstream."""
        self.reactor = MemoryReactorClock()
        return make_upstream(self.reactor, at_once, Terms("x", url, **others))

    def test_interface(self) -> None:
        upstream = self.make()
        self.assertTrue(verifyObject(IUpstream, upstream))
        self.assertEqual(upstream.name, "x")

    def test_nothing_is_contacted(self) -> None:
        self.make(proxy="http://proxy.example:3128")
        self.assertEqual(self.reactor.tcpClients, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_end_of_what_was_never_asked(self) -> None:
        upstream = self.make()
        self.successResultOf(Deferred.fromCoroutine(upstream.close()))

    def test_url_that_is_none(self) -> None:
        for url in (
            "",
            "registry.example",
            "ftp://registry.example",
            "https://us:secret@registry.example",
            "https://registry.example?x=y",
            "https://registry.example#x",
        ):
            with self.assertRaises(ValueError):
                self.make(url)

    def test_proxy_that_is_none(self) -> None:
        for url in ("", "proxy.example", "socks5://proxy.example", "http://proxy/x"):
            with self.assertRaises(ValueError):
                self.make(proxy=url)


class FaultTests(SynchronousTestCase):
    def test_reason_is_a_sentence(self) -> None:
        for kind in (UpstreamUnavailable, UpstreamRefused, UpstreamWrong):
            fault = kind("docker.io", "answered 503", 7.0)
            self.assertIsInstance(fault, UpstreamFault)
            said = "The upstream registry docker.io answered 503."
            self.assertEqual((fault.reason, str(fault)), (said, said))
            self.assertEqual((fault.upstream, fault.retry_after), ("docker.io", 7.0))
