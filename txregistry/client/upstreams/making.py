"""Putting together what asks an upstream."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from cryptography import x509
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from txregistry.client.agent import ClientCertificate
from txregistry.client.upstreams.asking import Asking
from txregistry.client.upstreams.authorization import Authorization
from txregistry.client.upstreams.blobs import Blobs
from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.limits import (
    USUAL_LIMITS,
    USUAL_PATIENCE,
    Limits,
    Patience,
)
from txregistry.client.upstreams.lists import Lists
from txregistry.client.upstreams.logins import LoginSource, ToldLogin
from txregistry.client.upstreams.manifests import Manifests
from txregistry.client.upstreams.persistence import Persistence
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.reaching import Reach
from txregistry.client.upstreams.readers import Documents
from txregistry.client.upstreams.registry2 import Registry2Upstream
from txregistry.client.upstreams.slots import Rate, Slots
from txregistry.client.upstreams.tokens import TokenService
from txregistry.client.upstreams.trust import Trust
from txregistry.client.upstreams.tunnels import Proxy
from txregistry.client.upstreams.whereabouts import Whereabouts
from txregistry.client.upstreams.wire import Wire
from txregistry.tasks import Blocking


def make_upstream(
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
) -> Registry2Upstream:
    """Make what asks a registry that speaks version 2. Nothing is contacted yet.

    Args:
        reactor: Makes connections, looks up names, measures the time.
        blocking: Where work goes that takes its time.
        name: What the upstream is called, in what clients are told as well.
        url: Where it is: ``https://registry-1.docker.io``.
        login: Knows who we are there; None for nobody in particular.
        authorities: Who vouches for it; None for those of the platform.
        client_certificate: What it is shown, if it wants one.
        proxy: The URL of a proxy, with a user and a password maybe.
        allow_private: Whether it may send us to addresses that are not public, even if
            it is at a public one itself.
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
    return assemble(
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


def make_reach(
    reactor: Any,
    blocking: Blocking,
    home: Place,
    trust: Trust,
    proxy: str | None,
    patience: Patience,
    *,
    allow_private: bool,
) -> Reach:
    """Make what connects to an upstream; see `make_upstream`.

    Raises:
        ValueError: the URL of the proxy is none that can be used.
    """
    return Reach(
        reactor,
        blocking,
        home,
        Whereabouts(home.host, allow_private=allow_private),
        trust,
        patience.connect,
        None if proxy is None else Proxy.parse(proxy),
    )


def parse_home(url: str) -> Place:
    """Read where an upstream is.

    Raises:
        ValueError: it is no URL of a server, and maybe a path.
    """
    home = Place.parse(url)
    if "?" in home.target or "#" in url:
        raise ValueError("The URL has more than a host and a path.")
    return home


async def nothing() -> None:
    """End what needs no end."""


def assemble(
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
) -> Registry2Upstream:
    """Put together what asks an upstream by any agent.

    Args:
        name: What it is called.
        home: Where it is.
        agent: Makes requests.
        clock: What measures the time.
        blocking: Where work goes that takes its time.
        login: Knows who we are there.
        befriend: Is told which host the upstream has its tokens from.
        end: Ends all connections.
        patience: How long it is waited for.
        limits: How much is asked of it, and taken from it.
        chance: A number from 0 to 1, another each time.
    """
    wire = Wire(name, agent, clock, patience)
    documents = Documents(name, clock, patience, limits)
    service = TokenService(name, wire, documents, clock)
    asking = Asking(
        name,
        home,
        wire,
        Authorization(name, home, login, service, clock, limits.tokens, befriend),
        Persistence(clock, patience, chance),
        Breaker(name, clock, limits, chance),
        Throttle(name, clock, limits),
        make_rate(name, clock, patience, limits),
        clock,
    )
    slots = partial(make_slots, name, clock, patience, limits)
    return Registry2Upstream(
        name,
        asking=asking,
        manifests=Manifests(name, documents, blocking),
        blobs=Blobs(name, documents, limits),
        lists=Lists(name, asking, documents, blocking),
        blob_slots=slots(),
        slots=slots(),
        end=end,
    )


def make_rate(
    name: str, clock: IReactorTime, patience: Patience, limits: Limits
) -> Rate:
    """Make what knows how often an upstream may be asked."""
    return Rate(
        name, clock, rate=limits.rate, burst=limits.burst, patience=patience.turn
    )


def make_slots(
    name: str, clock: IReactorTime, patience: Patience, limits: Limits
) -> Slots:
    """Make what knows how many may ask an upstream at a time."""
    return Slots(
        name,
        clock,
        limit=limits.concurrency,
        waiting=limits.waiting,
        patience=patience.turn,
    )
