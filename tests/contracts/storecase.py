"""A test case about a store."""

from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txregistry.storage.interfaces import IObjectStore, IStagingArea, Key
from txregistry.streams import BytesReader, IReader, read_all

T = TypeVar("T")

KEY: Final = Key("docker/registry/v2/some/thing/data")
OTHER: Final = Key("docker/registry/v2/some/other/data")


@implementer(IReader)
class BrokenReader:
    """Give some bytes, then fail."""

    def __init__(self, data: bytes, failure: Exception) -> None:
        self._inner = BytesReader(data)
        self._failure = failure

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._inner.read(limit)
        if not data:
            raise self._failure
        return data

    async def close(self) -> None:
        """See `IReader`."""


class BrokenOff(Exception):
    """A client left in the middle of its body."""


class StoreTestCase(SynchronousTestCase):
    """Await what a store does, which is done at once in these tests."""

    def make_store(self, objects: Mapping[Key, bytes]) -> IObjectStore:
        """Make a store of its own that holds some objects."""
        raise NotImplementedError

    def reopen(self, store: IObjectStore) -> IObjectStore:
        """Give what a later process would have of a store."""
        raise NotImplementedError

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Give what some work comes to."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def fails(self, kind: type[Exception], work: Coroutine[Any, Any, T]) -> None:
        """Expect some work to fail."""
        self.failureResultOf(Deferred.fromCoroutine(work), kind)

    def read(self, store: IObjectStore, key: Key) -> bytes:
        """Read an object."""
        return self.result(store.get(key, 1 << 20))

    def read_range(self, work: Coroutine[Any, Any, IReader]) -> bytes:
        """Read all that some reader gives."""
        data = self.result(read_all(self.result(work), 1 << 20))
        assert data is not None
        return data

    def list_all(self, store: IObjectStore, prefix: str) -> tuple[str, ...]:
        """List what is below a prefix, without groups."""
        return self.result(store.list(prefix, limit=1000)).names

    def stage(
        self, store: IObjectStore, data: bytes, key: Key = KEY
    ) -> tuple[IStagingArea, list[bytes]]:
        """Stage some bytes; give what was observed as well."""
        area = store.stage(key)
        seen: list[bytes] = []
        self.result(area.append(BytesReader(data), seen.append, len(data)))
        return area, seen
