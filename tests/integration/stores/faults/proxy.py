"""A proxy between a registry and its store, which makes faults.

It stands where the store is said to be: requests are passed on untouched, ``Host``
included, so that signatures hold, and that whoever makes URLs of ``Host`` makes such as
lead here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Factory
from twisted.internet.ssl import ContextFactory
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tests.integration.stores.faults.exchange import TICK, Exchange
from tests.integration.stores.faults.wire import Lost, Wire
from txregistry.tasks import detach

_reactor: Any = reactor
LOOPBACK = "127.0.0.1"


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
            await deferLater(_reactor, TICK)

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
