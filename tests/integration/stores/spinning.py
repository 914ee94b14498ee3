"""Stores on the other side of a socket, under a contract that awaits nothing."""

import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from tests.contracts.storecase import StoreTestCase
from tests.integration.stores import service
from txregistry.storage.remote import Patience, RemoteServer

T = TypeVar("T")

_SPINNING: Any = reactor
LIMIT = 60.0
"""Seconds that a test waits for one thing."""


@implementer(IAgentEndpointFactory)
class Addresses:
    """Connect to addresses."""

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 - Twisted's
        """See ``IAgentEndpointFactory``."""
        return TCP4ClientEndpoint(reactor, uri.host.decode(), uri.port)


class SpinningCase(service.ServiceCase, StoreTestCase):
    """Run the reactor whenever a test wants a result, and until it is there.

    Import the module and inherit as ``spinning.SpinningCase``, before the contract.
    """

    def setUp(self) -> None:
        super().setUp()
        # A thread that looks an address up would find no reactor that runs.
        agent = Agent.usingEndpointFactory(reactor, Addresses(), self.pool)
        self.server = RemoteServer(agent, IReactorTime(reactor), Patience(pause=0.01))

    def spin(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Run the reactor until some work has ended."""
        done = Deferred.fromCoroutine(work)
        ended: list[object] = []
        kept: Deferred[T] = Deferred()

        def keep(outcome: Any) -> None:
            ended.append(outcome)
            kept.callback(outcome)

        _ = done.addBoth(keep)
        deadline = time.monotonic() + LIMIT
        while not ended and time.monotonic() < deadline:
            # What `iterate` does, which trial keeps for itself in its own tests.
            _SPINNING.runUntilCurrent()
            _SPINNING.doIteration(0.02)
        return kept

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(self.spin(work))

    def outcome(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to, or raise what it raises."""
        failures: list[Failure] = []
        results: list[T] = []
        _ = self.spin(work).addCallbacks(results.append, failures.append)
        for failure in failures:
            failure.raiseException()
        return results[0]

    def fails(self, kind: type[Exception], work: Coroutine[Any, Any, T]) -> None:
        """Expect some work to fail."""
        self.failureResultOf(self.spin(work), kind)
