"""A registry on a real socket, in this process, and clients that speak bytes to it."""

import os
import shutil
import socket
import struct
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL.crypto import X509
from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from tests.web.answers import Answer, Cut, read_answers
from tests.web.content import digest_of
from tests.web.exchange import request_bytes
from txregistry.registry.repositories import Registry
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.keys import COMPANIONS
from txregistry.tasks import Blocking, P, T, in_threads
from txregistry.tls.turns import TurnFactory
from txregistry.web.accepted import accept_as_ours
from txregistry.web.channel import RegistryChannel
from txregistry.web.root import make_root
from txregistry.web.sendfile import Sender
from txregistry.web.site import RegistrySite

LOOPBACK = "127.0.0.1"
DEADLINE = 30.0
"""Seconds within which whatever is waited for has happened, on any machine."""

_GLANCE = 0.005
"""Seconds between two looks at what gives no notice of itself."""

_reactor: Any = reactor


@implementer(IHandshakeListener)
class Client(Protocol):
    """A connection to the registry; what it sends is bytes."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.lost = False
        self._shaken = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        self.received += data
        self._look()

    def connectionLost(self, reason: Failure = Failure(ConnectionError())) -> None:  # noqa: B008 - as Twisted's own
        """See ``IProtocol``."""
        del reason
        self.lost = True
        self._look()

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """See ``IHandshakeListener``."""
        self._shaken = True
        self._look()

    async def shake(self) -> None:
        """Wait until TLS is agreed on, or the server will have none of it."""
        await self.until(lambda: self._shaken or self.lost)

    def send(self, data: bytes) -> None:
        """Send bytes, however long that takes."""
        self._wire.write(data)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for bytes, or the end, to bring something about."""
        if not condition():
            waiting: Deferred[None] = Deferred()
            self._waiting.append((condition, waiting))
            await waiting.addTimeout(DEADLINE, _reactor)

    async def has(self, size: int) -> None:
        """Wait until so many bytes came."""
        await self.until(lambda: len(self.received) >= size or self.lost)

    async def end(self) -> None:
        """Wait until the server has closed."""
        await self.until(lambda: self.lost)

    async def answers(self, *methods: str) -> list[Answer]:
        """Wait for whole answers to requests of some methods, which are all."""
        while True:
            missing = 1
            try:
                found = read_answers(bytes(self.received), methods, ended=self.lost)
                if len(found) == len(methods) or self.lost:
                    return found
            except Cut as cut:
                if self.lost:
                    raise
                missing = cut.missing
            await self.has(len(self.received) + missing)

    async def answer(self, method: str = "GET") -> Answer:
        """Wait for the one answer."""
        (answer,) = await self.answers(method)
        return answer

    def has_sent(self) -> bool:
        """Say whether all was handed to the kernel."""
        below = getattr(self._wire, "transport", self._wire)
        waiting = [below.dataBuffer[below.offset :], *below._tempDataBuffer]
        return not any(waiting)

    def stop_reading(self) -> None:
        """Leave what comes in the kernel's buffers."""
        self._wire.pauseProducing()

    def go_on_reading(self) -> None:
        """Take what comes again."""
        self._wire.resumeProducing()

    def leave(self) -> None:
        """Close in good order."""
        self._wire.loseConnection()

    def reset(self) -> None:
        """Break the connection, so that the server gets a reset."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._wire.abortConnection()

    @property
    def protocol(self) -> bytes | None:
        """What TLS says is to be spoken."""
        chosen: bytes | None = self._wire.negotiatedProtocol
        return chosen

    @property
    def socket(self) -> socket.socket:
        """The socket, below TLS if there is that."""
        transport = getattr(self._wire, "transport", self._wire)
        found: socket.socket = transport.socket
        return found

    @property
    def _wire(self) -> Any:
        return self.transport

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, deferred in waiting:
            if condition():
                deferred.callback(None)
            else:
                self._waiting.append((condition, deferred))


class Gate:
    """A gate before the threads: while it is closed, work waits for one.

    Args:
        blocking: The threads.

    Attributes:
        jobs: How much work waits or is being done.
    """

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking
        self._opened: Deferred[None] | None = None
        self.jobs = 0

    @property
    def is_waited_at(self) -> bool:
        """Whether it is closed, and work waits."""
        return self._opened is not None and bool(self.jobs)

    def close(self) -> None:
        """Let work wait from now on."""
        self._opened = Deferred()

    def open(self) -> None:
        """Let it go on."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.callback(None)

    def pass_through(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """See ``Blocking``."""
        self.jobs += 1
        result: Deferred[T] = _Job()

        def begin(_: object) -> None:
            job = self._blocking(work, *args, **kwargs)
            _ = job.addBoth(self._end).chainDeferred(result)

        if self._opened is None:
            begin(None)
        else:
            _ = self._opened.addCallback(begin)
        return result

    def _end(self, outcome: Any) -> Any:
        self.jobs -= 1
        return outcome


class _Job(Deferred[T]):
    """Work in a thread, which cannot be stopped."""

    def cancel(self) -> None:
        """Do nothing, as with threads."""


class _Anybody:
    """Takes every certificate."""

    current = None

    def now(self) -> datetime:
        """See `Verifier`."""
        return datetime.now(UTC)

    def verify(self, certificate: X509, chain: list[X509]) -> None:
        """See `Verifier`."""

    def remember(self, verified: list[X509]) -> None:
        """See `Verifier`."""


class WireCase(TestCase):
    """A registry over files, on a port. Inherit as ``wire.WireCase``."""

    timeout = 2 * DEADLINE
    secure = False
    """Whether it speaks TLS."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.directory = tempfile.mkdtemp(prefix="txw-")
        self._pool = ThreadPool(1, 4)
        self._pool.start()
        self.gate = Gate(in_threads(_reactor, self._pool))
        blocking = self.gate.pass_through
        store = FilesystemObjectStore(self.directory, "scratch", blocking, COMPANIONS)
        registry = Registry(store, _reactor, blocking)
        self.site = RegistrySite(make_root(registry, Sender(blocking)), _reactor)
        self._clients: list[Client] = []
        factory: Any = self.site
        if self.secure:
            options: Any = CertificateOptions(*make_certificate())
            factory = TurnFactory(options, _Anybody(), factory, _reactor)
        endpoint = TCP4ServerEndpoint(_reactor, 0, interface=LOOPBACK)
        self._port: Any = accept_as_ours(await endpoint.listen(factory))

    async def tearDown(self) -> None:  # type: ignore[override]  # trial awaits it
        self.gate.open()
        for client in self._clients:
            if not client.lost:
                client.reset()
        await self._port.stopListening()
        for client in self._clients:
            await client.end()
        await self.eventually(lambda: not self.site.channels and not self.gate.jobs)
        self._pool.stop()
        shutil.rmtree(self.directory)

    async def connect(self, *, buffer: int | None = None, alpn: Any = None) -> Client:
        """Connect.

        Args:
            buffer: Bytes that the kernel takes in for the client; None for its choice.
            alpn: Protocols that a client of TLS offers.
        """
        client = Client()
        where: Any = HostnameEndpoint(
            _reactor, LOOPBACK.encode(), self._port.getHost().port
        )
        if self.secure:
            trusted = trustRootFromCertificates(
                [Certificate(X509.from_cryptography(make_certificate()[1]))]
            )
            options = optionsForClientTLS(LOOPBACK, trusted, acceptableProtocols=alpn)
            where = wrapClientTLS(options, where)
        await connectProtocol(where, client).addTimeout(DEADLINE, _reactor)
        if buffer is not None:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._clients.append(client)
        if self.secure:
            await client.shake()
        return client

    async def ask(self, method: str, target: str, **more: Any) -> Answer:
        """Ask one thing, on a connection of its own."""
        client = await self.connect()
        client.send(request_bytes(method, target, **more))
        answer = await client.answer(method)
        client.leave()
        return answer

    async def push(self, data: bytes, name: str = "a") -> str:
        """Push a blob, and give the path at which it is."""
        digest = digest_of(data)
        target = f"/v2/{name}/blobs/uploads/?digest={digest}"
        answer = await self.ask("POST", target, body=data)
        self.assertEqual(answer.status, 201)
        return f"/v2/{name}/blobs/{digest}"

    async def begin_upload(self) -> str:
        """Open an upload session, and give its location."""
        answer = await self.ask("POST", "/v2/a/blobs/uploads/")
        self.assertEqual(answer.status, 202)
        return answer.header("location") or ""

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """Wait for what gives no notice of itself."""
        limit = _reactor.seconds() + DEADLINE
        while not condition():
            if _reactor.seconds() > limit:
                self.fail("it did not happen in time")
            turn: Deferred[None] = Deferred()
            _reactor.callLater(_GLANCE, turn.callback, None)
            await turn

    def open_files(self) -> list[str]:
        """Give the files of the registry that this process has open."""
        found = []
        for number in os.listdir("/proc/self/fd"):
            try:
                path = os.readlink(f"/proc/self/fd/{number}")
            except FileNotFoundError:
                continue
            if path.startswith(self.directory):
                found.append(path)
        return found

    async def channel(self) -> RegistryChannel:
        """Wait until there is one connection, and give the server's end of it."""
        await self.eventually(lambda: len(self.site.channels) == 1)
        (channel,) = self.site.channels
        return channel


@lru_cache(maxsize=1)
def make_certificate() -> tuple[Any, Any]:
    """Make a key, and a certificate that signs itself, for this address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, LOOPBACK)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return key, certificate
