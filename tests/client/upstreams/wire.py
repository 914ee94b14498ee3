"""An upstream of which a test writes the bytes."""

from collections.abc import Coroutine
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.client.network import Connection, Network
from tests.client.upstreams.case import ALPINE, MANIFEST
from txregistry.client.upstreams.interfaces import (
    Fetched,
    UpstreamFault,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.tasks import at_once

TYPE: Final = f"Content-Type: {OCI_MANIFEST}\r\n".encode()
OK: Final = b"HTTP/1.1 200 OK\r\n" + TYPE
LENGTH: Final = b"Content-Length: %d\r\n" % len(MANIFEST)
GOOD: Final = OK + LENGTH + b"\r\n" + MANIFEST
BLOB_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"


class WireCase(SynchronousTestCase):
    """Ask an upstream whose bytes a test writes."""

    URL = "http://registry.example"

    def setUp(self) -> None:
        self.limits = Limits(least=100, window=10)
        self.patience = Patience(attempts=1, answer=20, stall=15)

    def make(self, **others: Any) -> None:
        """Make the upstream, and a network for it."""
        self.network = Network()
        self.upstream = make_upstream(
            self.network.reactor,
            at_once,
            Terms(
                "x",
                self.URL,
                patience=self.patience,
                limits=self.limits,
                chance=lambda: 1.0,
                **others,
            ),
        )
        self.open_connections = self.upstream._end.__self__.connections  # type: ignore[attr-defined]  # of the reach

    def ask(self) -> "Deferred[Fetched | None]":
        """Ask for a manifest."""
        return Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))

    def begin(self) -> tuple["Deferred[Fetched | None]", Connection]:
        """Ask for a manifest, and have it asked for."""
        self.make()
        asked = self.ask()
        connection = self.network.accept()
        connection.flush()
        self.assertIn(
            b"GET /v2/library/alpine/manifests/latest ", connection.peer.received
        )
        return asked, connection

    def fails(
        self,
        kind: type[UpstreamFault],
        asked: "Deferred[Any]",
        *connections: Connection,
    ) -> str:
        """Expect a failure, and that nothing is left of it."""
        for each in connections:
            each.flush()
        fault = self.failureResultOf(asked, kind).value
        assert isinstance(fault, UpstreamFault)
        self.network.reactor.advance(3)
        for each in connections:
            each.flush()
            self.assertTrue(each.peer.lost)
        self.assertEqual(len(self.open_connections), 0)
        self.assertEqual(self.upstream._slots.taken, 0)
        self.assertEqual(self.upstream._blob_slots.taken, 0)
        self.assertEqual(self.network.reactor.getDelayedCalls(), [])
        return fault.reason

    def answers(self, *pieces: bytes) -> Fetched | None:
        """Give what an answer is taken for."""
        asked, connection = self.begin()
        for piece in pieces:
            connection.send(piece)
        return self.successResultOf(asked)

    def wrong(self, *pieces: bytes) -> str:
        """Expect that an answer is wrong, and that the connection ends with it."""
        asked, connection = self.begin()
        for piece in pieces:
            connection.send(piece)
        return self.fails(UpstreamWrong, asked, connection)

    def result(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what some work comes to."""
        return self.successResultOf(Deferred.fromCoroutine(work))
