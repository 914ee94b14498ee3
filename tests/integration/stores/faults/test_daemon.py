"""Tests of registries whose store has faults: what clients see, and what logs say."""

import http.client
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.ssl import CertificateOptions
from twisted.python.threadpool import ThreadPool

from tests.authorities import issue
from tests.integration.daemon import LOOPBACK, ConfiguredDaemon, DaemonError
from tests.integration.stores import service
from tests.integration.stores.faults import acts
from tests.integration.stores.faults.exchange import Exchange
from tests.integration.stores.faults.proxy import FaultProxy, Rule
from tests.temporary import make_folder
from tests.web.content import CONFIG, OCI_MANIFEST, digest_of, image_document, write
from txregistry.tasks import P, T, in_threads

LIMIT = 120.0
"""Seconds that a client waits for an answer."""
LAYER = Random(7).randbytes(3 << 20)  # noqa: S311 - an example
MANIFEST = write(image_document(CONFIG, (LAYER,)))
BLOB = f"/v2/a/blobs/{digest_of(LAYER)}"
BY_TAG, BY_DIGEST = "/v2/a/manifests/latest", f"/v2/a/manifests/{digest_of(MANIFEST)}"
UPLOADS = "/v2/a/blobs/uploads/"
SECRET = re.compile(
    r"AWS4-HMAC|Signature=|Authorization|X-Auth-|AUTH_tk\w|X-Amz-|"
    rf"\b{service.KEY}\b(?!/)"
)
"""What may be in no log; the account's name begins with the word that is the key."""


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def place(self) -> str:
        """Where it says that something is, without the host."""
        return re.sub(r"^\w+://[^/]+", "", self.headers["Location"])


class DaemonFaultCase(service.ServiceCase):
    """A registry, and a proxy between it and its store.

    Clients are in threads, since the proxy is in the reactor.
    """

    timeout = 300

    def setUp(self) -> None:
        super().setUp()
        self.proxy = FaultProxy(self.service.port)
        self.proxy.listen()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.proxy.deafen()))
        pool = ThreadPool(0, 20, "clients")
        pool.start()
        self.addCleanup(pool.stop)
        self._blocking = in_threads(reactor, pool)  # type: ignore[arg-type]  # it is one

    def storage(self, url: str) -> dict[str, Any]:
        """Give the settings of the store that is at some URL."""
        raise NotImplementedError

    def do(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Do what a client does, in a thread."""
        return self._blocking(work, *args, **kwargs)

    async def start(self, url: str = "") -> ConfiguredDaemon:
        """Start the registry."""
        storage = {
            **self.storage(url or self.proxy.url),
            "redirect": {"disable": True},
        }
        folder = Path(make_folder(self)) / "node"
        node = await self.do(ConfiguredDaemon, folder, {"storage": storage})
        self.addCleanup(self.do, node.discard)
        self.node = node
        return node

    async def stops(self, url: str) -> str:
        """Expect that a registry does not start, and give what it says of that."""
        with self.assertRaises(DaemonError) as caught:
            await self.start(url)
        return str(caught.exception)

    def ask(self, method: str, target: str, data: bytes = b"") -> Deferred[Answer]:
        """Ask the registry."""
        return self.do(_ask, self.node.port, method, target, data)

    async def push(self) -> None:
        """Push an image."""
        for data in (CONFIG, LAYER):
            target = f"{UPLOADS}?digest={digest_of(data)}"
            self.assertEqual((await self.ask("POST", target, data)).status, 201)
        self.assertEqual((await self.ask("PUT", BY_TAG, MANIFEST)).status, 201)

    async def is_unavailable(self, upload: str) -> None:
        """Expect whatever needs the store to be put off, and nothing to be absent."""
        asked = (
            ("GET", BLOB, b""),
            ("GET", BY_TAG, b""),
            ("GET", BY_DIGEST, b""),  # it is in memory, but whether it still is ours?
            ("GET", "/v2/a/tags/list", b""),
            ("GET", "/v2/_catalog", b""),
            ("POST", UPLOADS, b""),
            ("POST", f"{UPLOADS}?digest={digest_of(b'x')}", b"x"),
            ("PATCH", upload, b"some"),
            ("PUT", "/v2/a/manifests/other", MANIFEST),
            ("DELETE", BY_TAG, b""),
            ("HEAD", BLOB, b""),
        )
        answers = await gatherResults([self.ask(*each) for each in asked])
        for (method, target, _), answer in zip(asked, answers, strict=True):
            self.assertEqual(answer.status, 503, f"{method} {target}")
            self.assertRegex(answer.headers["Retry-After"], "^[1-9][0-9]?$")
            if method == "HEAD":
                continue
            (error,) = json.loads(answer.body)["errors"]
            self.assertEqual(error["code"], "UNAVAILABLE")
            self.assertIn("store cannot be used; try again later", error["message"])
            self.assertNotIn(str(self.proxy.port), error["message"])

    async def works(self, upload: str) -> None:
        """Expect all of it to be as if nothing had been."""
        for target, data in ((BLOB, LAYER), (BY_TAG, MANIFEST)):
            answer = await self.ask("GET", target)
            self.assertEqual((answer.status, answer.body == data), (200, True))
        self.assertEqual((await self.ask("GET", "/v2/a/manifests/other")).status, 404)
        answer = await self.ask("PATCH", upload, b"more")
        self.assertEqual(answer.status, 202)
        target = f"{answer.place}{'&' if '?' in answer.place else '?'}"
        target += f"digest={digest_of(b'begun, more')}"
        self.assertEqual((await self.ask("PUT", target)).status, 201)

    async def test_a_store_that_refuses_and_then_is_gone(self) -> None:
        """Nothing is taken for absent, and all goes on by itself when it is back."""
        await self.start()
        await self.push()
        upload = (await self.ask("POST", UPLOADS)).place
        upload = (await self.ask("PATCH", upload, b"begun, ")).place
        self.assertEqual((await self.ask("GET", BY_TAG)).status, 200)

        self.proxy.rules.append(Rule(acts.forbid, times=None))
        await self.is_unavailable(upload)

        port = self.proxy.listens_at
        await self.proxy.deafen()
        await self.is_unavailable(upload)

        self.proxy.rules.clear()
        self.proxy.listen(at=port)
        await self.works(upload)

        log = self.node.log
        for text in ("answered 403", "ConnectionRefused", self.container):
            self.assertRegex(log, f"The store cannot be used: .*{text}")
        self.assertIn("Asking again: ", log)
        self.assertNotIn("Traceback", log)
        self.assertIsNone(SECRET.search(log), SECRET.search(log))

    async def test_a_pull_whose_bytes_break_off_is_broken_off(self) -> None:
        """Never is half of a blob answered as if it were all."""
        await self.start()
        await self.push()
        hexadecimal = digest_of(LAYER).partition(":")[2]

        def is_the_blob(exchange: Exchange) -> bool:
            path = exchange.path
            return exchange.method == "GET" and path.endswith(f"{hexadecimal}/data")

        self.proxy.rules.append(Rule(acts.truncate, is_the_blob, times=None))
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            await self.ask("GET", BLOB)
        self.proxy.rules.clear()
        self.assertEqual((await self.ask("GET", BLOB)).body, LAYER)
        self.assertIn("Broke off an answer", self.node.log)

    async def test_a_store_that_cannot_be_reached_stops_the_start(self) -> None:
        tls = FaultProxy(self.service.port)
        shown = issue("server")
        shows: dict[str, Any] = {
            "privateKey": shown.key,
            "certificate": shown.certificate,
        }
        tls.listen(cast("Any", CertificateOptions(**shows)))
        self.addCleanup(lambda: Deferred.fromCoroutine(tls.deafen()))
        gone = self.proxy.url
        await self.proxy.deafen()
        starts = [Deferred.fromCoroutine(self.stops(url)) for url in (gone, tls.url)]
        gone_said, tls_said = await gatherResults(starts)
        self.assertRegex(gone_said, r"ConnectionRefused.*; look at storage\.\w+\.\w+")
        self.assertRegex(tls_said, r"does not prove who it is.* at storage\.\w+\.cas\.")
        for said in (gone_said, tls_said):
            (sentence,) = re.findall(r"storage: .*", said)
            self.assertEqual(sentence.count(". "), 0)
            self.assertNotIn("Traceback", said)
            self.assertIsNone(SECRET.search(said), said)


class S3DaemonFaultTests(DaemonFaultCase):
    def storage(self, url: str) -> dict[str, Any]:
        """See `DaemonFaultCase`."""
        return {
            "s3": {
                "accesskey": service.USER,
                "secretkey": service.KEY,
                "regionendpoint": url,
                "bucket": self.container,
            }
        }


class SwiftDaemonFaultTests(DaemonFaultCase):
    def storage(self, url: str) -> dict[str, Any]:
        """See `DaemonFaultCase`."""
        return {
            "swift": {
                "authurl": f"{url}/auth/v1.0",
                "username": service.USER,
                "password": service.KEY,
                "container": self.container,
            }
        }


del DaemonFaultCase


def _ask(port: int, method: str, target: str, data: bytes) -> Answer:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=LIMIT)
    headers = {"Content-Type": OCI_MANIFEST} if method == "PUT" and data else {}
    try:
        connection.request(method, target, data, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())  # type: ignore[arg-type]  # by any case of letters
    finally:
        connection.close()
