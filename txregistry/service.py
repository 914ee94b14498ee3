"""Put the parts together: what twistd calls."""

import atexit
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from txregistry.allocator import keep_buffers
from txregistry.assembly.admission import make_admission
from txregistry.assembly.auditfile import make_audit
from txregistry.assembly.background import Background
from txregistry.assembly.debugging import Debugging
from txregistry.assembly.doubts import find_doubts
from txregistry.assembly.meters import make_times
from txregistry.assembly.registries import make_registry
from txregistry.assembly.reloading import Reloading
from txregistry.assembly.secrets import SSH_HOST, find_kept
from txregistry.assembly.serving import Part, make_crew, make_listeners, make_tls
from txregistry.assembly.sites import Sites
from txregistry.assembly.version1 import PASSING, TOKENS, make_version1
from txregistry.assembly.watching import Served, Watching, Workers
from txregistry.client.agent import make_pool
from txregistry.daemon import RegistryService
from txregistry.heap import keep_loaded, loading
from txregistry.openfiles import allow_open_files
from txregistry.options import Options
from txregistry.registry.repositories import Registry
from txregistry.settings.roles import apply_role
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Audit, Settings
from txregistry.settings.storage import Storage
from txregistry.storage.keys import PASSED
from txregistry.tasks import detach, in_threads
from txregistry.web.audit import AuditTrail
from txregistry.workers.launch import Launch

_log: Final = Logger()

__all__ = ["Options", "RegistryService", "build", "makeService", "rehearse"]


def build(
    settings: Settings,
    reactor: Any,
    read: Callable[[], Settings] | None = None,
    path: str | None = None,
    part: Part = Part(),  # noqa: B008 - it never changes
) -> RegistryService:
    """Build the service that the settings describe.

    Where they want workers, the service has these serve, and does what one process has
    to do for all: collect, scrub, fetch ahead, listen for SSH. It serves nobody itself,
    so that this is in no request's way, and goes on whatever becomes of a worker.

    Args:
        settings: The settings.
        reactor: The reactor.
        read: Reads them anew; None where that gives the same.
        path: Their file; None where there is none.
        part: What this process does of it all.

    Raises:
        SettingsError: one of them cannot be used.
    """
    settings = apply_role(settings)
    for doubt in find_doubts(settings, path):
        _log.warn("{doubt}", doubt=doubt)
    pool = ThreadPool(1, settings.storage.threads, "registry")
    blocking = in_threads(reactor, pool)
    times = make_times(settings)
    registry = make_registry(settings, reactor, blocking, times=times)
    connections = make_pool(reactor)
    kept = part.kept or find_kept(settings, registry.mirror.rules.passing, reactor)
    found = kept.secrets
    _close(registry, kept.closed)
    signer = Ed25519PrivateKey.from_private_bytes(found[TOKENS])
    admission = make_admission(
        settings, registry, signer, found[PASSING], reactor, blocking
    )
    version1 = None
    if settings.v1.enabled:
        version1 = make_version1(
            settings, registry, admission.access, found, reactor, connections
        )
    audit = make_audit(settings.audit, blocking)
    trail = None
    if settings.audit.enabled:
        trail = AuditTrail(audit.write, pulls=settings.audit.pulls)
    sites = Sites(settings, registry, admission, version1, trail, reactor, blocking)
    http, leads = settings.http, part.leads(settings.http)
    background = Background(
        settings, registry, reactor, blocking, shared=part.is_worker
    )
    watching: list[Watching] = [*background.watching]
    if settings.ssh.enabled or not leads:
        read = read or (lambda: settings)
        watching.append(Reloading(settings, read, path, admission, reactor, blocking))
    tls = make_tls(http, part, reactor, blocking)
    debugging = Debugging(
        settings, part, sites.counting, times, registry.counts, tls, reactor
    )
    watching += debugging.watching
    listeners: list[tuple[IStreamServerEndpoint, Served]] = []
    crew: Workers | None = None
    if leads:
        crew, ports = make_crew(settings, tls, kept, part, reactor)
        watching.append(crew)
        listeners += ports
    else:
        watching += [] if tls is None else [tls]
        listeners += make_listeners(http, sites, tls, part, reactor)
    if settings.ssh.enabled and not part.is_worker:
        # Conch takes a while to load, and only SSH needs it.
        from txregistry.assembly.ssh import make_ssh  # noqa: PLC0415 - as said

        listeners += make_ssh(
            settings,
            registry,
            admission.access,
            found[SSH_HOST],
            audit.write if settings.audit.enabled else None,
            reactor,
            blocking,
        )

    async def close() -> None:
        await background.end()
        await audit.close()

    service = RegistryService(
        listeners,
        pool,
        http.draintimeout,
        None if part.is_worker else _purge(registry, settings.storage),
        settings.storage.maintenance.uploadpurging.interval,
        reactor,
        connections,
        watching,
        close,
    )
    service.tls = tls
    service.figures = debugging.figures
    service.debug = debugging.listener(
        registry.store, crew, lambda: bool(service.running)
    )
    return service


def _close(registry: Registry, prefixes: tuple[str, ...]) -> None:
    """Let nobody pull where another registry decided who may, and does no longer."""
    registry.mirror.rules.closed = prefixes
    for prefix in prefixes:
        _log.warn(
            "Nobody may pull from {prefix}**: another registry decided who may, and "
            "there is no upstream with passthrough for it any more. To open it to whom "
            "the rules let, remove {folder}* from the store",
            prefix=prefix,
            folder=PASSED,
        )


def rehearse(settings: Settings) -> None:
    """Build the service as at the start, but for what would be written or listened at.

    Raises:
        SettingsError: one of the settings cannot be used.
    """
    replace = msgspec.structs.replace
    storage = replace(
        settings.storage,
        filesystem=None,
        ocilayout=None,
        s3=None,
        swift=None,
        inmemory={},
    )
    _ = build(replace(settings, storage=storage, audit=Audit()), Clock())


def _purge(registry: Registry, storage: Storage) -> Callable[[], Deferred[None]] | None:
    """Make what removes abandoned uploads; None where it is not to be done."""
    purging = storage.maintenance.uploadpurging
    if not purging.enabled or storage.ocilayout is not None:  # nobody uploads to that
        return None

    async def purge() -> None:
        count = 0
        for uploads in (registry.uploads, registry.image_states):
            count += await uploads.expire(purging.age, dry_run=purging.dryrun)
        _log.info(
            "{count} abandoned uploads were {done}",
            count=count,
            done="found" if purging.dryrun else "removed",
        )

    return lambda: detach(purge(), _log, "removing abandoned uploads")


def _fail(reactor: Any) -> None:
    """End the daemon, and tell whoever began it that this was no success.

    twistd has no word for that, once it runs.
    """
    atexit.register(_exit_badly)
    reactor.callWhenRunning(reactor.stop)


def _exit_badly() -> None:
    sys.stdout.flush()
    os._exit(1)


def makeService(options: Options) -> RegistryService:
    """Make the service for twistd."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - here and nowhere else

    keep_buffers()
    allow_open_files()
    read = lambda: options.read()[0]  # noqa: E731 - what twistd read, once more
    launch = Launch(options.given, options.write_log, lambda: _fail(reactor))
    try:
        with loading():
            service = build(
                options.settings, reactor, read, options["config"], Part(launch=launch)
            )
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    if options.runs_as_daemon:
        service.end = RuntimeError  # which twistd hands to the process that waits
    hung_up: Any = reactor
    keep_loaded()
    signal.signal(signal.SIGHUP, lambda *_: hung_up.callFromThread(service.reload))
    return service
