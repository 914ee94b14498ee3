"""Putting together what pushes to another registry."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from txregistry.client.downstreams.registry2 import Registry2Downstream
from txregistry.client.upstreams.asking import Asking
from txregistry.client.upstreams.authorization import Authorization
from txregistry.client.upstreams.blobs import Blobs
from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.challenges import PUSH
from txregistry.client.upstreams.making import (
    make_rate,
    make_slots,
    nothing,
    reach_out,
)
from txregistry.client.upstreams.manifests import Manifests
from txregistry.client.upstreams.persistence import Persistence
from txregistry.client.upstreams.places import parse_home
from txregistry.client.upstreams.readers import Documents
from txregistry.client.upstreams.resuming import Resumption
from txregistry.client.upstreams.terms import Terms
from txregistry.client.upstreams.tokens import TokenService
from txregistry.client.upstreams.wire import Wire
from txregistry.tasks import Blocking

USUAL_RESUMPTION: Final = Resumption()


def make_downstream(
    reactor: Any,
    blocking: Blocking,
    terms: Terms,
    resumption: Resumption = USUAL_RESUMPTION,
) -> Registry2Downstream:
    """Make what pushes to a registry that speaks version 2. Nothing is contacted yet.

    Args:
        reactor: Makes connections, looks up names, measures the time.
        blocking: Where work goes that takes its time.
        terms: On what terms. Where these allow private addresses, the registry may send
            us there to ask for what it has.
        resumption: How often a push may break off.

    Raises:
        ValueError: a URL is none that can be used.
    """
    trust, reach = reach_out(reactor, blocking, terms)
    return assemble(
        terms,
        reach,
        reactor,
        blocking,
        befriend=trust.befriend,
        end=reach.close,
        resumption=resumption,
    )


def assemble(
    terms: Terms,
    agent: IAgent,
    clock: IReactorTime,
    blocking: Blocking,
    *,
    befriend: Callable[[str], object] = lambda _: None,
    end: Callable[[], Any] = nothing,
    resumption: Resumption = USUAL_RESUMPTION,
) -> Registry2Downstream:
    """Put together what pushes to a registry by any agent.

    Args:
        terms: On what terms.
        agent: Makes requests.
        clock: What measures the time.
        blocking: Where work goes that takes its time.
        befriend: Is told which host it has its tokens from.
        end: Ends all connections.
        resumption: How often a push may break off.
    """
    name, home, limits = terms.name, parse_home(terms.url), terms.limits
    wire = Wire(name, agent, clock, terms.patience)
    documents = Documents(name, clock, terms.patience, limits)
    service = TokenService(name, wire, documents, clock)
    authorization = Authorization(
        name, home, terms.login, service, clock, limits.tokens, befriend, PUSH
    )
    asking = Asking(
        name,
        home,
        wire,
        authorization,
        Persistence(clock, terms.patience, terms.chance),
        Breaker(name, clock, limits, terms.chance),
        Throttle(name, clock, limits),
        make_rate(clock, terms),
        clock,
    )
    return Registry2Downstream(
        name,
        home,
        asking,
        authorization,
        documents,
        manifests=Manifests(name, documents, blocking),
        blobs=Blobs(name, documents, limits),
        blob_slots=make_slots(clock, terms),
        slots=make_slots(clock, terms),
        end=end,
        resumption=resumption,
        chance=terms.chance,
    )
