"""The secrets of a registry, which lie in its store: all nodes have the same."""

from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from txregistry.assembly.beforehand import do_beforehand
from txregistry.assembly.stores import make_store
from txregistry.assembly.version1 import COOKIES, PASSING, TOKENS
from txregistry.registry.secrets import find_secret
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.tasks import at_once

_PURPOSES: Final = (COOKIES, TOKENS, PASSING)
_PAUSE: Final = 0.4
"""Seconds in which nodes that begin at the same time on an empty store have written."""


def find_secrets(settings: Settings, clock: Any) -> dict[str, bytes]:
    """Read the secrets, or make them, before the reactor runs.

    Args:
        settings: The settings.
        clock: Tells the time.

    Returns:
        The secrets, by what they are for.

    Raises:
        SettingsError: one cannot be used.
    """
    if settings.storage.is_remote:
        return _find_elsewhere(settings)
    store = make_store(settings, clock, at_once)
    found: dict[str, bytes] = {}
    for purpose in _PURPOSES:
        failures: list[Failure] = []
        work = Deferred.fromCoroutine(find_secret(store, purpose))
        _ = work.addCallbacks(partial(found.__setitem__, purpose), failures.append)
        for failure in failures:
            raise SettingsError(f"storage: {failure.value}") from failure.value
    return found


async def find_settled(store: IObjectStore, clock: IReactorTime) -> dict[str, bytes]:
    """Read the secrets, or make them, where nodes may begin at the same time.

    A service may tell several of them that they were first; the latest counts. So what
    is there a moment later is everybody's.

    Raises:
        ValueError: something else lies in the place of one.
    """
    for each in _PURPOSES:
        await find_secret(store, each)
    await deferLater(clock, _PAUSE)
    return {each: await find_secret(store, each) for each in _PURPOSES}


def _find_elsewhere(settings: Settings) -> dict[str, bytes]:
    """Do the same where the store is on the other side of a socket."""

    async def find(reactor: Any) -> dict[str, bytes]:
        store = make_store(settings, reactor, at_once)
        await store.check()
        return await find_settled(store, reactor)

    try:
        return do_beforehand(find)
    except (StorageUnavailable, ValueError) as error:
        raise SettingsError(f"storage: {error}.") from error
