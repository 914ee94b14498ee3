"""Tests of TLS with sockets: who is let in, and what becomes of it on a reload."""

import ssl
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a real one is the point
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.authorities import Files, Issued, issue
from tests.integration.visitors import (
    REFUSED,
    V12,
    V13,
    Visitor,
    make_context,
    visit,
)
from tests.temporary import make_folder
from tests.web.content import digest_of
from txregistry.listening import make_endpoints
from txregistry.registry.repositories import Registry
from txregistry.settings import Http, Listener, Tls
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import P, T, in_threads
from txregistry.tls import ServerTls
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

CLIENTS: dict[str, Issued | None] = {
    "none": None,
    "of another authority": OTHER.issue("eve"),
    "expired": ROOT.issue("ann", since=-9, until=-1),
    "not valid yet": ROOT.issue("ann", since=1, until=9),
    "revoked": EVE,
    "right": ANN,
}


class TlsCase(TestCase):
    """A server with TLS, and threads for its clients."""

    timeout = 120

    async def serve(
        self,
        clientauth: str | None = None,
        minimum: str = "tls1.2",
        *revoked: Issued,
        crls: bool = True,
    ) -> None:
        """Begin to serve."""
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
            clientcas=(self.files.put("ca.pem", ROOT.pem),),
            clientauth=clientauth,
            crls=(self.files.path("ca.crl"),) if crls else (),
            minimumtls=minimum,
        )
        self.server = ServerTls(tls, _reactor, self.blocking)
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


class AdmissionTests(TlsCase):
    async def check(self, clientauth: str, *let_in: str) -> None:
        """Expect that certain clients are let in, and no others."""
        await self.serve(clientauth, "tls1.2", EVE)
        for (who, shown), version in product(CLIENTS.items(), (V12, V13)):
            status = await self.visit(self.context(shown, version))
            expected = 200 if who in let_in else REFUSED
            self.assertEqual(status, expected, (who, version))

    async def test_required(self) -> None:
        await self.check("require", "right")

    async def test_optional(self) -> None:
        await self.check("optional", "none", "right")

    async def test_distributions_words_mean_the_same(self) -> None:
        await self.check("require-and-verify-client-cert", "right")

    async def test_optional_in_distributions_words(self) -> None:
        await self.check("verify-client-cert-if-given", "none", "right")

    async def test_authority_between_need_not_be_known(self) -> None:
        await self.serve(crls=False)
        self.assertEqual(await self.visit(self.context(MIDDLE.issue("joe"))), 200)

    async def test_with_lists_it_must_be(self) -> None:
        await self.serve()
        status = await self.visit(self.context(MIDDLE.issue("joe")))
        self.assertEqual(status, REFUSED)

    async def test_list_that_has_ended_lets_nobody_in(self) -> None:
        await self.serve()
        self.files.put("ca.crl", ROOT.revoke(until=-1))
        await self.server.reload()
        self.assertEqual(await self.visit(self.context()), REFUSED)


class VersionTests(TlsCase):
    async def refuses(self, version: ssl.TLSVersion) -> None:
        """Expect the server's own refusal of a version."""
        context = self.context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python tells that 1.1 is old, too
            context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError) as raised:
            await self.connect(context)
        self.assertIn("ALERT_PROTOCOL_VERSION", str(raised.exception))

    async def test_tls_1_1_is_refused(self) -> None:
        await self.serve()
        await self.refuses(ssl.TLSVersion.TLSv1_1)

    async def test_tls_1_2_is_refused_where_1_3_is_asked_for(self) -> None:
        await self.serve(None, "tls1.3")
        await self.refuses(V12)

    async def test_tls_1_3_is_preferred(self) -> None:
        await self.serve()
        visitor = await self.connect(self.context())
        self.assertEqual(visitor.tls.version(), "TLSv1.3")

    async def test_http_1_is_chosen_where_more_is_offered(self) -> None:
        await self.serve()
        visitor = await self.connect(self.context())
        self.assertEqual(visitor.tls.selected_alpn_protocol(), "http/1.1")

    async def test_ciphers_of_tls_1_2_keep_no_secret_for_later(self) -> None:
        await self.serve()
        context = self.context(version=V12)
        context.set_ciphers("ECDHE+AES:!AESGCM")
        with self.assertRaises(ssl.SSLError) as raised:
            await self.connect(context)
        self.assertIn("HANDSHAKE_FAILURE", str(raised.exception))


class ResumptionTests(TlsCase):
    async def resumes(
        self, version: ssl.TLSVersion, between: Callable[[], None]
    ) -> bool | None:
        """Come, and come again; say whether that was without a whole handshake."""
        await self.serve()
        context = self.context(version=version)
        first = await self.connect(context)
        self.assertEqual(await self.do(first.get), 200)
        between()
        await self.server.reload()
        second = await self.connect(context, first.tls.session)
        self.assertEqual(await self.do(second.get), 200)
        return second.tls.session_reused

    async def test_tls_1_3_is_resumed(self) -> None:
        self.assertTrue(await self.resumes(V13, lambda: None))

    async def test_tls_1_2_is_resumed(self) -> None:
        self.assertTrue(await self.resumes(V12, lambda: None))

    async def test_tls_1_3_is_not_resumed_after_a_change(self) -> None:
        self.assertFalse(await self.resumes(V13, self.revoke))

    async def test_tls_1_2_is_not_resumed_after_a_change(self) -> None:
        self.assertFalse(await self.resumes(V12, self.revoke))

    async def test_who_resumed_is_still_known_after_a_change(self) -> None:
        await self.serve(crls=False)
        context = self.context(MIDDLE.issue("joe"))
        first = await self.connect(context)
        await self.do(first.get)
        second = await self.connect(context, first.tls.session)
        self.assertEqual(await self.do(second.get), 200)
        self.assertTrue(second.tls.session_reused)
        self.put_server(NEXT)
        await self.server.reload()
        self.assertEqual(await self.do(second.get), 200)


class RevocationTests(TlsCase):
    async def test_revoked_one_is_refused_at_once(self) -> None:
        await self.serve()
        for version in (V12, V13):
            self.assertEqual(await self.visit(self.context(BOB, version)), 200)
        self.revoke(BOB)
        await self.server.reload()
        for version in (V12, V13):
            self.assertEqual(await self.visit(self.context(BOB, version)), REFUSED)
            self.assertEqual(await self.visit(self.context(ANN, version)), 200)

    async def test_revoked_one_cannot_resume(self) -> None:
        await self.serve()
        for version in (V12, V13):
            self.revoke()
            await self.server.reload()
            context = self.context(BOB, version)
            first = await self.connect(context)
            await self.do(first.get)
            self.revoke(BOB)
            await self.server.reload()
            with self.assertRaises(OSError):
                second = await self.connect(context, first.tls.session)
                await self.do(second.get)

    async def test_open_connection_ends_at_its_next_request(self) -> None:
        for auth in ("require", "optional"):
            await self.serve(auth)
            visitor = await self.connect(self.context(BOB))
            self.assertEqual(await self.do(visitor.get), 200)
            self.revoke(BOB)
            await self.server.reload()
            answer = await self.do(visitor.ask)
            self.assertEqual(answer.status, 403)
            self.assertEqual(answer.headers["connection"], "close")
            self.assertIn(b"DENIED", await self.do(visitor.read, answer))
            with self.assertRaises(OSError):
                await self.do(visitor.ask)

    async def test_open_connections_of_others_go_on(self) -> None:
        await self.serve()
        visitor = await self.connect(self.context(ANN))
        self.assertEqual(await self.do(visitor.get), 200)
        self.revoke(BOB)
        await self.server.reload()
        self.assertEqual(await self.do(visitor.get), 200)

    async def test_running_transfer_goes_on(self) -> None:
        await self.serve()
        await self.push()
        visitor = await self.connect(self.context(BOB))
        answer = await self.do(visitor.ask, BLOB_PATH)
        self.revoke(BOB)
        await self.server.reload()
        self.assertEqual(await self.visit(self.context(BOB)), REFUSED)
        self.assertTrue(await self.do(visitor.read, answer) == BLOB)

    async def test_watching_finds_it_soon(self) -> None:
        await self.serve()
        self.server.start()
        self.addCleanup(self.server.stop)
        self.assertEqual(await self.visit(self.context(BOB)), 200)
        self.revoke(BOB)
        began = _reactor.seconds()
        while await self.visit(self.context(BOB)) != REFUSED:
            self.assertLess(
                _reactor.seconds() - began, 3
            )  # a second, and a busy machine
        self.assertEqual(await self.visit(self.context(ANN)), 200)


class ReloadTests(TlsCase):
    async def shown(self) -> bytes | None:
        """Give the certificate that the server shows to who comes now."""
        visitor = await self.connect(self.context())
        return visitor.tls.getpeercert(binary_form=True)

    async def test_new_certificate_is_for_who_comes_next(self) -> None:
        await self.serve()
        await self.push()
        visitor = await self.connect(self.context())
        answer = await self.do(visitor.ask, BLOB_PATH)
        self.put_server(NEXT)
        await self.server.reload()
        self.assertEqual(await self.shown(), NEXT.der)
        self.assertTrue(await self.do(visitor.read, answer) == BLOB)
        self.assertEqual(await self.do(visitor.get), 200)
        self.assertEqual(visitor.tls.getpeercert(binary_form=True), SERVER.der)

    async def test_broken_file_keeps_the_old_one(self) -> None:
        await self.serve()
        self.files.put("server.pem", NEXT.pem[:100])
        await self.server.reload()
        self.assertEqual(await self.shown(), SERVER.der)

    async def test_no_request_is_lost(self) -> None:
        await self.serve()
        context = self.context()

        def keep() -> list[int]:
            visitor = Visitor(context, self.port)
            statuses = [visitor.get() for _ in range(40)]
            visitor.close()
            return statuses

        def come_again() -> list[int]:
            session, statuses = None, []
            for _ in range(15):
                visitor = Visitor(context, self.port, session)
                statuses.append(visitor.get())
                session = visitor.tls.session
                visitor.close()
            return statuses

        work = [self.do(each) for each in (keep, come_again) * 5]
        done = gatherResults(work)
        before, reloads = self.server.current, 0
        while not done.called or reloads < 20:
            self.put_server((NEXT, SERVER)[reloads % 2])
            await self.server.reload()
            self.assertIsNot(self.server.current, before)
            before, reloads = self.server.current, reloads + 1
            self.assertEqual(await self.visit(context), 200)
        statuses = [status for each in await done for status in each]
        self.assertEqual(statuses, [200] * (5 * 40 + 5 * 15))
