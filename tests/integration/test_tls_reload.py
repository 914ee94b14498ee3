"""Tests of TLS with sockets: what becomes of it when its files are replaced."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import Files
from tests.integration import tlscase
from tests.integration.daemon import LOOPBACK, Daemon, twistd, write_settings
from tests.integration.tlscase import (
    ANN,
    BLOB,
    BLOB_PATH,
    BOB,
    NEXT,
    ROOT,
    SERVER,
)
from tests.integration.visitors import (
    REFUSED,
    V12,
    V13,
    Visitor,
    make_context,
    visit,
)
from tests.temporary import make_folder


class RevocationTests(tlscase.TlsCase):
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

    async def test_certificate_that_expires_meanwhile_is_refused(self) -> None:
        await self.serve()
        visitor = await self.connect(self.context(ROOT.issue("brief", until=1)))
        self.assertEqual(await self.do(visitor.get), 200)
        self.later = timedelta(days=2)
        self.assertEqual((await self.do(visitor.ask)).status, 403)

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
        began = time.monotonic()
        while await self.visit(self.context(BOB)) != REFUSED:
            # A second, and what a busy machine adds to it.
            self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(await self.visit(self.context(ANN)), 200)


class ReloadTests(tlscase.TlsCase):
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


class TlsDaemon(Daemon):
    """This registry under twistd, which asks clients for certificates."""

    def __init__(self, directory: Path, tls: dict[str, Any]) -> None:
        self._tls = tls
        super().__init__(directory)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        http = {"addr": f"{LOOPBACK}:{port}", "tls": self._tls}
        path = write_settings(self.scratch, self.directory, port, {"http": http})
        return [*twistd(), "--config", str(path)]


class DaemonTests(SynchronousTestCase):
    def test_revoked_one_is_refused_after_a_signal(self) -> None:
        folder = make_folder(self)
        files = Files(folder)
        tls = {
            "certificate": files.put("server.pem", SERVER.pem),
            "key": files.put("server.key", SERVER.key_pem),
            "clientcas": [files.put("ca.pem", ROOT.pem)],
            "crls": [files.put("ca.crl", ROOT.revoke())],
        }
        daemon = TlsDaemon(Path(folder, "data"), tls)
        self.addCleanup(daemon.discard)
        ann, bob = (make_context(files, ROOT, each) for each in (ANN, BOB))
        self.assertEqual(visit(bob, daemon.port), 200)
        visitor = Visitor(bob, daemon.port)
        self.addCleanup(visitor.close)
        self.assertEqual(visitor.get(), 200)
        files.put("ca.crl", ROOT.revoke(BOB))
        os.kill(daemon.pid, signal.SIGHUP)
        began = time.monotonic()
        while visit(bob, daemon.port) != REFUSED:
            self.assertLess(time.monotonic() - began, 5, daemon.log)
        self.assertEqual(visitor.ask().status, 403)
        self.assertEqual(visit(ann, daemon.port), 200)
