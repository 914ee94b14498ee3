"""A server with TLS on a socket, in this process, and what its tests share."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a real one is the point
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.authorities import Files, Issued, issue
from tests.integration.visitors import (
    V13,
    Visitor,
    make_context,
    visit,
)
from tests.temporary import make_folder
from tests.web.content import digest_of
from txregistry.assembly.listening import make_endpoints
from txregistry.registry.repositories import Registry
from txregistry.settings.sections import Http, Listener, Tls
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import P, T, in_threads
from txregistry.tls.server import ServerTls
from txregistry.web.certificates import CertifiedResource
from txregistry.web.root import make_root
from txregistry.web.sendfile import Sender
from txregistry.web.site import RegistrySite

ROOT = issue("root", authority=True)
OTHER = issue("root", authority=True)  # of the same name, and not the same
MIDDLE = ROOT.issue("middle", authority=True)
SERVER, NEXT = ROOT.issue("server"), ROOT.issue("next")
ANN, BOB, EVE = ROOT.issue("ann"), ROOT.issue("bob"), ROOT.issue("eve")
BLOB = bytes(range(256)) * (16 * 4096)
"""More than all buffers between a server and a client that does not read."""
BLOB_PATH = f"/v2/a/blobs/{digest_of(BLOB)}"
SMALL = 64 * 1024
_reactor: Any = reactor


class TlsCase(TestCase):
    """A server with TLS, and threads for its clients.

    Inherit as ``tlscase.TlsCase``.
    """

    timeout = 120

    async def serve(
        self,
        clientauth: str | None = None,
        minimum: str = "tls1.2",
        *revoked: Issued,
        crls: bool = True,
        authority: Issued = ROOT,
    ) -> None:
        """Begin to serve."""
        self.later = timedelta()
        pool = ThreadPool(4, 40, "tls")
        pool.start()
        self.addCleanup(pool.stop)
        self.blocking = in_threads(_reactor, pool)
        self.files = Files(make_folder(self))
        self.put_server(SERVER)
        self.revoke(*revoked)
        tls = Tls(
            self.files.path("server.pem"),
            self.files.path("server.key"),
            clientcas=(self.files.put("ca.pem", authority.pem),),
            clientauth=clientauth,
            crls=(self.files.path("ca.crl"),) if crls else (),
            minimumtls=minimum,
        )
        self.server = ServerTls(tls, _reactor, self.blocking, self.now)
        store = MemoryObjectStore(_reactor)
        registry = Registry(store, _reactor, self.blocking)
        root = CertifiedResource(make_root(registry, Sender(self.blocking)))
        site = RegistrySite(root, _reactor)
        entry = Listener("tcp:0:interface=127.0.0.1", ("v2",), tls=True)
        http = Http(listen=(entry,), tls=tls)
        ((endpoint, _apis),) = make_endpoints(_reactor, http, self.server)
        listening: Any = await endpoint.listen(site)
        self.addCleanup(lambda: Deferred.fromCoroutine(site.drain(0.1)))
        self.addCleanup(lambda: maybeDeferred(listening.stopListening))
        self.port: int = listening.getHost().port

    def now(self) -> datetime:
        """Tell the time; a test may say that it is later."""
        return datetime.now(UTC) + self.later

    def put_server(self, issued: Issued) -> None:
        self.files.put("server.key", issued.key_pem)
        self.files.put("server.pem", issued.pem)

    def revoke(self, *revoked: Issued) -> None:
        self.files.put("ca.crl", ROOT.revoke(*revoked))

    def context(
        self, shown: Issued | None = ANN, version: ssl.TLSVersion = V13
    ) -> ssl.SSLContext:
        return make_context(self.files, ROOT, shown, version)

    def do(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Do what a client does, in a thread."""
        return self.blocking(work, *args, **kwargs)

    async def connect(
        self, context: ssl.SSLContext, session: ssl.SSLSession | None = None
    ) -> Visitor:
        visitor = await self.do(Visitor, context, self.port, session, buffer=SMALL)
        self.addCleanup(visitor.close)
        return visitor

    async def visit(self, context: ssl.SSLContext) -> int:
        return await self.do(visit, context, self.port)

    async def push(self) -> None:
        """Put the blob in."""
        visitor = await self.connect(self.context())
        path = f"/v2/a/blobs/uploads/?digest={digest_of(BLOB)}"
        answer = await self.do(visitor.ask, path, "POST", BLOB)
        self.assertEqual(answer.status, 201)
