"""Whoever relies on something says so, if it is about to be collected.

Collection removes what was unneeded at two looks, an age floor apart, and was on a
condemned list in between. Who relies on such a thing meanwhile, by telling a client
that it is there or by naming it in a manifest, first leaves a note; then asks whether
it is being removed at this very moment, and waits until that is over. The collector
does it the other way round: it says what it is going to remove, then looks for notes.
So one of the two sees the other, whatever their clocks say.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.model.digest import CANONICAL, Digest
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.collection.condemned import (
    CondemnedList,
    LinkRole,
    image_item,
    link_item,
    read_list,
)
from txregistry.registry.collection.lease import read_lease
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key

FLOOR: Final = 24 * 3600.0
"""Seconds for which something stays after it was found to be unneeded: as long as the
push of an image takes at most."""
FRESH: Final = 120.0
"""Seconds for which a list is taken to be as it was, at most."""
LEAST_FLOOR: Final = 600.0
"""Seconds of the least age floor where nodes remember lists, whatever theirs is."""
PATIENCE: Final = 60.0
"""Seconds after which a collector that was about to remove something is given up."""

_SHARE: Final = 4
_PAUSE: Final = 0.1
_LISTS: Final = 20_000
_ITEMS: Final = 200_000
"""Items of all lists that are remembered."""


@dataclass(slots=True)
class _Known:
    """A list, when it was read, and what was spared of it."""

    found: CondemnedList
    since: float
    spared: set[str] = field(default_factory=set)


class Sparing:
    """Save from collection what is relied on.

    Args:
        store: Where lists and notes are.
        clock: Measures the time.
        floor: The age floor of collection, in seconds.
    """

    def __init__(self, store: IObjectStore, clock: IReactorTime, floor: float) -> None:
        self._store = store
        self._clock = clock
        # Where to read a list costs a request, it is remembered for a moment.
        self._fresh = min(FRESH, floor / _SHARE) if store.flat else 0.0
        self._lists: OrderedDict[Key, _Known] = OrderedDict()
        self._items = 0

    async def blob(self, stored: Digest) -> bool:
        """Spare the bytes of a blob or manifest; say whether they were condemned."""
        if stored.algorithm == CANONICAL:
            bucket = keys.condemned_blobs(int(stored.encoded[:2], 16))
            if stored.encoded in (await self._list(bucket)).found.items:
                await self._spare(bucket, stored.encoded)
                return True
        return False

    async def link(self, name: RepositoryName, role: LinkRole, digest: Digest) -> None:
        """Spare a repository's link to a blob or manifest."""
        place = keys.condemned_links(name)
        if (await self._list(place)).found.items:
            await self._spare(place, link_item(role, digest))

    async def links(
        self, name: RepositoryName, role: LinkRole, digests: Iterable[Digest]
    ) -> None:
        """Spare several links of a repository, for little more than one."""
        place = keys.condemned_links(name)
        items = (await self._list(place)).found.items
        if items:
            for digest in digests:
                await self._spare(place, link_item(role, digest))

    async def image(self, name: RepositoryName, image_id: ImageId) -> None:
        """Spare what a repository knows of an image of version 1."""
        place = keys.condemned_links(name)
        if (await self._list(place)).found.items:
            await self._spare(place, image_item(image_id))

    async def _list(self, place: Key) -> _Known:
        known = self._lists.get(place)
        now = self._clock.seconds()
        # A clock may have been set back.
        if known is not None and known.since <= now < known.since + self._fresh:
            return known
        found = await read_list(self._store, place)
        if known is not None and known.found.number == found.number:
            known.since = now
            return known
        return self._remember(place, _Known(found, now))

    def _remember(self, place: Key, known: _Known) -> _Known:
        forgotten = self._lists.pop(place, None)
        if forgotten is not None:
            self._items -= len(forgotten.found.items)
        self._lists[place] = known
        self._items += len(known.found.items)
        while len(self._lists) > _LISTS or (
            self._items > _ITEMS and len(self._lists) > 1
        ):
            _, oldest = self._lists.popitem(last=False)
            self._items -= len(oldest.found.items)
        return known

    async def _spare(self, place: Key, item: str) -> None:
        known = await self._list(place)
        if item not in known.found.items or item in known.spared:
            return
        await self._store.put(keys.spared_note(place, item), b"spared")
        await self._wait(place, item)
        known.spared.add(item)

    async def _wait(self, place: Key, item: str) -> None:
        """Wait while something may be removed that is spared from now on."""
        watched, since = None, self._clock.seconds()
        while True:
            found = await read_lease(self._store, keys.collection_lease())
            if found is None or not found.removes(place, item):
                return
            now = self._clock.seconds()
            if found != watched:
                watched, since = found, now
            elif now - since > PATIENCE:
                return  # it died amid that
            await deferLater(self._clock, _PAUSE)
