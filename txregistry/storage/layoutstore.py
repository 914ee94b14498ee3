"""A store that is only read, with what a registry makes of its content in memory.

A medium may be mounted read-only, and is never written to. Secrets, images of version 1
that are derived from manifests, and whatever else is made while content is served, last
as long as the process; they can be made again.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.storage.interfaces import (
    Health,
    IObjectSource,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    Page,
    Stat,
    StorageFull,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.keys import ROOT, SECRETS
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.passing import PassingArea
from txregistry.streams import IReader

_ROOM: Final = 64 * 1024 * 1024
"""Bytes in memory of what is made."""
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of one thing that is made."""
_MADE: Final = -1
"""It tells apart the identities of what is made and of what the source has."""
_PRICE: Final = 4096
"""Bytes that an object takes besides its own."""


@implementer(IObjectStore)
class LayoutObjectStore:
    """Keep in memory what is written; all else is a source's.

    Args:
        source: What is only read.
        clock: Tells the time.
        room: Bytes of what is written, before what was written first is forgotten.
            Secrets are kept.
        largest: Bytes of one object that is written.
    """

    flat = False
    folders = None

    def __init__(
        self,
        source: IObjectSource,
        clock: IReactorTime,
        room: int = _ROOM,
        largest: int = _LARGEST,
    ) -> None:
        self._source = source
        self._made = _Memory(clock, room)
        self._largest = largest

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        try:
            made = await self._made.stat(key)
        except NotFound:
            return await self._source.stat(key)
        return replace(made, identity=(_MADE, *made.identity))

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        try:
            return await self._made.get(key, limit)
        except NotFound:
            return await self._source.get(key, limit)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        try:
            return await self._made.open(key, start, stop)
        except NotFound:
            return await self._source.open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        pages = [
            await each.list(prefix, after=after, limit=limit, delimiter=delimiter)
            for each in (self._source, self._made)
        ]
        names = sorted({name for page in pages for name in page.names})
        more = len(names) > limit or any(page.more for page in pages)
        return Page(tuple(names[:limit]), more)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`.

        Raises:
            StorageUnavailable: the source has something else there.
        """
        self._check_size(len(data))
        if await self._is_in_source(key):
            if if_absent:
                return False
            await self._check_same(key, data)
            return True
        return await self._made.put(key, data, if_absent=if_absent)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _Area(self._made.stage(key, final), self._largest)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`.

        Raises:
            StorageUnavailable: the source has one of them.
        """
        for key in keys:
            await self._made.delete([key])
            if await self._is_in_source(key):
                raise _read_only(key)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        del key, method, lifetime
        return None

    async def check(self) -> Health:
        """See `IObjectStore`: nothing is written for it."""
        await self._source.list(ROOT, limit=1, delimiter=True)
        return Health(free=None)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        return await self._made.sweep(age, dry_run=dry_run)

    def _check_size(self, size: int) -> None:
        if size > self._largest:
            raise StorageFull(
                f"{size} bytes are more than are kept in memory over a read-only store"
            )

    async def _is_in_source(self, key: Key) -> bool:
        try:
            await self._source.stat(key)
        except NotFound:
            return False
        return True

    async def _check_same(self, key: Key, data: bytes) -> None:
        try:
            if await self._source.get(key, len(data)) == data:
                return
        except TooLarge:
            pass
        raise _read_only(key)


class _Memory(MemoryObjectStore):
    """Forget what was written first, once there is too much of it.

    There may be many objects, and most listings are of where there are none.
    """

    def __init__(self, clock: IReactorTime, room: int) -> None:
        self._room = room
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._order: list[str] = []
        super().__init__(clock)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        place = bisect_left(self._order, prefix)
        found = [*self._order[place : place + 1], *self._staged]
        if not any(key.startswith(prefix) for key in found):
            return Page((), more=False)
        return await super().list(prefix, after=after, limit=limit, delimiter=delimiter)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        keys = tuple(keys)
        for key in keys:
            self._forget(key)
        await super().delete(keys)

    def _write(self, key: Key, data: bytes) -> None:
        if key not in self._objects:
            insort(self._order, key)
        super()._write(key, data)
        if key.startswith(SECRETS):
            return
        self._room += self._sizes.pop(key, 0)
        self._sizes[key] = len(data) + _PRICE
        self._room -= self._sizes[key]
        while self._room < 0 and len(self._sizes) > 1:
            self._forget(next(iter(self._sizes)))

    def _forget(self, key: str) -> None:
        if self._objects.pop(key, None) is not None:
            del self._order[bisect_left(self._order, key)]
            self._room += self._sizes.pop(key, 0)


class _Area(PassingArea):
    """An area in memory, which takes only so much."""

    def __init__(self, area: IStagingArea, largest: int) -> None:
        super().__init__(area)
        self._largest = largest

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        try:
            room = self._largest - await self.size()
        except NotFound:
            room = self._largest
        return await super().append(_Bounded(source, room), observe, expected, mark)


@implementer(IReader)
class _Bounded:
    """Give what another reader gives, as long as there is room for it."""

    def __init__(self, reader: IReader, room: int) -> None:
        self._reader = reader
        self._room = room

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            StorageFull: there is none.
        """
        data = await self._reader.read(limit)
        self._room -= len(data)
        if self._room < 0:
            raise StorageFull("That is more than memory takes over a read-only store")
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()


def _read_only(key: Key) -> StorageUnavailable:
    return StorageUnavailable(f"The store is read-only, and has {key}")
