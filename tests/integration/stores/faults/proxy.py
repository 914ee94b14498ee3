"""A proxy between a registry and its store, which makes faults.

It stands where the store is said to be: requests are passed on untouched, ``Host``
included, so that signatures hold, and that whoever makes URLs of ``Host`` makes such as
lead here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.internet.ssl import ContextFactory
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from tests.integration.stores.faults.wire import Head, Lost, Wire, status_of
from txregistry.tasks import detach

_reactor: Any = reactor
LOOPBACK = "127.0.0.1"
_TICK = 0.02
"""Seconds between two times that somebody is told that nothing happens."""
_DEAF = 10
"""Ticks for which nothing is read."""


class Exchange:
    """A request that came, and what becomes of it.

    Attributes:
        method: The request's method.
        target: What it asks about, with the query.
        head: Its head.
        status: What the service answered, if it did; 0 if not.
        passed: Whether it reached the service, or some of it.
    """

    def __init__(self, proxy: "FaultProxy", client: Wire, head: Head) -> None:
        self.head = head
        self.method, self.target, _ = head.line.split(" ", 2)
        self.status = 0
        self.passed = False
        self._proxy = proxy
        self._client = client
        self._service: Wire | None = None

    @property
    def path(self) -> str:
        """What it asks about, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query."""
        return self.target.partition("?")[2]

    async def drain(self) -> None:
        """Take the request's body, and let nobody have it."""
        async for _ in self._client.body(self._length):
            pass

    async def pass_on(self, most: int | None = None) -> None:
        """Let the service have the request.

        Args:
            most: Bytes of its body that it gets; None for all.
        """
        service = await self._connect()
        self.passed = True
        await service.write(self.head.raw)
        count = 0
        async for piece, size in self._client.body(self._length):
            if most is not None and count + size > most:
                await service.write(piece[: most - count])
                return
            count += size
            await service.write(piece)

    async def hold(self) -> "Held":
        """Take the request, and let the service have it some other time."""
        pieces = [piece async for piece, _ in self._client.body(self._length)]
        return Held(self._proxy, b"".join([self.head.raw, *pieces]), self.method)

    async def hear(self) -> Head:
        """Wait until the service begins to answer."""
        service = await self._connect()
        head = await service.read_head()
        if head is None:
            raise Lost
        self.status = status_of(head)
        return head

    async def fetch(self) -> "Answer":
        """Wait for the service's whole answer."""
        head = await self.hear()
        service = await self._connect()
        pieces = [piece async for piece in service.answer_body(self.method, head)]
        return Answer(head, [raw for raw, _ in pieces], sum(size for _, size in pieces))

    async def relay(self) -> None:
        """Let the service have the request, and the client the answer, as they come."""
        service = await self._connect()
        sending = Deferred.fromCoroutine(self.pass_on())
        _ = sending.addErrback(self._stopped)
        try:
            await self._relay_answer(service)
        finally:
            if not sending.called and (service.is_gone or self._client.is_gone):
                sending.cancel()
        # Who is answered before all is sent may send the rest, or leave.
        await sending

    async def send(self, data: bytes) -> None:
        """Answer something."""
        await self._client.write(data)

    async def answer(
        self, status: int, body: bytes = b"", fields: str = "", *, connection: str = ""
    ) -> None:
        """Answer by ourselves.

        Args:
            status: The status.
            body: The body.
            fields: Header fields, each with the end of its line.
            connection: ``close`` where the connection ends then.
        """
        if connection:
            fields += f"Connection: {connection}\r\n"
        head = f"HTTP/1.1 {status} Fault\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
        await self.send(head.encode() + (b"" if self.method == "HEAD" else body))
        if connection:
            self.end()

    async def silence(self) -> None:
        """Do nothing any more until the client has enough of it.

        Raises:
            Lost: it has.
        """
        ticks = 0
        while not self._client.is_gone:
            await self.wait(_TICK)
            self._proxy.pass_time()
            ticks += 1
            if ticks == _DEAF:  # who never reads never hears that the client left
                self._client.ignore()
        raise Lost

    async def wait(self, seconds: float) -> None:
        """Let some time pass."""
        await deferLater(_reactor, seconds)

    async def left(self) -> None:
        """Wait until the client has broken off."""
        await self._client.gone

    def end(self) -> None:
        """Close the client's connection; what was sent arrives."""
        self._client.end()

    def cut(self) -> None:
        """Close both connections, wherever they are."""
        self._client.end()
        self.drop()

    def reset(self) -> None:
        """Reset both connections."""
        self._client.reset()
        self.drop()

    def drop(self) -> None:
        """Close the connection to the service."""
        self._proxy.drop(self._client)

    @property
    def _length(self) -> int | None:
        return None if self.head.is_chunked else self.head.length or 0

    async def _connect(self) -> Wire:
        return await self._proxy.service_of(self._client)

    def _stopped(self, failure: Failure) -> None:
        """Let nobody wait for the answer to half a request, nor miss one to it."""
        failure.trap(Lost, CancelledError)
        if self._client.is_gone:
            self.drop()

    async def _relay_answer(self, service: Wire) -> None:
        head = None
        while head is None or self.status // 100 == 1:
            head = await self.hear()
            await self.send(head.raw)
        async for piece, _ in service.answer_body(self.method, head):
            await self.send(piece)


@dataclass(frozen=True)
class Answer:
    """What the service answered.

    Attributes:
        head: Its head.
        pieces: Its body as it came, chunks and all.
        size: Bytes of content in that.
    """

    head: Head
    pieces: list[bytes]
    size: int

    @property
    def raw(self) -> bytes:
        """All of it."""
        return b"".join([self.head.raw, *self.pieces])


@dataclass(frozen=True)
class Held:
    """A request that the service has not had yet."""

    proxy: "FaultProxy"
    raw: bytes
    method: str

    async def release(self) -> int:
        """Let the service have it now, and give the status of its answer."""
        service = await self.proxy.connect()
        try:
            await service.write(self.raw)
            head = await service.read_head()
            if head is None:
                raise Lost
            async for _ in service.answer_body(self.method, head):
                pass
        finally:
            service.break_off()
        return status_of(head)


Act = Callable[[Exchange], Awaitable[None]]
"""What is done with a request."""


@dataclass
class Rule:
    """When something is done.

    Attributes:
        act: What is done.
        matches: The requests that are meant.
        first: The first of those to which it is done: 1, 2, ...
        times: How often it is done; None: from then on, to each.
        met: How many were met already.
    """

    act: Act
    matches: Callable[[Exchange], bool] = lambda _: True
    first: int = 1
    times: int | None = 1
    met: int = 0

    def meets(self, exchange: Exchange) -> bool:
        """Whether it is this request's turn; each is asked about once."""
        if not self.matches(exchange):
            return False
        self.met += 1
        place = self.met - self.first
        return place >= 0 and (self.times is None or place < self.times)


@dataclass
class FaultProxy:
    """Listen, pass on, and make the faults that the rules tell.

    Attributes:
        port: Where the service is.
        rules: What is done to requests; the first that is meant by a rule.
        exchanges: All requests that came, in order.
        busy: Requests that have not ended.
        refusing: Connections that are still to be closed before anything is heard.
        pass_time: Called time and again while nothing happens.
    """

    port: int
    rules: list[Rule] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    busy: int = 0
    refusing: int = 0
    pass_time: Callable[[], object] = lambda: None
    _listening: Any = None
    _tls: bool = False
    _clients: dict[Wire, Wire | None] = field(default_factory=dict)
    _log = Logger()

    def listen(self, tls: ContextFactory | None = None, at: int = 0) -> None:
        """Begin, with TLS or without, at a port or any."""
        factory, self._tls = _Accepting(self), tls is not None
        if tls is None:
            self._listening = _reactor.listenTCP(at, factory, interface=LOOPBACK)
        else:
            self._listening = _reactor.listenSSL(at, factory, tls, interface=LOOPBACK)

    @property
    def listens_at(self) -> int:
        """The port at which it listens."""
        assert self._listening is not None
        found: int = self._listening.getHost().port
        return found

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a path."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{LOOPBACK}:{self.listens_at}"

    @property
    def connections(self) -> int:
        """Connections of clients that are open."""
        return len(self._clients)

    @property
    def asked(self) -> list[str]:
        """All requests that came, as method and target."""
        return [f"{each.method} {each.target}" for each in self.exchanges]

    async def deafen(self) -> None:
        """Listen no more, and break off what goes on: the store is gone."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await maybeDeferred(listening.stopListening)
        for client in list(self._clients):
            client.reset()
        while self._clients:
            await deferLater(_reactor, _TICK)

    async def service_of(self, client: Wire) -> Wire:
        """Give the connection to the service that belongs to a client's."""
        if client not in self._clients:
            raise Lost
        found = self._clients[client]
        if found is None or found.is_gone:
            found = self._clients[client] = await self.connect()
            if client.is_gone:
                found.break_off()
                raise Lost
        return found

    async def connect(self) -> Wire:
        """Connect to the service."""
        endpoint = TCP4ClientEndpoint(_reactor, LOOPBACK, self.port)
        wire: Wire = await connectProtocol(endpoint, Wire())
        return wire

    def drop(self, client: Wire) -> None:
        """Close the connection to the service that belongs to a client's."""
        service = self._clients.get(client)
        if service is not None:
            service.break_off()

    def serve(self, client: Wire) -> None:
        """Take what comes from a client."""
        if self.refusing:
            self.refusing -= 1
            client.break_off()
            return
        self._clients[client] = None
        _ = detach(self._serve(client), self._log, "serving a client")

    async def _serve(self, client: Wire) -> None:
        try:
            while not client.is_closing and (head := await client.read_head()):
                exchange = Exchange(self, client, head)
                self.exchanges.append(exchange)
                self.busy += 1
                try:
                    await self._act_on(exchange)
                finally:
                    self.busy -= 1
        except Lost:
            pass
        finally:
            self.drop(client)
            if not client.is_closing:
                client.break_off()
            del self._clients[client]

    async def _act_on(self, exchange: Exchange) -> None:
        turns = [rule for rule in self.rules if rule.meets(exchange)]
        if turns:
            await turns[0].act(exchange)
        else:
            await exchange.relay()


class _Accepting(Factory):
    """Take clients in."""

    noisy = False

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy

    def buildProtocol(self, addr: object) -> Wire:
        """See ``IProtocolFactory``."""
        del addr
        return _Accepted(self._proxy)


class _Accepted(Wire):
    """A connection that a client made."""

    def __init__(self, proxy: FaultProxy) -> None:
        super().__init__()
        self._proxy = proxy

    def connectionMade(self) -> None:
        """See ``IProtocol``."""
        super().connectionMade()
        self._proxy.serve(self)
