"""How an upstream is reached, and those it sends us to."""

from functools import cached_property
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import URI, Agent, HTTPConnectionPool, ProxyAgent
from twisted.web.http_headers import Headers
from twisted.web.iweb import (
    IAgent,
    IAgentEndpointFactory,
    IBodyProducer,
    IPolicyForHTTPS,
    IResponse,
)
from zope.interface import directlyProvides, implementer, providedBy

from txregistry.client.upstreams.connections import Connections, WatchedEndpoint
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.proxies import Proxy
from txregistry.client.upstreams.trust import Trust
from txregistry.client.upstreams.tunnels import TunnelEndpoint
from txregistry.client.upstreams.whereabouts import Strayed, Whereabouts
from txregistry.tasks import Blocking

_IDLE_CONNECTIONS: Final = 16
_IDLE_SECONDS: Final = 30


class _Guarded:
    """A reactor that connects only to where the upstream may send us.

    Endpoints look a name up, and then connect to each of its addresses: what is judged
    here is the very address that is connected to.
    """

    def __init__(self, reactor: Any, whereabouts: Whereabouts) -> None:
        self._reactor = reactor
        self._whereabouts = whereabouts
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def connectTCP(self, host: str, port: int, *args: Any, **others: Any) -> Any:  # noqa: N802 - Twisted's name
        """See ``IReactorTCP``.

        Raises:
            Strayed: the address is none where we go.
        """
        if not self._whereabouts.allows(host):
            raise Strayed
        return self._reactor.connectTCP(host, port, *args, **others)


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Connect to the upstream anywhere, and to others where it may send us."""

    def __init__(
        self,
        reactor: Any,
        home: Place,
        whereabouts: Whereabouts,
        trust: Trust,
        connections: Connections,
        timeout: float,
        proxy: Proxy | None,
    ) -> None:
        self._reactor = reactor
        self._guarded = _Guarded(reactor, whereabouts)
        self._home = home
        self._whereabouts = whereabouts
        self._trust = trust
        self._connections = connections
        self._timeout = timeout
        self._proxy = proxy
        self.trust_of_proxy = Trust(
            "" if proxy is None else proxy.place.host, None, None
        )

    def endpointForURI(self, uri: URI) -> Any:  # noqa: N802 - Twisted's name
        """See ``IAgentEndpointFactory``."""
        host = uri.host.decode("ascii")
        place = Place(uri.scheme.decode("ascii"), host, uri.port, "/")
        is_home = place.origin == self._home.origin
        note = self._whereabouts.note if is_home and self._proxy is None else None
        if self._proxy is None:
            reactor = self._reactor if is_home else self._guarded
            endpoint: Any = self._connect(reactor, place)
        else:
            self.check(place)
            endpoint = TunnelEndpoint(self.to_proxy(), self._proxy, place)
        if place.scheme == "https":
            endpoint = self._wrap(self._trust, place, endpoint)
        return WatchedEndpoint(endpoint, self._connections, note)

    def check(self, place: Place) -> None:
        """See that a host is none where we do not go, as far as its name tells.

        A proxy looks names up itself, so what they come to is its affair.

        Raises:
            Strayed: it is.
        """
        is_home = place.origin == self._home.origin
        if not is_home and not self._whereabouts.allows_host(place.host):
            raise Strayed

    def to_proxy(self) -> Any:
        """Connect to the proxy."""
        assert self._proxy is not None  # noqa: S101 - whoever calls has looked
        place = self._proxy.place
        endpoint: Any = self._connect(self._reactor, place)
        if place.scheme == "https":
            endpoint = self._wrap(self.trust_of_proxy, place, endpoint)
        return endpoint

    def _connect(self, reactor: Any, place: Place) -> Any:
        return HostnameEndpoint(reactor, place.host, place.port, timeout=self._timeout)

    def _wrap(self, trust: IPolicyForHTTPS, place: Place, endpoint: Any) -> Any:
        creator = trust.creatorForNetloc(place.host.encode("ascii"), place.port)
        return wrapClientTLS(creator, endpoint, clock=self._reactor)


@implementer(IAgent)
class Reach:
    """Make requests to an upstream, and to where it sends us.

    Args:
        reactor: Makes connections, and looks up names.
        blocking: Where work goes that reads files.
        home: Where the upstream is.
        whereabouts: Where it may send us.
        trust: Whom we believe who they are.
        timeout: Seconds in which a connection must come about.
        proxy: What is between us and everybody; None for nothing.

    Attributes:
        connections: Those that are open.
    """

    def __init__(
        self,
        reactor: Any,
        blocking: Blocking,
        home: Place,
        whereabouts: Whereabouts,
        trust: Trust,
        timeout: float,
        proxy: Proxy | None = None,
    ) -> None:
        clock: IReactorTime = reactor
        self.connections = Connections(clock)
        self._trust = trust
        self._blocking = blocking
        self._proxy = proxy
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = _IDLE_CONNECTIONS
        self._pool.cachedConnectionTimeout = _IDLE_SECONDS
        self._endpoints = _Endpoints(
            reactor, home, whereabouts, trust, self.connections, timeout, proxy
        )
        self._direct = Agent.usingEndpointFactory(reactor, self._endpoints, self._pool)
        self._reactor = reactor

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``."""
        return Deferred.fromCoroutine(self._request(method, uri, headers, bodyProducer))

    async def _request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None,
        body: IBodyProducer | None,
    ) -> IResponse:
        place = Place.parse(uri.decode("ascii"))
        if self._proxy is not None and self._proxy.place.scheme == "https":
            to_proxy = self._endpoints.trust_of_proxy
            await to_proxy.prepare(self._proxy.place.host, self._blocking)
        if place.scheme == "https":
            await self._trust.prepare(place.host, self._blocking)
        elif self._proxy is not None:
            self._endpoints.check(place)
            headers = Headers() if headers is None else headers.copy()
            if self._proxy.authorization:
                shown = [self._proxy.authorization.encode("ascii")]
                headers.setRawHeaders(b"proxy-authorization", shown)
            return await self._ask(self._plain, method, uri, headers, body)
        return await self._ask(self._direct, method, uri, headers, body)

    @cached_property
    def _plain(self) -> IAgent:
        """Ask by way of the proxy, which sees what is asked."""
        to_proxy = WatchedEndpoint(self._endpoints.to_proxy(), self.connections)
        agent: IAgent = ProxyAgent(to_proxy, self._reactor, self._pool)
        return agent

    @staticmethod
    def _ask(agent: IAgent, *request: Any) -> Deferred[IResponse]:
        asked: Deferred[IResponse] = agent.request(*request)
        return asked

    async def close(self) -> None:
        """Break off all connections."""
        await self._pool.closeCachedConnections()
        await self.connections.close()
