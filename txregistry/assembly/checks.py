"""What must be well for the registry to serve, and how it is looked at."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txregistry.storage.interfaces import (
    Health,
    IObjectStore,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.tasks import Bell, detach
from txregistry.tls.files import Expiry

_KEEP: Final = 5.0
"""Seconds for which it is remembered how the store was."""
_PATIENCE: Final = 3.0
"""Seconds after which a store that does not answer counts as one that cannot."""


class StoreCheck:
    """Say whether a store can be used; it is looked at now and then, however many ask.

    Args:
        look: Looks at the store.
        clock: Tells the time.

    Attributes:
        free: Bytes that fit in still, as it was told last; None where nobody tells.
    """

    _log = Logger()

    def __init__(
        self, look: Callable[[], Awaitable[Health | None]], clock: IReactorTime
    ) -> None:
        self.free: int | None = None
        self._look = look
        self._clock = clock
        self._until = 0.0
        self._is_looking = self._is_unknown = False
        self._found = ""
        self._told = Bell()

    async def __call__(self) -> str:
        """Say what is wrong with the store."""
        if not self._is_looking and self._clock.seconds() >= self._until:
            self._is_looking = self._is_unknown = True
            timer = self._clock.callLater(_PATIENCE, self._give_up)
            _ = detach(self._find_out(timer), self._log, "looking at the store")
        while self._is_unknown:
            await self._told.wait()
        return self._found

    async def _find_out(self, timer: IDelayedCall) -> None:
        found = "it cannot be looked at; the log says why"
        try:
            told = await self._look()
            self.free = None if told is None else told.free
            found = ""
        except StorageFull:
            found = ""  # what is there can be pulled all the same
        except StorageUnavailable as error:
            found = str(error)
        finally:
            self._is_looking = False
            self._until = self._clock.seconds() + _KEEP
            if timer.active():
                timer.cancel()
            self._tell(found)

    def _give_up(self) -> None:
        """Wait no longer; the look goes on, and nobody begins another meanwhile."""
        self._tell(f"it has not answered for {_PATIENCE:g} s")

    def _tell(self, found: str) -> None:
        self._found, self._is_unknown = found, False
        self._told.ring()


def probe(store: IObjectStore, key: Key) -> Callable[[], Awaitable[None]]:
    """Make a look at a store that writes nothing: at one key, there or not.

    Args:
        store: The store.
        key: The key.
    """

    async def look() -> None:
        try:
            await store.stat(key)
        except NotFound:
            return

    return look


class ExpiryCheck:
    """Say whether files for TLS are good still.

    Args:
        expiries: Tells when those end to be that are in force.
        setting: Which of them count: the setting that names them.
        now: Tells the time of day.
    """

    def __init__(
        self,
        expiries: Callable[[], Sequence[Expiry]],
        setting: str,
        now: Callable[[], datetime],
    ) -> None:
        self._expiries = expiries
        self._setting = setting
        self._now = now

    async def __call__(self) -> str:
        """Say which of them are not."""
        now = self._now()
        return "; ".join(
            f"{each.name} has expired at {each.moment:%Y-%m-%d %H:%M} UTC"
            for each in self._expiries()
            if each.setting == self._setting and each.moment <= now
        )


class WorkersCheck:
    """Say whether all workers are there.

    Args:
        away: Gives the numbers of those that do not serve.
    """

    def __init__(self, away: Callable[[], Sequence[int]]) -> None:
        self._away = away

    async def __call__(self) -> str:
        """Say which are not."""
        away = self._away()
        return f"not serving: {', '.join(map(str, away))}" if away else ""


class DrainCheck:
    """Say whether clients are let in still.

    Args:
        is_running: Says whether the service is not about to end.
    """

    def __init__(self, is_running: Callable[[], bool]) -> None:
        self._is_running = is_running

    async def __call__(self) -> str:
        """Say why not."""
        return "" if self._is_running() else "the registry ends: nobody is let in"
