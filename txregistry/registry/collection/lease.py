"""One collector at a time, of all nodes over one store."""

from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge

LIFE: Final = 300.0
"""Seconds after which a lease that nobody renews is anybody's."""

_PAUSE: Final = 1.0
"""Seconds in which nodes that take a lease at the same time have written."""
_LIMIT: Final = 4096


class LeaseLost(Exception):
    """Somebody else has the lease."""


class _Record(msgspec.Struct, frozen=True):
    """Who has it, and how often they have renewed it."""

    owner: str
    turn: int


class Lease:
    """The right to collect.

    Clocks of nodes may differ by a day. So a lease has no date: who wants it watches
    whether it is renewed, by their own clock.

    Args:
        store: Where it lies.
        owner: Who wants it: another text for each process.
        clock: Measures the time.
    """

    def __init__(self, store: IObjectStore, owner: str, clock: IReactorTime) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock
        self._turn = 0
        self._watched: tuple[_Record | None, float] = (None, 0.0)

    async def take(self) -> bool:
        """Take it, if nobody has it.

        Who finds it taken asks again after a while, and has it when it was not renewed
        for `LIFE` in between.

        Returns:
            Whether it is ours.

        Raises:
            StorageUnavailable: that cannot be found out.
        """
        found = await self._read()
        now = self._clock.seconds()
        if found is not None and found.owner != self._owner:
            seen, since = self._watched
            if found != seen:
                self._watched = (found, now)
                return False
            if now - since < LIFE:
                return False
        await self._write()
        await deferLater(self._clock, _PAUSE)  # the latest of those who wrote has it
        return await self._is_ours()

    async def renew(self) -> None:
        """Say that it is still used; at least every half of `LIFE`.

        Raises:
            LeaseLost: somebody else has it: nothing may be removed any more.
            StorageUnavailable: that cannot be found out.
        """
        if not await self._is_ours():
            raise LeaseLost
        self._turn += 1
        await self._write()

    async def release(self) -> None:
        """Let others have it.

        Raises:
            StorageUnavailable: it cannot be given up; it is anybody's after a while.
        """
        if await self._is_ours():
            await self._store.delete([keys.collection_lease()])

    async def _is_ours(self) -> bool:
        found = await self._read()
        return found is not None and found.owner == self._owner

    async def _write(self) -> None:
        record = msgspec.json.encode(_Record(self._owner, self._turn))
        await self._store.put(keys.collection_lease(), record)

    async def _read(self) -> _Record | None:
        """Read who has it; what is damaged is nobody's."""
        try:
            data = await self._store.get(keys.collection_lease(), _LIMIT)
            return msgspec.json.decode(data, type=_Record)
        except (NotFound, TooLarge, msgspec.DecodeError, UnicodeDecodeError):
            return None
