"""Putting together what asks an upstream that speaks version 1."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from txregistry.client.upstreams.asking import Asking
from txregistry.client.upstreams.blobs import Blobs
from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.cookies import CookieAgent
from txregistry.client.upstreams.making import (
    make_rate,
    make_slots,
    nothing,
    reach_out,
)
from txregistry.client.upstreams.persistence import Persistence
from txregistry.client.upstreams.places import Place, parse_home
from txregistry.client.upstreams.readers import Documents
from txregistry.client.upstreams.registry1 import Registry1Upstream
from txregistry.client.upstreams.registry1documents import Documents1
from txregistry.client.upstreams.registry1sessions import Sessions
from txregistry.client.upstreams.showing import Showing
from txregistry.client.upstreams.terms import Terms
from txregistry.client.upstreams.wire import Wire
from txregistry.tasks import Blocking

_SERVERS: Final = 16
"""Servers of an upstream of which it is remembered that they failed."""


def make_version1_upstream(
    reactor: Any, blocking: Blocking, terms: Terms
) -> Registry1Upstream:
    """Make what asks a registry that speaks version 1. Nothing is contacted yet.

    Args:
        reactor: Makes connections, looks up names, measures the time.
        blocking: Where work goes that takes its time.
        terms: On what terms. Where these allow private addresses, an Index may say that
            its content is there.

    Raises:
        ValueError: a URL is none that can be used.
    """
    trust, reach = reach_out(reactor, blocking, terms)
    return assemble1(
        terms, reach, reactor, blocking, befriend=trust.befriend, end=reach.close
    )


def assemble1(
    terms: Terms,
    agent: IAgent,
    clock: IReactorTime,
    blocking: Blocking,
    *,
    befriend: Callable[[str], object] = lambda _: None,
    end: Callable[[], Any] = nothing,
) -> Registry1Upstream:
    """Put together what asks an upstream by any agent.

    The arguments are those of ``assemble``; ``befriend`` is told which hosts have the
    content of the upstream.
    """
    name, limits = terms.name, terms.limits
    documents = Documents(name, clock, terms.patience, limits)
    documents1 = Documents1(name, blocking)
    askings = _Askings(terms, agent, clock)

    return Registry1Upstream(
        name,
        sessions=Sessions(
            name,
            parse_home(terms.url),
            askings.make,
            terms.login,
            documents,
            documents1,
            befriend,
            clock,
        ),
        documents=documents,
        documents1=documents1,
        blobs=Blobs(name, documents, limits),
        blob_slots=make_slots(clock, terms),
        slots=make_slots(clock, terms),
        clock=clock,
        stop=askings.close,
        end=end,
        chance=terms.chance,
    )


class _Askings:
    """Make what asks the servers of an upstream; each of them may fail by itself."""

    def __init__(self, terms: Terms, agent: IAgent, clock: IReactorTime) -> None:
        self._terms = terms
        self._agent = agent
        self._clock = clock
        self._persistence = Persistence(clock, terms.patience, terms.chance)
        self._rate = make_rate(clock, terms)
        self._servers: OrderedDict[object, tuple[Breaker, Throttle]] = OrderedDict()
        self._made: WeakSet[Asking] = WeakSet()
        self._closed = False

    def make(self, place: Place, showing: Showing) -> Asking:
        """Make what asks a server, with cookies of its own."""
        name = self._terms.name
        breaker, throttle = self._server(place)
        agent = CookieAgent(self._agent, place)
        asking = Asking(
            name,
            place,
            Wire(name, agent, self._clock, self._terms.patience),
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
            terms, clock = self._terms, self._clock
            self._servers[place.origin] = (
                Breaker(terms.name, clock, terms.limits, terms.chance),
                Throttle(terms.name, clock, terms.limits),
            )
        self._servers.move_to_end(place.origin)
        if len(self._servers) > _SERVERS:
            self._servers.popitem(last=False)
        return self._servers[place.origin]
