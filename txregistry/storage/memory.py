"""Objects in memory: a backend that is real as long as the process is."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import count

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.storage.interfaces import (
    Health,
    Held,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    Page,
    Stat,
    TooLarge,
)
from txregistry.streams import CHUNK, BytesReader, IReader, read_pieces


@implementer(IObjectStore)
class MemoryObjectStore:
    """Keep objects until the process ends."""

    flat = True
    folders = None

    def __init__(
        self, clock: IReactorTime, objects: Mapping[Key, bytes] | None = None
    ) -> None:
        self._clock = clock
        self._versions = count()
        self._objects: dict[str, tuple[bytes, Stat]] = {}
        self._staged: dict[Key, bytearray] = {}
        self._marks: dict[Key, str] = {}
        for key, data in (objects or {}).items():
            self._write(key, data)

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        return self._find(key)[1]

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        data = self._find(key)[0]
        if len(data) > limit:
            raise TooLarge(key)
        return data

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        return BytesReader(self._find(key)[0][start:stop])

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        if if_absent and key in self._objects:
            return False
        self._write(key, data)
        return True

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        del final
        return _MemoryStagingArea(key, self._staged, self._marks, self._write)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        for key in keys:
            self._objects.pop(key, None)
            self._staged.pop(key, None)
            self._marks.pop(key, None)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        keys = sorted({*self._objects, *self._staged})
        found = [key for key in keys[bisect_left(keys, prefix) :] if _in(key, prefix)]
        if delimiter:
            found = sorted({_group(key, prefix) for key in found})
        found = found[bisect_right(found, after) :]
        return Page(tuple(found[:limit]), len(found) > limit)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        del key, method, lifetime
        return None

    async def check(self) -> Health:
        """See `IObjectStore`."""
        return Health(free=None)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`: nothing is left here by what is broken off."""
        del age, dry_run
        return 0

    def _find(self, key: Key) -> tuple[bytes, Stat]:
        try:
            return self._objects[key]
        except KeyError:
            raise NotFound(key) from None

    def _write(self, key: Key, data: bytes) -> None:
        stat = Stat(len(data), self._clock.seconds(), (next(self._versions),))
        self._objects[key] = (data, stat)


def _in(key: str, prefix: str) -> bool:
    return key.startswith(prefix)


def _group(key: str, prefix: str) -> str:
    slash = key.find("/", len(prefix))
    return key if slash < 0 else key[: slash + 1]


@implementer(IStagingArea)
class _MemoryStagingArea:
    """Bytes that are not yet an object."""

    lasting = True
    growing = True

    def __init__(
        self,
        key: Key,
        staged: dict[Key, bytearray],
        marks: dict[Key, str],
        write: Callable[[Key, bytes], None],
    ) -> None:
        self.key = key
        self._staged = staged
        self._marks = marks
        self._write = write

    async def size(self) -> int:
        """See `IStagingArea`."""
        return len(self._held())

    async def held(self) -> Held:
        """See `IStagingArea`."""
        return Held(len(self._held()), self._marks.get(self.key, ""))

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        del expected
        held = self._staged.setdefault(self.key, bytearray())
        try:
            while pieces := await read_pieces(source, CHUNK):
                for piece in pieces:
                    observe(piece)
                    held += piece
        finally:
            self._marks[self.key] = mark() if mark is not None else ""
        return len(held)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        return BytesReader(bytes(self._held()[start:stop]))

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        self._write(key, bytes(self._held()))

    async def discard(self) -> None:
        """See `IStagingArea`."""
        self._staged.pop(self.key, None)
        self._marks.pop(self.key, None)

    def _held(self) -> bytearray:
        try:
            return self._staged[self.key]
        except KeyError:
            raise NotFound(self.key) from None
