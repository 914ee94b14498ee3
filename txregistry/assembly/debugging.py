"""What listens at ``http.debug``, and what is told there."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint

from txregistry.assembly.checks import (
    DrainCheck,
    ExpiryCheck,
    StoreCheck,
    WorkersCheck,
    probe,
)
from txregistry.assembly.figures import Figures
from txregistry.assembly.lateness import Lateness
from txregistry.assembly.listening import from_address
from txregistry.assembly.meters import Meters
from txregistry.assembly.serving import Part
from txregistry.assembly.version1 import TOKENS
from txregistry.assembly.watching import Watching, Workers
from txregistry.metrics.actions import ActionTimes
from txregistry.metrics.counts import RegistryCounts
from txregistry.metrics.families import Family
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import secret
from txregistry.tls.server import ServerTls
from txregistry.web.counting import Counting
from txregistry.web.debug import DebugResource, DebugSite
from txregistry.web.health import Check, Health


class Debugging:
    """Find out how the registry is, and what it has done, and tell whoever asks.

    Args:
        settings: The settings.
        part: What this process does: workers tell nobody but who began them.
        counting: Counts requests; None where nobody counts.
        times: Where it is counted what is done with the store; likewise.
        counts: What the registry counts of its own work.
        tls: What speaks TLS; None where nothing does.
        reactor: The reactor.

    Attributes:
        watching: What begins and ends with the daemon.
        meters: The figures of this process; None where nobody counts.
    """

    def __init__(
        self,
        settings: Settings,
        part: Part,
        counting: Counting | None,
        times: ActionTimes | None,
        counts: RegistryCounts,
        tls: ServerTls | None,
        reactor: Any,
    ) -> None:
        self._settings = settings
        self._debug = settings.http.debug
        self._tls = tls
        self._reactor = reactor
        self._listens = bool(self._debug.addr) and not part.is_worker
        self.watching: list[Watching] = []
        self.meters: Meters | None = None
        if self._listens and tls is not None and part.leads(settings.http):
            self.watching.append(tls)  # else only who serves needs to know
        if counting is not None and times is not None:
            lateness = Lateness(reactor)
            self.watching.append(lateness)
            self.meters = Meters(counting, lateness, times, counts, tls)

    @property
    def figures(self) -> Callable[[], list[Family]] | None:
        """What gives the figures of this process; None where nobody counts."""
        return None if self.meters is None else self.meters.families

    def listener(
        self,
        store: IObjectStore,
        workers: Workers | None,
        is_running: Callable[[], bool],
    ) -> tuple[IStreamServerEndpoint, DebugSite] | None:
        """Make what is served, and where; None where nothing is.

        Args:
            store: Where content is.
            workers: Who serves; None where this process does by itself.
            is_running: Says whether the service runs, and is not about to end.

        Raises:
            SettingsError: the address is none.
        """
        if not self._listens:
            return None
        debug = self._debug
        endpoint = from_address(self._reactor, "http.debug.addr", debug.addr or "")
        checks = self._checks(workers, is_running)
        looking = self._store_check(store)
        health = Health(
            {"store": looking, **checks},
            is_running if workers is None else workers.have_served,
        )
        figures = None
        if self.meters is not None:
            figures = Figures(self.meters, workers, health, looking, self._reactor)
        resource = DebugResource(health, figures, debug.prometheus.path)
        return endpoint, DebugSite(resource, self._reactor)

    def _store_check(self, store: IObjectStore) -> StoreCheck:
        storage = self._settings.storage
        if storage.is_remote or storage.is_readonly:
            # To write there costs money, time, or what is not allowed.
            return StoreCheck(probe(store, secret(TOKENS)), self._reactor)
        return StoreCheck(store.check, self._reactor)

    def _checks(
        self, workers: Workers | None, is_running: Callable[[], bool]
    ) -> dict[str, Check]:
        tls = self._tls
        checks: dict[str, Check] = {"draining": DrainCheck(is_running)}
        if workers is not None:
            checks["workers"] = WorkersCheck(workers.away)
        if tls is not None:
            for name, setting in (
                ("certificate", "http.tls.certificate"),
                ("crls", "http.tls.crls"),
            ):
                checks[name] = ExpiryCheck(tls.expiries, setting, tls.now)
        return checks
