"""Sources that count, fail and break off."""

from collections import Counter

from zope.interface import implementer

from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    Page,
    Stat,
    StorageUnavailable,
)
from txregistry.streams import IReader


@implementer(IObjectSource)
class CountingSource:
    """Count what is opened, and fail where it is told to."""

    def __init__(self, source: IObjectSource) -> None:
        self._source = source
        self.opened: Counter[str] = Counter()
        self.broken: set[str] = set()
        self.gone = False

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        self._fail(key)
        return await self._source.stat(key)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        self._fail(key)
        return await self._source.get(key, limit)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        self.opened[key] += 1
        self._fail(key)
        return await self._source.open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        if self.gone:
            raise StorageUnavailable("the bucket answered 503")
        return await self._source.list(
            prefix, after=after, limit=limit, delimiter=delimiter
        )

    def _fail(self, key: Key) -> None:
        if key in self.broken:
            raise StorageUnavailable("a bad sector")


class BrokenSource(CountingSource):
    """Let readers break off amid a layer, a number of times."""

    def __init__(self, source: IObjectSource, times: int) -> None:
        super().__init__(source)
        self.times = times

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        reader = await super().open(key, start, stop)
        if self.times:
            self.times -= 1
            return _Breaking(reader)
        return reader


@implementer(IReader)
class _Breaking:
    def __init__(self, reader: IReader) -> None:
        self._reader = reader
        self._given = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        if self._given:
            raise StorageUnavailable("the connection broke")
        self._given = True
        return await self._reader.read(min(limit, 10))

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
