"""Stores and staging areas that are others, for what differs in one thing."""

from collections.abc import Callable, Iterable

from zope.interface import implementer

from txregistry.storage.interfaces import (
    Health,
    Held,
    IObjectSource,
    IObjectStore,
    IStagingArea,
    Key,
    Page,
    Stat,
)
from txregistry.streams import IReader


@implementer(IObjectSource)
class PassingSource:
    """A source that is another one.

    Args:
        source: The other one.
    """

    def __init__(self, source: IObjectSource) -> None:
        self._source = source

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        return await self._source.stat(key)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        return await self._source.get(key, limit)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        return await self._source.open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        return await self._source.list(
            prefix, after=after, limit=limit, delimiter=delimiter
        )


@implementer(IObjectStore)
class PassingStore(PassingSource):
    """A store that is another one.

    Args:
        store: The other one.
    """

    def __init__(self, store: IObjectStore) -> None:
        super().__init__(store)
        self._store = store
        self.flat = store.flat
        self.folders = store.folders

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        return await self._store.put(key, data, if_absent=if_absent)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return self._store.stage(key, final)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        await self._store.delete(keys)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        return await self._store.redirect(key, method, lifetime)

    async def check(self) -> Health:
        """See `IObjectStore`."""
        return await self._store.check()

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        return await self._store.sweep(age, dry_run=dry_run)


@implementer(IStagingArea)
class PassingArea:
    """A staging area that is another one.

    Args:
        area: The other one.
    """

    def __init__(self, area: IStagingArea) -> None:
        self.key = area.key
        self.lasting = area.lasting
        self.growing = area.growing
        self._area = area

    async def size(self) -> int:
        """See `IStagingArea`."""
        return await self._area.size()

    async def held(self) -> Held:
        """See `IStagingArea`."""
        return await self._area.held()

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        return await self._area.append(source, observe, expected, mark)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        return await self._area.open(start, stop)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await self._area.commit(key)

    async def discard(self) -> None:
        """See `IStagingArea`."""
        await self._area.discard()
