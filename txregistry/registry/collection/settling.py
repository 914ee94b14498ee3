"""What becomes of what nobody needs: it is condemned, and a floor later removed."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.registry.collection.condemned import (
    MOST,
    read_list,
    write_list,
)
from txregistry.registry.collection.lease import Lease
from txregistry.registry.collection.links import walk_keys
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound

_BATCH: Final = 100
"""Things that are removed at once: who needs one of them waits for that."""
_SOON: Final = 10.0
"""Seconds within which what was announced is removed."""
_AHEAD: Final = 60.0
"""Seconds that a list may be ahead of the store's clock, which is read in seconds."""
_PAGE: Final = 1000

Remove = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Removes some things, and says which of them are gone then."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of what nobody needs.

    Attributes:
        removed: What is gone.
        condemned: What will go, how many things.
    """

    removed: tuple[str, ...] = ()
    condemned: int = 0


class Settling:
    """Condemn and remove, for who has the lease.

    Args:
        store: Where lists and notes are.
        lease: Ours.
        floor: Seconds for which something stays condemned.
        started: When the round began, by the store's clock: what was found to be
            unneeded was found later.
    """

    def __init__(
        self, store: IObjectStore, lease: Lease, floor: float, started: float
    ) -> None:
        self._store = store
        self._lease = lease
        self._floor = floor
        self._started = started
        self._places: set[str] = set()

    async def prepare(self, clock: IReactorTime) -> None:
        """Find the lists that there are, and forget notes on those that were there.

        Args:
            clock: Lets others have their turn.
        """
        places = walk_keys(self._store, keys.CONDEMNED, clock)
        self._places = {place async for place in places}
        async for key in walk_keys(self._store, keys.SPARED, clock):
            if keys.place_of_note(key) not in self._places:
                await self._store.delete([key])

    def unsettled(self, prefix: str) -> list[Key]:
        """Give the lists below a prefix that were there, and were not settled yet."""
        return [Key(place) for place in self._places if place.startswith(prefix)]

    async def settle(
        self,
        place: Key,
        unneeded: Sequence[str],
        remove: Remove,
        removable: Collection[str] | None = None,
    ) -> Settled:
        """Settle what belongs to one list.

        Args:
            place: The list.
            unneeded: What is unneeded now.
            remove: Removes some of it.
            removable: What of that may be removed now; None for all of it.

        Raises:
            LeaseLost: somebody else collects.
            StorageUnavailable: not all of it could be done; the rest is, another time.
        """
        if place not in self._places:
            await self._condemn(place, unneeded)
            return Settled((), min(len(unneeded), MOST))
        self._places.discard(place)
        try:
            written = (await self._store.stat(place)).modified
        except NotFound:
            written = self._started  # somebody tidied up; another time
        found = await read_list(self._store, place)
        if written - self._started > self._floor + _AHEAD:
            # The store's clock was set back; nobody waits for it to catch up.
            await self._condemn(place, unneeded)
            return Settled((), min(len(unneeded), MOST))
        if self._started - written < self._floor:
            return Settled((), len(found.items.intersection(unneeded)))
        due = found.items.intersection(unneeded if removable is None else removable)
        removed = await self._remove(place, sorted(due), remove)
        # In this order: no note may go before the list that it is about.
        await self._store.delete([place])
        await self._forget_notes(place)
        gone = set(removed)
        left = [each for each in unneeded if each not in gone]
        await self._condemn(place, left)
        return Settled(tuple(removed), min(len(left), MOST))

    async def _condemn(self, place: Key, unneeded: Sequence[str]) -> None:
        if unneeded:
            number = f"{self._lease.owner}-{self._lease.turn}"
            if self._lease.age() > _SOON:
                await self._lease.renew()
            await write_list(self._store, place, number, list(unneeded[:MOST]))

    async def _remove(
        self, place: Key, due: Sequence[str], remove: Remove
    ) -> list[str]:
        """Remove what was unneeded twice, and is not spared."""
        removed: list[str] = []
        for start in range(0, len(due), _BATCH):
            batch = due[start : start + _BATCH]
            while True:
                await self._lease.renew(place, batch[0], batch[-1])
                spared = await self._notes(place, batch[0], batch[-1])
                if self._lease.age() < _SOON:
                    break
            batch = [each for each in batch if each not in spared]
            removed += await remove(batch)
        if due:
            await self._lease.renew()
        return removed

    async def _notes(self, place: Key, first: str, last: str) -> set[str]:
        """Find the notes on things from one to another."""
        prefix = keys.spared(place)
        found: set[str] = set()
        # Notes are names within folders: what sorts right before the first is unknown.
        after, more = "", True
        while more:
            page = await self._store.list(prefix, after=after, limit=_PAGE)
            for key in page.names:
                item = key.removeprefix(prefix)
                if item > last:
                    return found
                if item >= first:
                    found.add(item)
            after, more = (page.names or [""])[-1], page.more
        return found

    async def _forget_notes(self, place: Key) -> None:
        prefix = keys.spared(place)
        more = True
        while more:
            page = await self._store.list(prefix, limit=_PAGE)
            await self._store.delete(map(Key, page.names))
            more = page.more
