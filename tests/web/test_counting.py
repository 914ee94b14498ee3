"""Tests of ``txregistry/web/counting.py``."""

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.metrics.figures import Labels, labels, samples
from tests.web.content import digest_of
from tests.web.exchange import Exchange, request_bytes
from txregistry.web.connections import Connections
from txregistry.web.counting import Counting
from txregistry.web.proxies import Proxies
from txregistry.web.request import RegistryRequest

BLOB = b"some bytes" * 1000
DIGEST = digest_of(BLOB)


class CountingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.audited: list[int] = []
        self.exchange = self.make(lambda _, status: self.audited.append(status))

    def make(self, audit: Callable[[RegistryRequest, int], None] | None) -> Exchange:
        clock = Clock()
        clock.advance(100)
        self.counting = Counting(clock, lambda: [exchange.site], audit)
        exchange = Exchange(clock=clock, site={"audit": self.counting})
        return exchange

    def value(self, name: str, labelled: Labels = ()) -> float | None:
        return samples(self.counting.families()).get((name, labelled))

    def requests(self, code: str, handler: str, method: str) -> float | None:
        labelled = labels(code=code, handler=handler, method=method)
        return self.value("registry_http_requests_total", labelled)

    def test_a_push_and_a_pull(self) -> None:
        connection = self.exchange.connect()
        path = f"/v2/team/app/blobs/uploads/?digest={DIGEST}"
        connection.send(request_bytes("POST", path, body=BLOB))
        blob = f"/v2/team/app/blobs/{DIGEST}"
        for method in ("GET", "GET", "HEAD"):
            connection.send(request_bytes(method, blob))
        self.assertEqual(self.requests("201", "blob_upload", "post"), 1)
        self.assertEqual(self.requests("200", "blob", "get"), 2)
        self.assertEqual(self.requests("200", "blob", "head"), 1)
        sent = "registry_http_response_size_bytes_sum"
        self.assertEqual(self.value(sent, labels(handler="blob")), 2 * len(BLOB))
        received = "registry_http_request_size_bytes_sum"
        self.assertEqual(self.value(received, labels(handler="blob_upload")), len(BLOB))
        self.assertEqual(self.audited, [201, 200, 200, 200])

    def test_what_is_answered_from_memory_is_counted_too(self) -> None:
        connection = self.exchange.connect()
        for _ in range(5):
            connection.send(request_bytes("GET", "/v2/"))
        self.assertEqual(self.requests("200", "base", "get"), 5)

    def test_what_fails_is_counted(self) -> None:
        connection = self.exchange.connect()
        connection.send(request_bytes("GET", "/v2/a/manifests/none"))
        connection.send(request_bytes("GET", "/nothing"))
        connection.send(request_bytes("STRANGE", "/v2/"))
        self.assertEqual(self.requests("404", "manifest", "get"), 1)
        self.assertEqual(self.requests("404", "none", "get"), 1)
        self.assertEqual(self.requests("405", "none", "unknown"), 1)

    def refused(self, code: str, reason: str) -> float | None:
        name = "txregistry_refusals_total"
        return self.value(name, labels(code=code, reason=reason))

    def test_refusals_are_counted_by_what_was_told(self) -> None:
        connection = self.exchange.connect()
        for path in ("manifests/none", f"blobs/{DIGEST}", f"blobs/{DIGEST}"):
            connection.send(request_bytes("GET", f"/v2/a/{path}"))
        connection.send(request_bytes("GET", "/v2/"))
        self.assertEqual(self.refused("NAME_UNKNOWN", "NameUnknown"), 1)
        self.assertEqual(self.refused("BLOB_UNKNOWN", "BlobUnknown"), 2)
        self.assertEqual(self.refused("UNKNOWN", "RegistryError"), None)

    def test_connections_that_are_not_taken_are_counted(self) -> None:
        name = "txregistry_connections_refused_total"
        self.assertEqual(self.value(name), 0)
        limit = Connections(2, self.exchange.clock, Proxies())
        self.exchange.site.connections = limit
        for _ in range(3):
            self.exchange.connect()
        self.assertEqual(self.value(name), 2)

    def test_what_goes_on_and_who_left(self) -> None:
        connection = self.exchange.connect()
        path = f"/v2/team/app/blobs/uploads/?digest={DIGEST}"
        whole = request_bytes("POST", path, body=BLOB)
        connection.send(whole[:-10])
        flights = "registry_http_in_flight_requests"
        self.assertEqual(self.value(flights, labels(handler="blob_upload")), 1)
        self.assertEqual(self.value("txregistry_bodies_receiving"), 1)
        self.assertEqual(self.value("txregistry_connections"), 1)
        self.exchange.clock.advance(3)
        connection.drop()
        self.assertEqual(self.value(flights, labels(handler="blob_upload")), 0)
        self.assertEqual(self.value("txregistry_bodies_receiving"), 0)
        self.assertEqual(self.value("txregistry_connections"), 0)
        self.assertEqual(self.requests("499", "blob_upload", "post"), 1)
        took = "registry_http_request_duration_seconds_sum"
        timed = labels(handler="blob_upload", method="post")
        self.assertEqual(self.value(took, timed), 3)

    def test_nobody_needs_to_audit(self) -> None:
        connection = self.make(None).connect()
        connection.send(request_bytes("GET", "/v2/"))
        self.assertEqual(self.requests("200", "base", "get"), 1)
