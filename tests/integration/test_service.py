"""Tests of ``txregistry/service.py``, with a reactor, threads and sockets."""

from typing import Any

from twisted.internet import reactor  # noqa: TID251 - a real one is the point
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from txregistry.model.durations import Duration
from txregistry.service import RegistryService, build
from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Http, Settings
from txregistry.settings.storage import Storage

LOOPBACK = "127.0.0.1"


class Client(Protocol):
    """Gather what comes until the other side closes."""

    def __init__(self) -> None:
        self.data = b""
        self.answered: Deferred[None] = Deferred()
        self.closed: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        self.data += data
        if self.data.endswith(b"{}") and not self.answered.called:
            self.answered.callback(None)

    def connectionLost(self, reason: Failure = Failure(Refused())) -> None:  # noqa: B008 - Twisted's
        """See ``IProtocol``."""
        del reason
        self.closed.callback(self.data)


class ServiceTests(TestCase):
    def setUp(self) -> None:
        http = Http(listen=(f"tcp:0:interface={LOOPBACK}",), draintimeout=Duration(0.1))
        settings = apply_role(Settings(storage=Storage(inmemory={}), http=http))
        self.service: RegistryService = build(settings, reactor)
        self.service.privilegedStartService()
        self.service.startService()
        address: Any = self.service._ports[0].getHost()
        self.port = address.port
        self.addCleanup(self.stop)

    def stop(self) -> Deferred[None] | None:
        """Stop, if that was not done."""
        return self.service.stopService() if self.service.running else None

    async def connect(self) -> Client:
        endpoint = TCP4ClientEndpoint(reactor, LOOPBACK, self.port)
        client: Client = await connectProtocol(endpoint, Client())
        return client

    async def ask(self) -> Client:
        client = await self.connect()
        assert client.transport is not None
        client.transport.write(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.answered
        return client

    async def test_answers(self) -> None:
        client = await self.ask()
        self.assertTrue(client.data.startswith(b"HTTP/1.1 200 "))
        assert client.transport is not None
        client.transport.loseConnection()
        await client.closed

    async def test_accepts_nobody_once_it_stopped(self) -> None:
        await self.service.stopService()
        with self.assertRaises(Refused):
            await self.connect()

    async def test_idle_client_does_not_hold_up_the_end(self) -> None:
        client = await self.ask()
        await self.service.stopService()
        await client.closed

    async def test_request_that_does_not_end_is_broken_off(self) -> None:
        client = await self.connect()
        assert client.transport is not None
        client.transport.write(
            b"POST /v2/a/blobs/uploads/?digest=sha256:"
            + b"a" * 64
            + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"
        )
        await self.service.stopService()
        await client.closed

    async def test_threads_end_with_it(self) -> None:
        await self.service.stopService()
        threads = [each.is_alive() for each in self.service._pool.threads]
        self.assertNotIn(True, threads)
