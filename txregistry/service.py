"""Put the parts together: twistd's options, and the service."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, ClassVar

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from twisted.python.threadpool import ThreadPool
from twisted.web.client import HTTPConnectionPool

from txregistry.allocator import keep_buffers
from txregistry.client.agent import make_pool
from txregistry.config import load_settings
from txregistry.listening import make_endpoints
from txregistry.logs import make_observer
from txregistry.registry.repositories import Registry
from txregistry.registry.secrets import find_secret
from txregistry.settings import Filesystem, Settings, SettingsError, UploadPurging
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.storage.keys import COMPANIONS, PRIVATE, SECRETS
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import Blocking, at_once, detach, in_threads
from txregistry.version1 import COOKIES, TOKENS, make_version1
from txregistry.web.root import make_root
from txregistry.web.sendfile import Sender
from txregistry.web.site import RegistrySite

_FIRST_PURGE = 600.0
"""Seconds after the start, so that a daemon often restarted purges as well."""


class Options(usage.Options):
    """What ``twistd registry`` takes; the usual few settings, over all others."""

    synopsis = "Usage: twistd [twistd's options] registry [options]"
    longdesc = (
        "Serve a container registry. With no options: local files in ./registry-data, "
        "at 127.0.0.1:5000, for whoever gets there."
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["storage", "s", None, "Where content is kept: a folder."],
        ["config", "c", None, "A config.yml, as of CNCF Distribution."],
        ["role", "r", None, "What this registry is for: private."],
    ]

    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Listen here: a Twisted endpoint, such as tcp:5000; may be repeated."""
        self["listen"].append(endpoint)

    opt_l = opt_listen

    def postOptions(self) -> None:
        """Read the settings, so that a mistake stops the start."""
        try:
            settings, ignored = load_settings(self["config"], os.environ)
            self.settings = self._over(settings)
        except SettingsError as error:
            raise usage.UsageError(str(error)) from error
        for name in ignored:
            sys.stderr.write(f"{name}: the setting has no meaning here.\n")
        self._choose_observer()

    def _over(self, settings: Settings) -> Settings:
        """Put the options over the settings."""
        replace = msgspec.structs.replace
        storage, http = settings.storage, settings.http
        if self["storage"] is not None:
            if not self["storage"] or "://" in self["storage"]:
                raise SettingsError(
                    f"--storage: {self['storage']!r} cannot be used; it must be a "
                    "folder."
                )
            files = replace(
                storage.filesystem or Filesystem(), rootdirectory=self["storage"]
            )
            storage = replace(storage, filesystem=files, inmemory=None)
        if self["listen"]:
            http = replace(http, listen=tuple(self["listen"]), addr=None)
        role = self["role"] or settings.role
        if role != "private":
            raise SettingsError(
                f"--role: {role!r} cannot be used; allowed is: private."
            )
        return replace(settings, storage=storage, http=http, role=role)

    def _choose_observer(self) -> None:
        """Have twistd write its log as the settings say, unless it was told how."""
        log = self.settings.log
        twistd = self.parent
        if twistd is None or twistd.get("logger") or twistd.get("syslog"):
            return
        path, here = twistd.get("logfile"), twistd.get("nodaemon")

        def observer() -> ILogObserver:
            file: Any = sys.stdout
            if path not in {None, "-"} or not here:
                file = LogFile.fromFullPath(path or "twistd.log")
            return make_observer(file, log.formatter, log.level)

        def finish() -> None:
            twistd_finish()
            twistd["logger"] = observer

        # twistd takes the name of an observer only, and looks it up when we are done.
        twistd_finish = twistd.postOptions
        twistd.postOptions = finish  # type: ignore[method-assign]  # of this one alone


class RegistryService(Service):
    """Run a registry.

    Args:
        listeners: Where it is served, and what there.
        pool: Threads for what blocks; they run as long as the service.
        drain: Seconds that requests have to end when the service stops.
        purge: Removes abandoned uploads, time and again; None where it shall not.
        clock: The reactor.
        connections: Those to other servers.
    """

    _log = Logger()

    def __init__(
        self,
        listeners: Sequence[tuple[IStreamServerEndpoint, RegistrySite]],
        pool: ThreadPool,
        drain: float,
        purge: Callable[[], Deferred[None]] | None,
        purge_interval: float,
        clock: Any,
        connections: HTTPConnectionPool,
    ) -> None:
        self._listeners = listeners
        self._pool = pool
        self._drain = drain
        self._purge = purge
        self._purge_interval = purge_interval
        self._clock = clock
        self._connections = connections
        self._purging: Any = None
        self._ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """Listen: here, while a low port may still be taken."""
        super().privilegedStartService()
        for endpoint, site in self._listeners:
            failures: list[Failure] = []
            listening: Deferred[IListeningPort] = endpoint.listen(site)
            _ = listening.addCallbacks(self._ports.append, failures.append)
            for failure in failures:  # raised here: a Deferred would keep it to itself
                self._cannot_listen(failure)

    def startService(self) -> None:
        """Begin to work."""
        super().startService()
        self._pool.start()
        if self._purge is not None:
            self._purging = self._clock.callLater(_FIRST_PURGE, self._purge_again)

    async def _stop(self) -> None:
        ports, self._ports = self._ports, []
        await gatherResults([maybeDeferred(port.stopListening) for port in ports])
        sites = {site for _, site in self._listeners}
        await gatherResults(
            [Deferred.fromCoroutine(site.drain(self._drain)) for site in sites]
        )
        await self._connections.closeCachedConnections()
        self._pool.stop()

    def stopService(self) -> Deferred[None]:
        """End to work: accept nobody, let requests finish, then break them off."""
        _ = super().stopService()
        if self._purging is not None and self._purging.active():
            self._purging.cancel()
        return Deferred.fromCoroutine(self._stop())

    def _cannot_listen(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, CannotListenError):
            raise SystemExit(
                f"http.listen: cannot listen at {error.interface or '*'}:{error.port}: "
                f"{error.socketError}; stop what listens there, or choose another."
            )
        failure.raiseException()

    def _purge_again(self) -> None:
        if self._purge is not None:
            _ = self._purge()
        self._purging = self._clock.callLater(self._purge_interval, self._purge_again)


def make_store(settings: Settings, clock: Any, blocking: Blocking) -> IObjectStore:
    """Make the store that the settings describe.

    Raises:
        SettingsError: it cannot be used.
    """
    if settings.storage.inmemory is not None:
        return MemoryObjectStore(clock)
    files = settings.storage.filesystem or Filesystem()
    try:
        return FilesystemObjectStore(
            files.rootdirectory,
            f"{PRIVATE}scratch",
            blocking,
            COMPANIONS,
            floor=files.minfree,
            secrets=SECRETS,
        )
    except StorageUnavailable as error:
        raise SettingsError(
            f"storage.filesystem.rootdirectory: {files.rootdirectory!r} cannot be "
            f"used: {error}."
        ) from error


def build(settings: Settings, reactor: Any) -> RegistryService:
    """Build the service that the settings describe.

    Raises:
        SettingsError: one of them cannot be used.
    """
    files = settings.storage.filesystem or Filesystem()
    pool = ThreadPool(1, files.maxthreads, "registry")
    blocking = in_threads(reactor, pool)
    registry = Registry(
        make_store(settings, reactor, blocking),
        reactor,
        blocking,
        complete=settings.validation.enabled and not settings.validation.disabled,
        write_fallback=settings.referrers.fallbacktag,
        deletes=settings.storage.delete.enabled,
        writes=not settings.storage.maintenance.readonly.enabled,
        layer_limit=settings.v1.maxlayer,
    )
    connections = make_pool(reactor)
    version1 = None
    if settings.v1.enabled:
        found = _find_secrets(settings, reactor)
        version1 = make_version1(
            settings, registry, found, reactor, blocking, connections
        )
    sender = Sender(blocking)

    @lru_cache
    def site(apis: frozenset[str]) -> RegistrySite:
        """Make what is served where some APIs are spoken."""
        return RegistrySite(
            make_root(
                registry,
                sender,
                version1 if "v1" in apis else None,
                version2="v2" in apis and not settings.index.alone,
                fallback=settings.v1.fallback,
            ),
            reactor,
            idle=settings.http.idletimeout,
            access_log=not settings.log.accesslog.disabled,
            headers=settings.http.headers,
        )

    purging = settings.storage.maintenance.uploadpurging
    return RegistryService(
        [
            (endpoint, site(frozenset(apis)))
            for endpoint, apis in make_endpoints(reactor, settings.http)
        ],
        pool,
        settings.http.draintimeout,
        _purge(registry, purging) if purging.enabled else None,
        purging.interval,
        reactor,
        connections,
    )


def _find_secrets(settings: Settings, clock: Any) -> dict[str, bytes]:
    """Read the secrets, or make them, before the reactor runs.

    Raises:
        SettingsError: one cannot be used.
    """
    store = make_store(settings, clock, at_once)
    found: dict[str, bytes] = {}
    for purpose in (COOKIES, TOKENS):
        failures: list[Failure] = []
        work = Deferred.fromCoroutine(find_secret(store, purpose))
        _ = work.addCallbacks(partial(found.__setitem__, purpose), failures.append)
        for failure in failures:
            raise SettingsError(f"storage: {failure.value}") from failure.value
    return found


def _purge(registry: Registry, purging: UploadPurging) -> Callable[[], Deferred[None]]:
    log = Logger()

    async def purge() -> None:
        count = 0
        for uploads in (registry.uploads, registry.image_states):
            count += await uploads.expire(purging.age, dry_run=purging.dryrun)
        log.info(
            "{count} abandoned uploads were {done}",
            count=count,
            done="found" if purging.dryrun else "removed",
        )

    return lambda: detach(purge(), log, "removing abandoned uploads")


def makeService(options: Options) -> RegistryService:
    """Make the service for twistd."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - here and nowhere else

    keep_buffers()
    try:
        return build(options.settings, reactor)
    except SettingsError as error:
        raise SystemExit(str(error)) from error
