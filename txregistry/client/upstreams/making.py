"""Putting together what asks an upstream."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from txregistry.client.upstreams.asking import Asking
from txregistry.client.upstreams.authorization import Authorization
from txregistry.client.upstreams.blobs import Blobs
from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.lists import Lists
from txregistry.client.upstreams.manifests import Manifests
from txregistry.client.upstreams.passing import PassedReader
from txregistry.client.upstreams.persistence import Persistence
from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.proxies import Proxy
from txregistry.client.upstreams.reaching import Reach
from txregistry.client.upstreams.readers import Documents
from txregistry.client.upstreams.registry2 import Registry2Upstream
from txregistry.client.upstreams.slots import Rate, Slots
from txregistry.client.upstreams.terms import Terms
from txregistry.client.upstreams.tokens import TokenService
from txregistry.client.upstreams.trust import Trust
from txregistry.client.upstreams.whereabouts import Whereabouts
from txregistry.client.upstreams.wire import Wire
from txregistry.tasks import Blocking


def make_upstream(reactor: Any, blocking: Blocking, terms: Terms) -> Registry2Upstream:
    """Make what asks a registry that speaks version 2. Nothing is contacted yet.

    Args:
        reactor: Makes connections, looks up names, measures the time.
        blocking: Where work goes that takes its time.
        terms: On what terms.

    Raises:
        ValueError: a URL is none that can be used.
    """
    trust, reach = reach_out(reactor, blocking, terms)
    return assemble(
        terms, reach, reactor, blocking, befriend=trust.befriend, end=reach.close
    )


def reach_out(reactor: Any, blocking: Blocking, terms: Terms) -> tuple[Trust, Reach]:
    """Make what connects to a registry, and what it trusts.

    Raises:
        ValueError: a URL is none that can be used.
    """
    home = parse_home(terms.url)
    trust = Trust(home.host, terms.authorities, terms.client_certificate)
    reach = Reach(
        reactor,
        blocking,
        home,
        Whereabouts(home.host, allow_private=terms.allow_private),
        trust,
        terms.patience.connect,
        None if terms.proxy is None else Proxy.parse(terms.proxy),
    )
    return trust, reach


async def nothing() -> None:
    """End what needs no end."""


def assemble(
    terms: Terms,
    agent: IAgent,
    clock: IReactorTime,
    blocking: Blocking,
    *,
    befriend: Callable[[str], object] = lambda _: None,
    end: Callable[[], Any] = nothing,
) -> Registry2Upstream:
    """Put together what asks an upstream by any agent.

    Args:
        terms: On what terms.
        agent: Makes requests.
        clock: What measures the time.
        blocking: Where work goes that takes its time.
        befriend: Is told which host the upstream has its tokens from.
        end: Ends all connections.
    """
    name, home, limits = terms.name, parse_home(terms.url), terms.limits
    wire = Wire(name, agent, clock, terms.patience)
    documents = Documents(name, clock, terms.patience, limits)
    service = TokenService(name, wire, documents, clock)
    asking = Asking(
        name,
        home,
        wire,
        Authorization(name, home, terms.login, service, clock, limits.tokens, befriend),
        Persistence(clock, terms.patience, terms.chance),
        Breaker(name, clock, limits, terms.chance),
        Throttle(name, clock, limits),
        make_rate(clock, terms),
        clock,
    )
    passing = make_slots(clock, terms, max(1, limits.concurrency // 2))
    return Registry2Upstream(
        name,
        asking=asking,
        manifests=Manifests(name, documents, blocking),
        blobs=Blobs(name, documents, limits),
        lists=Lists(name, asking, documents, blocking),
        blob_slots=make_slots(clock, terms),
        passing_slots=passing,
        relay=lambda reader: PassedReader(
            name, reader, clock, limits, lambda: passing.are_wanted
        ),
        slots=make_slots(clock, terms),
        end=end,
    )


def make_rate(clock: IReactorTime, terms: Terms) -> Rate:
    """Make what knows how often an upstream may be asked."""
    return Rate(
        terms.name,
        clock,
        rate=terms.limits.rate,
        burst=terms.limits.burst,
        patience=terms.patience.turn,
    )


def make_slots(
    clock: IReactorTime, terms: Terms, concurrency: int | None = None
) -> Slots:
    """Make what knows how many may ask an upstream at a time.

    Args:
        clock: What measures the time.
        terms: On what terms.
        concurrency: How many; None for as many as the terms have.
    """
    return Slots(
        terms.name,
        clock,
        limit=concurrency or terms.limits.concurrency,
        waiting=terms.limits.waiting,
        patience=terms.patience.turn,
    )
