"""One collector at a time, of all nodes over one store; and what it is removing."""

from typing import Final

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge

LIFE: Final = 300.0
"""Seconds after which a lease that nobody renews is anybody's."""

_PAUSE: Final = 1.0
"""Seconds in which nodes that take a lease at the same time have written."""
_LIMIT: Final = 4096


class LeaseLost(Exception):
    """Somebody else has the lease."""


class LeaseRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who has the lease, and what they are doing.

    Attributes:
        owner: Who.
        turn: How often they have written it.
        place: The condemned list of which something is being removed; empty for none.
        first: The first of what is being removed.
        last: The last of it.
    """

    owner: str
    turn: int
    place: str = ""
    first: str = ""
    last: str = ""

    def removes(self, place: str, item: str) -> bool:
        """Say whether something may be removed at this moment."""
        return self.place == place and self.first <= item <= self.last


class Lease:
    """The right to collect, or to do something else that one does at a time.

    Clocks of nodes may differ by a day. So a lease has no date: who wants it watches
    whether it is renewed, by their own clock.

    Args:
        store: Where it lies.
        owner: Who wants it: another text for each process.
        clock: Measures the time.
        place: Its key, where it is the right to something else.

    Attributes:
        turn: How often it was written.
    """

    def __init__(
        self,
        store: IObjectStore,
        owner: str,
        clock: IReactorTime,
        place: Key | None = None,
    ) -> None:
        self._store = store
        self._place = keys.collection_lease() if place is None else place
        self.owner = owner
        self.turn = 0
        self._clock = clock
        self._work = ("", "", "")
        self._turns = DeferredLock()
        self._written = 0.0
        self._watched: tuple[LeaseRecord | None, float] = (None, 0.0)

    async def take(self) -> bool:
        """Take it, if nobody has it.

        Who finds it taken asks again after a while, and has it when it was not renewed
        for `LIFE` in between.

        Returns:
            Whether it is ours.

        Raises:
            StorageUnavailable: that cannot be found out.
        """
        found = await read_lease(self._store, self._place)
        now = self._clock.seconds()
        if found is not None and found.owner != self.owner:
            seen, since = self._watched
            if found != seen:
                self._watched = (found, now)
                return False
            if now - since < LIFE:
                return False
        self._work = ("", "", "")
        await self._write()
        await deferLater(self._clock, _PAUSE)  # the latest of those who wrote has it
        return await self._is_ours()

    def age(self) -> float:
        """Say how many seconds ago it was said for what it is used."""
        return self._clock.seconds() - self._written

    async def renew(self, place: str = "", first: str = "", last: str = "") -> None:
        """Say that it is still used, and for what; at least every half of `LIFE`.

        Args:
            place: The condemned list of which something will be removed right now.
            first: The first of what will be removed.
            last: The last of it.

        Raises:
            LeaseLost: somebody else has it: nothing may be removed any more.
            StorageUnavailable: that cannot be found out.
        """
        await self._turns.acquire()
        try:
            if not await self._is_ours():
                raise LeaseLost
            self._work = (place, first, last)
            await self._write()
            self._written = self._clock.seconds()
        finally:
            self._turns.release()

    async def touch(self) -> None:
        """Say that it is still used, for what it is used.

        Raises:
            LeaseLost: somebody else has it.
            StorageUnavailable: that cannot be found out.
        """
        await self._turns.acquire()
        try:
            if not await self._is_ours():
                raise LeaseLost
            await self._write()
        finally:
            self._turns.release()

    async def written(self) -> float:
        """Say when it was written last, by the store's clock.

        Raises:
            LeaseLost: it is gone.
        """
        try:
            return (await self._store.stat(self._place)).modified
        except NotFound:
            raise LeaseLost from None

    async def release(self) -> None:
        """Let others have it.

        Raises:
            StorageUnavailable: it cannot be given up; it is anybody's after a while.
        """
        await self._turns.acquire()
        try:
            if await self._is_ours():
                await self._store.delete([self._place])
        finally:
            self._turns.release()

    async def _is_ours(self) -> bool:
        found = await read_lease(self._store, self._place)
        return found is not None and found.owner == self.owner

    async def _write(self) -> None:
        self.turn += 1
        record = LeaseRecord(self.owner, self.turn, *self._work)
        await self._store.put(self._place, msgspec.json.encode(record))


async def read_lease(store: IObjectStore, place: Key) -> LeaseRecord | None:
    """Read who has a lease; what is damaged is nobody's."""
    try:
        data = await store.get(place, _LIMIT)
        return msgspec.json.decode(data, type=LeaseRecord)
    except (
        NotFound,
        TooLarge,
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
    ):
        return None
