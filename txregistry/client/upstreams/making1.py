"""Putting together what asks an upstream that speaks version 1."""

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakSet

from cryptography import x509
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from txregistry.client.agent import ClientCertificate
from txregistry.client.upstreams.asking import Asking
from txregistry.client.upstreams.blobs import Blobs
from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.cookies import CookieAgent
from txregistry.client.upstreams.limits import (
    USUAL_LIMITS,
    USUAL_PATIENCE,
    Limits,
    Patience,
)
from txregistry.client.upstreams.logins import LoginSource, ToldLogin
from txregistry.client.upstreams.making import (
    make_rate,
    make_reach,
    make_slots,
    nothing,
    parse_home,
)
from txregistry.client.upstreams.persistence import Persistence
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.readers import Documents
from txregistry.client.upstreams.registry1 import Registry1Upstream
from txregistry.client.upstreams.registry1documents import Documents1
from txregistry.client.upstreams.registry1sessions import Sessions
from txregistry.client.upstreams.showing import Showing
from txregistry.client.upstreams.trust import Trust
from txregistry.client.upstreams.wire import Wire
from txregistry.tasks import Blocking

_SERVERS: Final = 16
"""Servers of an upstream of which it is remembered that they failed."""


def make_version1_upstream(
    reactor: Any,
    blocking: Blocking,
    name: str,
    url: str,
    *,
    login: LoginSource | None = None,
    authorities: Sequence[x509.Certificate] | None = None,
    client_certificate: ClientCertificate | None = None,
    proxy: str | None = None,
    allow_private: bool = False,
    patience: Patience = USUAL_PATIENCE,
    limits: Limits = USUAL_LIMITS,
    chance: Callable[[], float] = random.random,
) -> Registry1Upstream:
    """Make what asks a registry that speaks version 1. Nothing is contacted yet.

    Args:
        reactor: Makes connections, looks up names, measures the time.
        blocking: Where work goes that takes its time.
        name: What the upstream is called, in what clients are told as well.
        url: Where its Index is, or the registry that stands alone, without ``/v1``.
        login: Knows who we are there; None for nobody in particular.
        authorities: Who vouches for it; None for those of the platform.
        client_certificate: What it is shown, if it wants one.
        proxy: The URL of a proxy, with a user and a password maybe.
        allow_private: Whether it may send us to addresses that are not public, even if
            it is at a public one itself; so may an Index say that its content is there.
        patience: How long it is waited for.
        limits: How much is asked of it, and taken from it.
        chance: A number from 0 to 1, another each time.

    Raises:
        ValueError: a URL is none that can be used.
    """
    home = parse_home(url)
    trust = Trust(home.host, authorities, client_certificate)
    reach = make_reach(
        reactor, blocking, home, trust, proxy, patience, allow_private=allow_private
    )
    return assemble1(
        name,
        home,
        reach,
        reactor,
        blocking,
        login=login or ToldLogin(),
        befriend=trust.befriend,
        end=reach.close,
        patience=patience,
        limits=limits,
        chance=chance,
    )


def assemble1(
    name: str,
    home: Place,
    agent: IAgent,
    clock: IReactorTime,
    blocking: Blocking,
    *,
    login: LoginSource,
    befriend: Callable[[str], object] = lambda _: None,
    end: Callable[[], Any] = nothing,
    patience: Patience = USUAL_PATIENCE,
    limits: Limits = USUAL_LIMITS,
    chance: Callable[[], float] = random.random,
) -> Registry1Upstream:
    """Put together what asks an upstream by any agent.

    The arguments are those of ``assemble``; ``befriend`` is told which hosts have the
    content of the upstream.
    """
    documents = Documents(name, clock, patience, limits)
    documents1 = Documents1(name, blocking)
    askings = _Askings(name, agent, clock, patience, limits, chance)

    return Registry1Upstream(
        name,
        sessions=Sessions(
            name,
            home,
            askings.make,
            login,
            documents,
            documents1,
            befriend,
            clock,
        ),
        documents=documents,
        documents1=documents1,
        blobs=Blobs(name, documents, limits),
        blob_slots=make_slots(name, clock, patience, limits),
        slots=make_slots(name, clock, patience, limits),
        clock=clock,
        stop=askings.close,
        end=end,
        chance=chance,
    )


class _Askings:
    """Make what asks the servers of an upstream; each of them may fail by itself."""

    def __init__(
        self,
        name: str,
        agent: IAgent,
        clock: IReactorTime,
        patience: Patience,
        limits: Limits,
        chance: Callable[[], float],
    ) -> None:
        self._name = name
        self._agent = agent
        self._clock = clock
        self._patience = patience
        self._limits = limits
        self._chance = chance
        self._persistence = Persistence(clock, patience, chance)
        self._rate = make_rate(name, clock, patience, limits)
        self._servers: OrderedDict[object, tuple[Breaker, Throttle]] = OrderedDict()
        self._made: WeakSet[Asking] = WeakSet()
        self._closed = False

    def make(self, place: Place, showing: Showing) -> Asking:
        """Make what asks a server, with cookies of its own."""
        breaker, throttle = self._server(place)
        agent = CookieAgent(self._agent, place)
        asking = Asking(
            self._name,
            place,
            Wire(self._name, agent, self._clock, self._patience),
            showing,
            self._persistence,
            breaker,
            throttle,
            self._rate,
            self._clock,
        )
        asking.closed = self._closed
        self._made.add(asking)
        return asking

    def close(self) -> None:
        """Ask nobody any more."""
        self._closed = True
        for asking in self._made:
            asking.closed = True

    def _server(self, place: Place) -> tuple[Breaker, Throttle]:
        if place.origin not in self._servers:
            self._servers[place.origin] = (
                Breaker(self._name, self._clock, self._limits, self._chance),
                Throttle(self._name, self._clock, self._limits),
            )
        self._servers.move_to_end(place.origin)
        if len(self._servers) > _SERVERS:
            self._servers.popitem(last=False)
        return self._servers[place.origin]
