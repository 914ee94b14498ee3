"""A store that is gone, or full, from one of its writes on."""

from collections.abc import Callable, Iterable
from typing import NoReturn

from zope.interface import implementer

from tests.registry.faulty import Killed
from txregistry.storage.interfaces import (
    Held,
    IObjectStore,
    IStagingArea,
    Key,
    Page,
    Stat,
    StorageFull,
)
from txregistry.storage.passing import PassingArea, PassingStore
from txregistry.streams import IReader

_PIECE = 64
"""Bytes that come to a staging area at once, so that it may be broken off amid them."""


def die() -> NoReturn:
    """Be no more.

    Raises:
        Killed: always.
    """
    raise Killed


class BreakableStore(PassingStore):
    """Pass everything on, until it is the turn of some write.

    Args:
        store: Does the work.

    Attributes:
        writes: How many there were, with those that make room.
        broken: Whether that write has come.
    """

    def __init__(self, store: IObjectStore) -> None:
        super().__init__(store)
        self.writes = 0
        self.broken = False
        self._left: int | None = None
        self._full = False
        self._vital: tuple[str, ...] = ()
        self._stop: Callable[[], NoReturn] = die

    def stop_before(self, write: int, stop: Callable[[], NoReturn] = die) -> None:
        """Let nothing be read or written any more from a write on.

        Args:
            write: Its number, from one up.
            stop: Ends the process, or what stands for it.
        """
        self.writes, self._left, self._stop = 0, write, stop

    def fill_before(self, write: int, vital: tuple[str, ...]) -> None:
        """Have no room from a write on; what makes room works, and reading does.

        Args:
            write: Its number, from one up.
            vital: How keys begin that are written all the same: local files have some
                room that is for those alone.
        """
        self.writes, self._left, self._full, self._vital = 0, write, True, vital

    def empty(self) -> None:
        """Have room again."""
        self._left, self._full, self.broken = None, False, False

    def look(self) -> None:
        """Take it that something is to be read."""
        if self.broken and not self._full:
            self._stop()

    def step(self, *, frees: bool = False) -> None:
        """Take it that something is to be written.

        Raises:
            StorageFull: there is no room for it.
        """
        self.writes += 1
        if self._left is None or (frees and self._full):
            return
        self._left -= 1
        if self._left <= 0:
            self.broken = True
            if self._full:
                raise StorageFull("no room is left")
            self._stop()

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        self.look()
        return await super().stat(key)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        self.look()
        return await super().get(key, limit)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        self.look()
        return await super().open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        self.look()
        return await super().list(prefix, after=after, limit=limit, delimiter=delimiter)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        self.step(frees=key.startswith(self._vital))
        return await super().put(key, data, if_absent=if_absent)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`: one after the other."""
        for key in keys:
            self.step(frees=True)
            await super().delete([key])

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _BreakableArea(super().stage(key, final), self)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        self.step(frees=True)
        return await super().sweep(age, dry_run=dry_run)


class _BreakableArea(PassingArea):
    """A staging area whose writes count."""

    def __init__(self, area: IStagingArea, store: BreakableStore) -> None:
        super().__init__(area)
        self._store = store

    async def held(self) -> Held:
        """See `IStagingArea`."""
        self._store.look()
        return await super().held()

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        self._store.step()
        pieces = _Pieces(source, self._store)
        size = await super().append(pieces, observe, expected, mark)
        self._store.step()
        return size

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        self._store.step()
        await super().commit(key)

    async def discard(self) -> None:
        """See `IStagingArea`."""
        self._store.step(frees=True)
        await super().discard()


@implementer(IReader)
class _Pieces:
    """Let each piece that is read be one that is to be written, and small."""

    def __init__(self, reader: IReader, store: BreakableStore) -> None:
        self._reader = reader
        self._store = store

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(min(limit, _PIECE))
        if data:
            self._store.step()
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
