"""What listens at ``http.debug``."""

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
from txregistry.assembly.listening import from_address
from txregistry.assembly.version1 import TOKENS
from txregistry.assembly.watching import Workers
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import secret
from txregistry.tls.server import ServerTls
from txregistry.web.debug import DebugResource, DebugSite
from txregistry.web.health import Check, Health


def make_debug(
    address: str, health: Health, reactor: Any
) -> tuple[IStreamServerEndpoint, DebugSite]:
    """Make what is served at ``http.debug``, and where.

    Args:
        address: Where.
        health: Finds out how the registry is.
        reactor: The reactor.

    Raises:
        SettingsError: the address is none.
    """
    endpoint = from_address(reactor, "http.debug.addr", address)
    return endpoint, DebugSite(DebugResource(health), reactor)


def make_health(
    settings: Settings,
    store: IObjectStore,
    tls: ServerTls | None,
    workers: Workers | None,
    is_running: Callable[[], bool],
    reactor: Any,
) -> Health:
    """Make what finds out how the registry is.

    Args:
        settings: The settings.
        store: Where content is.
        tls: What speaks TLS; None where nothing does.
        workers: Who serves; None where this process does by itself.
        is_running: Says whether the service runs, and is not about to end.
        reactor: The reactor.
    """
    look: Callable[[], Any] = store.check
    if settings.storage.is_remote or settings.storage.is_readonly:
        # To write there costs money, time, or what is not allowed.
        look = probe(store, secret(TOKENS))
    checks: dict[str, Check] = {
        "store": StoreCheck(look, reactor),
        "draining": DrainCheck(is_running),
    }
    if workers is not None:
        checks["workers"] = WorkersCheck(workers.away)
    if tls is not None:
        for name, setting in (
            ("certificate", "http.tls.certificate"),
            ("crls", "http.tls.crls"),
        ):
            checks[name] = ExpiryCheck(tls.expiries, setting, tls.now)
    serves = is_running if workers is None else workers.have_served
    return Health(checks, serves)
