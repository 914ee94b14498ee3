"""Put the parts together: what twistd calls."""

import signal
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
from txregistry.assembly.doubts import find_doubts
from txregistry.assembly.listening import make_endpoints
from txregistry.assembly.registries import make_registry
from txregistry.assembly.reloading import Reloading
from txregistry.assembly.secrets import SSH_HOST, find_kept
from txregistry.assembly.sites import Sites
from txregistry.assembly.version1 import PASSING, TOKENS, make_version1
from txregistry.assembly.watching import Watching
from txregistry.client.agent import make_pool
from txregistry.daemon import RegistryService, Served
from txregistry.openfiles import allow_open_files
from txregistry.options import Options
from txregistry.registry.repositories import Registry
from txregistry.settings.roles import apply_role
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Audit, Settings
from txregistry.settings.storage import UploadPurging
from txregistry.storage.keys import PASSED
from txregistry.tasks import detach, in_threads
from txregistry.tls.server import ServerTls
from txregistry.web.audit import AuditTrail

_log: Final = Logger()

__all__ = ["Options", "RegistryService", "build", "makeService", "rehearse"]


def build(
    settings: Settings,
    reactor: Any,
    read: Callable[[], Settings] | None = None,
    path: str | None = None,
) -> RegistryService:
    """Build the service that the settings describe.

    Args:
        settings: The settings.
        reactor: The reactor.
        read: Reads them anew; None where that gives the same.
        path: Their file; None where there is none.

    Raises:
        SettingsError: one of them cannot be used.
    """
    settings = apply_role(settings)
    for doubt in find_doubts(settings, path):
        _log.warn("{doubt}", doubt=doubt)
    pool = ThreadPool(1, settings.storage.threads, "registry")
    blocking = in_threads(reactor, pool)
    registry = make_registry(settings, reactor, blocking)
    connections = make_pool(reactor)
    kept = find_kept(settings, registry.mirror.rules.passing, reactor)
    found = kept.secrets
    registry.mirror.rules.closed = kept.closed
    for prefix in kept.closed:
        _log.warn(
            "Nobody may pull from {prefix}**: another registry decided who may, and "
            "there is no upstream with passthrough for it any more. To open it to whom "
            "the rules let, remove {folder}* from the store",
            prefix=prefix,
            folder=PASSED,
        )
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
    watching: list[Watching] = [
        Reloading(
            settings, read or (lambda: settings), path, admission, reactor, blocking
        )
    ]
    background = Background(settings, registry, reactor, blocking)
    watching += background.watching
    http, tls = settings.http, None
    if http.tls.certificate is not None:
        tls = ServerTls(http.tls, reactor, blocking)
        watching.append(tls)

    async def close() -> None:
        await background.end()
        await audit.close()

    purging = settings.storage.maintenance.uploadpurging
    layout = settings.storage.ocilayout is not None  # to which nobody uploads
    listeners: list[tuple[IStreamServerEndpoint, Served]] = [
        (endpoint, sites.site(apis))
        for endpoint, apis in make_endpoints(reactor, http, tls)
    ]
    if settings.ssh.enabled:
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
    return RegistryService(
        listeners,
        pool,
        http.draintimeout,
        _purge(registry, purging) if purging.enabled and not layout else None,
        purging.interval,
        reactor,
        connections,
        watching,
        close,
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


def _purge(registry: Registry, purging: UploadPurging) -> Callable[[], Deferred[None]]:
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


def makeService(options: Options) -> RegistryService:
    """Make the service for twistd."""
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - here and nowhere else

    keep_buffers()
    allow_open_files()
    read = lambda: options.read()[0]  # noqa: E731 - what twistd read, once more
    try:
        service = build(options.settings, reactor, read, options["config"])
    except SettingsError as error:
        raise SystemExit(str(error)) from error
    if options.runs_as_daemon:
        service.end = RuntimeError  # which twistd hands to the process that waits
    hung_up: Any = reactor
    signal.signal(signal.SIGHUP, lambda *_: hung_up.callFromThread(service.reload))
    return service
