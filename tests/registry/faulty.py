"""A store that fails, or stops for good, before one of its writes."""

from collections.abc import Callable, Iterable

from zope.interface import implementer

from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.passing import PassingArea
from txregistry.streams import IReader


class Killed(BaseException):
    """The process is no more: nothing that it would do still happens."""


class FaultyStore(MemoryObjectStore):
    """A store in memory whose writes can be counted, and made to fail."""

    _left: int | None = None
    _kills = False
    failed = False

    def fail_before(self, write: int, *, kills: bool) -> None:
        """Fail before the write of this number, from one up.

        Args:
            write: The number.
            kills: Whether all writes after it fail as well.
        """
        self._left = write
        self._kills = kills
        self.failed = False

    def heal(self) -> None:
        """Work again."""
        self._left = None

    def step(self) -> None:
        """Take it that something is to be written.

        Raises:
            Killed: the process is no more.
            StorageUnavailable: this did not work.
        """
        if self._left is None:
            return
        self._left -= 1
        if self._left > 0:
            return
        self.failed = True
        if self._kills:
            raise Killed
        self._left = None
        raise StorageUnavailable("for a moment")

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        self.step()
        return await super().put(key, data, if_absent=if_absent)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`: one after the other."""
        for key in keys:
            self.step()
            await super().delete([key])

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _FaultyArea(super().stage(key, final), self.step)


class _FaultyArea(PassingArea):
    """A staging area whose writes count."""

    def __init__(self, area: IStagingArea, step: Callable[[], None]) -> None:
        super().__init__(area)
        self._step = step

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        self._step()
        counted = _Counted(source, self._step)
        size = await super().append(counted, observe, expected, mark)
        self._step()
        return size

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        self._step()
        await super().commit(key)

    async def discard(self) -> None:
        """See `IStagingArea`."""
        self._step()
        await super().discard()


@implementer(IReader)
class _Counted:
    """Let each piece that is read be one that is to be written, and small."""

    def __init__(self, reader: IReader, step: Callable[[], None]) -> None:
        self._reader = reader
        self._step = step

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(min(limit, 64))
        if data:
            self._step()
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()


assert IObjectStore.implementedBy(FaultyStore)
