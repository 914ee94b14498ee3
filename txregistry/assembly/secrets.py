"""What a registry keeps in its store for itself: all nodes have the same."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from txregistry.assembly.beforehand import do_beforehand
from txregistry.assembly.stores import make_store
from txregistry.assembly.version1 import COOKIES, PASSING, TOKENS
from txregistry.registry.mirror.passed import remember_passed
from txregistry.registry.secrets import find_secret
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.tasks import at_once

SSH_HOST: Final = "ssh"
"""What the secret is for that the host key of SSH is."""
_PURPOSES: Final = (COOKIES, TOKENS, PASSING)
_PAUSE: Final = 0.4
"""Seconds in which nodes that begin at the same time on an empty store have written."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found.

    Attributes:
        secrets: The secrets, by what they are for.
        closed: How names of repositories begin from which nobody may pull, as the
            registry that decided who may is not asked any more.
    """

    secrets: Mapping[str, bytes]
    closed: tuple[str, ...]


def find_kept(settings: Settings, passing: Collection[str], clock: Any) -> Kept:
    """Read what is kept, or make it, before the reactor runs.

    Args:
        settings: The settings.
        passing: How names begin of which another registry decides who may pull.
        clock: Tells the time.

    Raises:
        SettingsError: the store, or something in it, cannot be used.
    """
    if settings.storage.is_remote:
        return _find_elsewhere(settings, passing)
    store, purposes = make_store(settings, clock, at_once), _purposes(settings)
    found: list[Kept | Failure] = []

    async def find() -> Kept:
        secrets = {each: await find_secret(store, each) for each in purposes}
        return Kept(secrets, tuple(await remember_passed(store, passing)))

    _ = Deferred.fromCoroutine(find()).addBoth(found.append)
    (kept,) = found
    if isinstance(kept, Failure):
        raise SettingsError(f"storage: {kept.value}") from kept.value
    return kept


async def find_settled(
    store: IObjectStore, clock: IReactorTime, purposes: Collection[str] = _PURPOSES
) -> dict[str, bytes]:
    """Read the secrets, or make them, where nodes may begin at the same time.

    A service may tell several of them that they were first; the latest counts. So what
    is there a moment later is everybody's.

    Raises:
        ValueError: something else lies in the place of one.
    """
    for each in purposes:
        await find_secret(store, each)
    await deferLater(clock, _PAUSE)
    return {each: await find_secret(store, each) for each in purposes}


def _find_elsewhere(settings: Settings, passing: Collection[str]) -> Kept:
    """Do the same where the store is on the other side of a socket."""

    async def find(reactor: Any) -> Kept:
        store = make_store(settings, reactor, at_once)
        await store.check()
        closed = await remember_passed(store, passing)
        secrets = await find_settled(store, reactor, _purposes(settings))
        return Kept(secrets, tuple(closed))

    try:
        return do_beforehand(find)
    except (StorageUnavailable, ValueError) as error:
        raise SettingsError(f"storage: {error}.") from error


def _purposes(settings: Settings) -> Collection[str]:
    return (*_PURPOSES, SSH_HOST) if settings.ssh.enabled else _PURPOSES
