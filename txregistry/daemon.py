"""The daemon: listens, works in the background, and ends in good order."""

import select
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IReadDescriptor,
    IStreamServerEndpoint,
)
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web.client import HTTPConnectionPool

from txregistry.assembly.watching import Served, Watching
from txregistry.metrics.families import Family
from txregistry.tls.server import ServerTls

_FIRST_PURGE: Final = 600.0
"""Seconds after the start at most, so that a daemon often restarted purges as well."""


_BATCHES: Final = 1000
"""How often a port lets in some, before it closes, at most."""
_LAST: Final = 1.0
"""Seconds in which who asks how things are has the answer, at the very end."""


class RegistryService(Service):
    """Run a registry.

    Args:
        listeners: Where it is served, and what there.
        pool: Threads for what blocks; they run as long as the service.
        drain: Seconds that requests have to end when the service stops.
        purge: Removes abandoned uploads, time and again; None where it shall not.
        clock: The reactor.
        connections: Those to other servers.
        watching: What watches files meanwhile.
        closing: What is left to do when the last request was answered.
        end: What is raised where a start fails, with the reason: what lets twistd tell
            it, from wherever it runs.

    Attributes:
        tls: What speaks TLS here; None where nothing does.
        figures: Gives what this process has counted; None where nobody counts.
        debug: Where it is told how the registry is, and what there, as long as
            anything goes on; None where nobody is told.
    """

    _log = Logger()

    def __init__(
        self,
        listeners: Sequence[tuple[IStreamServerEndpoint, Served]],
        pool: ThreadPool,
        drain: float,
        purge: Callable[[], Deferred[None]] | None,
        purge_interval: float,
        clock: Any,
        connections: HTTPConnectionPool,
        watching: Sequence[Watching] = (),
        closing: Callable[[], Coroutine[Any, Any, None]] | None = None,
        end: type[BaseException] = SystemExit,
    ) -> None:
        self._listeners = listeners
        self._pool = pool
        self._drain = drain
        self._purge = purge
        self._purge_interval = purge_interval
        self._clock = clock
        self._connections = connections
        self._watching = watching
        self.tls: ServerTls | None = None
        self.figures: Callable[[], list[Family]] | None = None
        self.debug: tuple[IStreamServerEndpoint, Served] | None = None
        self._closing = closing
        self.end = end
        self._purging: Any = None
        self._ports: list[IListeningPort] = []
        self._debug_ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """Listen: here, while a low port may still be taken."""
        super().privilegedStartService()
        for endpoint, site in self._listeners:
            self._listen(endpoint, site, self._ports)
        if self.debug is not None:
            self._listen(*self.debug, self._debug_ports)

    def _listen(
        self, endpoint: IStreamServerEndpoint, site: Served, ports: list[IListeningPort]
    ) -> None:
        failures: list[Failure] = []
        factory: Any = site
        listening: Deferred[IListeningPort] = endpoint.listen(factory)
        _ = listening.addCallbacks(ports.append, failures.append)
        for failure in failures:  # raised here: a Deferred would keep it to itself
            self._cannot_listen(site.setting, failure)

    def startService(self) -> None:
        """Begin to work."""
        super().startService()
        self._pool.start()
        for each in self._watching:
            each.start()
        if self._purge is not None:
            first = min(_FIRST_PURGE, self._purge_interval)
            self._purging = self._clock.callLater(first, self._purge_again)

    async def _stop(self) -> None:
        ports, self._ports = self._ports, []
        await gatherResults(
            [Deferred.fromCoroutine(self._stop_listening(port)) for port in ports]
        )
        await deferLater(self._clock, 0)  # what they have sent already is read
        sites = {site for _, site in self._listeners}
        await gatherResults(
            [Deferred.fromCoroutine(site.drain(self._drain)) for site in sites]
        )
        if self._closing is not None:
            await self._closing()
        if self.debug is not None:
            for port in self._debug_ports:
                await maybeDeferred(port.stopListening)
            await self.debug[1].drain(_LAST)
        await self._connections.closeCachedConnections()
        self._pool.stop()

    async def _stop_listening(self, port: IListeningPort) -> None:
        """Let nobody in any more; but those whom the kernel let in are ours.

        It would cut them off. So they are let in right before the port is closed, which
        Twisted does a moment later.
        """
        if IReadDescriptor.providedBy(port):  # else somebody else lets them in
            self._clock.callLater(0, _let_in, port)
        await maybeDeferred(port.stopListening)

    def stopService(self) -> Deferred[None]:
        """End to work: accept nobody, let requests finish, then break them off."""
        _ = super().stopService()
        if self._purging is not None and self._purging.active():
            self._purging.cancel()
        for each in self._watching:
            each.stop()
        return Deferred.fromCoroutine(self._stop())

    def reload(self) -> Deferred[Any]:
        """Read all files anew that can be put in force without a restart."""
        return gatherResults([each.reload() for each in self._watching])

    def _cannot_listen(self, setting: str, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, CannotListenError):
            raise self.end(
                f"{setting}: cannot listen at {error.interface or '*'}:{error.port}: "
                f"{error.socketError}; stop what listens there, or choose another."
            )
        failure.raiseException()

    def _purge_again(self) -> None:
        if self._purge is not None:
            _ = self._purge()
        self._purging = self._clock.callLater(self._purge_interval, self._purge_again)


def _let_in(port: Any) -> None:
    """Let in who has connected to a port."""
    waiting = select.poll()
    waiting.register(port, select.POLLIN)
    for _ in range(_BATCHES):
        if not waiting.poll(0):
            break
        port.doRead()
