"""A store whose operations are done one by one, when one is told to."""

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    Page,
    Stat,
)
from txregistry.storage.passing import PassingArea, PassingStore
from txregistry.streams import IReader

Gate = Callable[[], Deferred[None]]


class SteppedStore(PassingStore):
    """Let each operation wait for its turn.

    Args:
        store: Does them.
        gate: Fires when it is the turn of who asked.
    """

    def __init__(self, store: IObjectStore, gate: Gate) -> None:
        super().__init__(store)
        self._gate = gate

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        await self._gate()
        return await super().stat(key)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        await self._gate()
        return await super().get(key, limit)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        await self._gate()
        return await super().open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        await self._gate()
        return await super().list(prefix, after=after, limit=limit, delimiter=delimiter)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        await self._gate()
        return await super().put(key, data, if_absent=if_absent)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _SteppedArea(super().stage(key, final), self._gate)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`: one after the other."""
        for key in keys:
            await self._gate()
            await super().delete([key])


class _SteppedArea(PassingArea):
    """A staging area whose operations wait for their turn."""

    def __init__(self, area: IStagingArea, gate: Gate) -> None:
        super().__init__(area)
        self._gate = gate

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        await self._gate()
        return await super().append(source, observe, expected, mark)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await self._gate()
        await super().commit(key)

    async def discard(self) -> None:
        """See `IStagingArea`."""
        await self._gate()
        await super().discard()
