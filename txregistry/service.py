"""Put the parts together: what twistd calls."""

import signal
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import ip_network
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from txregistry.allocator import keep_buffers
from txregistry.assembly.admission import make_admission
from txregistry.assembly.auditfile import make_audit
from txregistry.assembly.beforehand import do_beforehand
from txregistry.assembly.doubts import find_doubts
from txregistry.assembly.listening import make_endpoints
from txregistry.assembly.reloading import Reloading
from txregistry.assembly.stores import make_store
from txregistry.assembly.version1 import COOKIES, TOKENS, make_version1
from txregistry.client.agent import make_pool
from txregistry.daemon import RegistryService, Watching
from txregistry.openfiles import allow_open_files, open_files
from txregistry.options import Options
from txregistry.registry.repositories import Registry
from txregistry.registry.secrets import find_secret
from txregistry.settings.policies import make_immutability
from txregistry.settings.roles import apply_role
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Audit, Settings
from txregistry.settings.storage import Filesystem, UploadPurging
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.tasks import at_once, detach, in_threads
from txregistry.tls.server import ServerTls
from txregistry.web.audit import AuditTrail
from txregistry.web.certificates import CertifiedResource
from txregistry.web.connections import Connections
from txregistry.web.cors import Cors
from txregistry.web.proxies import Proxies
from txregistry.web.root import make_root
from txregistry.web.sendfile import Sender
from txregistry.web.site import RegistrySite

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
        immutability=make_immutability(settings),
    )
    connections = make_pool(reactor)
    found = _find_secrets(settings, reactor)
    signer = Ed25519PrivateKey.from_private_bytes(found[TOKENS])
    admission = make_admission(settings, registry, signer, reactor, blocking)
    access = admission.access
    version1 = None
    if settings.v1.enabled:
        version1 = make_version1(
            settings, registry, access, found, reactor, connections
        )
    http = settings.http
    tls = None
    if http.tls.certificate is not None:
        tls = ServerTls(http.tls, reactor, blocking)
    audit = make_audit(settings.audit, blocking)
    trail = AuditTrail(audit.write, pulls=settings.audit.pulls)
    sender = Sender(blocking)
    proxies = Proxies(map(ip_network, http.proxies))
    counted = Connections(open_files(), reactor, proxies)

    @lru_cache
    def site(apis: frozenset[str]) -> RegistrySite:
        """Make what is served where some APIs are spoken."""
        root = make_root(
            registry,
            sender,
            access,
            version1 if "v1" in apis else None,
            version2="v2" in apis and not settings.index.alone,
            tokens=admission.tokens,
            fallback=settings.v1.fallback,
        )
        return RegistrySite(
            CertifiedResource(root) if http.tls.clientcas else root,
            reactor,
            idle=http.idletimeout,
            access_log=not settings.log.accesslog.disabled,
            headers=http.headers,
            proxies=proxies,
            base_url=None if http.host is None else http.host.rstrip("/"),
            cors=Cors(
                http.cors.origins,
                credentials=http.cors.credentials,
                max_age=http.cors.maxage,
            ),
            audit=trail if settings.audit.enabled else None,
            connections=counted,
        )

    watching: list[Watching] = [
        Reloading(
            settings, read or (lambda: settings), path, admission, reactor, blocking
        )
    ]
    if tls is not None:
        watching.append(tls)
    purging = settings.storage.maintenance.uploadpurging
    return RegistryService(
        [
            (endpoint, site(frozenset(apis)))
            for endpoint, apis in make_endpoints(reactor, http, tls)
        ],
        pool,
        http.draintimeout,
        _purge(registry, purging) if purging.enabled else None,
        purging.interval,
        reactor,
        connections,
        watching,
        audit.close,
    )


def rehearse(settings: Settings) -> None:
    """Build the service as at the start, but for what would be written or listened at.

    Raises:
        SettingsError: one of the settings cannot be used.
    """
    replace = msgspec.structs.replace
    storage = replace(
        settings.storage, filesystem=None, s3=None, swift=None, inmemory={}
    )
    _ = build(replace(settings, storage=storage, audit=Audit()), Clock())


def _find_secrets(settings: Settings, clock: Any) -> dict[str, bytes]:
    """Read the secrets, or make them, before the reactor runs.

    Raises:
        SettingsError: one cannot be used.
    """
    if settings.storage.is_remote:
        return _find_secrets_elsewhere(settings)
    store = make_store(settings, clock, at_once)
    found: dict[str, bytes] = {}
    for purpose in (COOKIES, TOKENS):
        failures: list[Failure] = []
        work = Deferred.fromCoroutine(find_secret(store, purpose))
        _ = work.addCallbacks(partial(found.__setitem__, purpose), failures.append)
        for failure in failures:
            raise SettingsError(f"storage: {failure.value}") from failure.value
    return found


def _find_secrets_elsewhere(settings: Settings) -> dict[str, bytes]:
    """Do the same where the store is on the other side of a socket."""

    async def find(reactor: Any) -> dict[str, bytes]:
        store = make_store(settings, reactor, at_once)
        await store.check()
        return {each: await find_secret(store, each) for each in (COOKIES, TOKENS)}

    try:
        return do_beforehand(find)
    except (StorageUnavailable, ValueError) as error:
        raise SettingsError(f"storage: {error}.") from error


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
