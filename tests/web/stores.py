"""Stores in memory that are slow, or that fail."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.storage.interfaces import IStagingArea, Key, Stat
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.passing import PassingArea
from txregistry.streams import IReader


class _Job(Deferred[None]):
    """Work in a thread, which cannot be stopped."""

    def cancel(self) -> None:
        """Do nothing, as with threads."""


class SlowStore(MemoryObjectStore):
    """A store of which the reads wait, once told so, until they may go on.

    Attributes:
        readers: What was opened and is not closed yet.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._holding = False
        self._held: list[Deferred[None]] = []
        self.readers: set[object] = set()

    def hold(self) -> None:
        """Let reads wait from now on."""
        self._holding = True

    def release(self) -> None:
        """Let those that wait go on, and those to come."""
        self._holding = False
        held, self._held = self._held, []
        for each in held:
            each.callback(None)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        await self._wait()
        return await super().get(key, limit)

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        await self._wait()
        return await super().stat(key)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        await self._wait()
        reader = _Watched(await super().open(key, start, stop), self.readers)
        self.readers.add(reader)
        return reader

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _SlowArea(super().stage(key, final), self._wait)

    async def _wait(self) -> None:
        if self._holding:
            job = _Job()
            self._held.append(job)
            await job


class _SlowArea(PassingArea):
    """A staging area to which bytes are appended when its store may go on."""

    def __init__(
        self, area: IStagingArea, wait: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        super().__init__(area)
        self._wait = wait

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        await self._wait()
        return await super().append(source, observe, expected, mark)


class ShortStore(MemoryObjectStore):
    """A store of which the objects became shorter after they were looked at."""

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        return await super().open(key, start, stop - 1)


@implementer(IReader)
class _Watched:
    """A reader whose end is noted."""

    def __init__(self, reader: IReader, open_readers: set[object]) -> None:
        self._reader = reader
        self._open = open_readers

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return await self._reader.read(limit)

    async def close(self) -> None:
        """See `IReader`."""
        self._open.discard(self)
        await self._reader.close()


class FailingStore(MemoryObjectStore):
    """A store that fails, once told how."""

    failure: Callable[[], Exception] | None = None
    reads = True
    """Whether reads fail too; writes do."""

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        if self.reads:
            self._fail()
        return await super().get(key, limit)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        self._fail()
        return await super().put(key, data, if_absent=if_absent)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        return _Failing(await super().open(key, start, stop), self._fail)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure()


@implementer(IReader)
class _Failing:
    """A reader that fails after its first piece, once its store does."""

    def __init__(self, reader: IReader, fail: Callable[[], None]) -> None:
        self._reader = reader
        self._fail = fail
        self._began = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        if self._began:
            self._fail()
        self._began = True
        return await self._reader.read(limit)

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
