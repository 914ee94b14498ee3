"""Tests of ``txregistry/assembly/storeagent.py``: servers that prove who they are."""

from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import HTTPConnectionPool
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.authorities import Issued, issue
from tests.temporary import make_file
from txregistry.assembly.storeagent import make_store_agent
from txregistry.settings.section import SettingsError
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remote import Answer, RemoteServer, Request

ROOT = issue("root", authority=True)
OTHER = issue("other", authority=True)
SERVER = ROOT.issue("server")
LATE = ROOT.issue("server", since=-9.0, until=-2.0)

_reactor: Any = reactor


class _Something(Resource):
    isLeaf = True

    def render(self, request: object) -> bytes:
        """See ``IResource``."""
        del request
        return b"data"


class StoreAgentTests(TestCase):
    def serve(self, shown: Issued) -> int:
        """Serve something by TLS, and give the port."""
        shows: dict[str, Any] = {
            "privateKey": shown.key,
            "certificate": shown.certificate,
        }
        options = CertificateOptions(**shows)
        port = _reactor.listenSSL(0, Site(_Something()), options, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        found: int = port.getHost().port
        return found

    async def ask(self, shown: Issued, *cas: bytes, verify: bool = True) -> int:
        """Give the status of an answer."""
        pool = HTTPConnectionPool(reactor)

        async def close() -> None:
            await deferLater(IReactorTime(reactor), 0)
            await pool.closeCachedConnections()

        self.addCleanup(lambda: Deferred.fromCoroutine(close()))
        paths = [make_file(self, f"ca{place}", ca) for place, ca in enumerate(cas)]
        agent = make_store_agent(reactor, pool, "some.cas", paths, verify=verify)
        url = f"https://127.0.0.1:{self.serve(shown)}/"

        async def take(answer: Answer) -> int:
            await answer.remark()
            return answer.status

        def make() -> Request:
            return Request("The store", "GET", url, {})

        return await RemoteServer(agent, IReactorTime(reactor)).ask(make, take)

    async def distrusts(self, shown: Issued, *cas: bytes) -> None:
        """Expect that a server is not taken for the store, and is asked once."""
        with self.assertRaises(StorageUnavailable) as caught:
            await self.ask(shown, *cas)
        said = str(caught.exception)
        self.assertIn("The store does not prove who it is", said)
        self.assertIn("look at its certificate", said)

    async def test_a_server_that_an_authority_vouches_for(self) -> None:
        self.assertEqual(await self.ask(SERVER, OTHER.pem, ROOT.pem), 200)

    async def test_a_server_of_another_authority(self) -> None:
        await self.distrusts(SERVER, OTHER.pem)

    async def test_a_server_that_the_platform_does_not_know(self) -> None:
        await self.distrusts(SERVER)

    async def test_a_certificate_that_is_over(self) -> None:
        await self.distrusts(LATE, ROOT.pem)

    async def test_nobody_looks_where_that_is_asked_for(self) -> None:
        self.assertEqual(await self.ask(LATE, verify=False), 200)

    async def test_a_file_that_is_none(self) -> None:
        with self.assertRaises(SettingsError) as caught:
            await self.ask(SERVER, b"junk")
        self.assertIn("some.cas", str(caught.exception))
