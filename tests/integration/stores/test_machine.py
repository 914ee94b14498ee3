"""The machine of ``tests/registry/collection/test_machine.py``, on Swift."""

from collections.abc import Callable, Coroutine, Iterable
from itertools import count
from typing import Any, ClassVar

from hypothesis.stateful import invariant

from tests.integration.stores import spinning, test_swift
from tests.registry.collection import test_machine
from tests.registry.collection.clocked import ClockedStore
from txregistry.storage.interfaces import IObjectStore, IStagingArea, Key, Page, Stat
from txregistry.storage.passing import PassingArea, PassingStore
from txregistry.streams import BytesReader, IReader, read_all

_EVERY = 4
"""Steps after which it is looked whether all is whole: each look takes requests."""

Result = Callable[[Coroutine[Any, Any, Any]], Any]
"""Gives what some work comes to, whatever that takes."""


class SpunStore(PassingStore):
    """A store on another machine that has done what it was asked when it is asked.

    Args:
        store: The store.
        result: Lets the reactor run until it has.
    """

    def __init__(self, store: IObjectStore, result: Result) -> None:
        super().__init__(store)
        self._result = result

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        found: Stat = self._result(super().stat(key))
        return found

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        found: bytes = self._result(super().get(key, limit))
        return found

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        reader = self._result(super().open(key, start, stop))
        return BytesReader(self._result(read_all(reader, 1 << 20)))

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        work = super().list(prefix, after=after, limit=limit, delimiter=delimiter)
        found: Page = self._result(work)
        return found

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        done: bool = self._result(super().put(key, data, if_absent=if_absent))
        return done

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        self._result(super().delete(keys))

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _SpunArea(super().stage(key, final), self._result)


class _SpunArea(PassingArea):
    """A staging area of such a store."""

    def __init__(self, area: IStagingArea, result: Result) -> None:
        super().__init__(area)
        self._result = result

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        work = super().append(source, observe, expected, mark)
        size: int = self._result(work)
        return size

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        self._result(super().commit(key))

    async def discard(self) -> None:
        """See `IStagingArea`."""
        self._result(super().discard())


class SwiftMachine(test_machine.CollectionMachine):
    """Let clients and collectors work on Swift."""

    opens: ClassVar[Callable[[], IObjectStore]]
    quiet = 4
    looked = 0

    def make_store(self) -> IObjectStore:
        """See `CollectionMachine`."""
        return ClockedStore(type(self).opens(), self.clock)

    @invariant()
    def what_is_accepted_is_whole(self) -> None:
        """See `CollectionMachine`: now and then, and at the end."""
        self.looked += 1
        if not self.looked % _EVERY:
            super().what_is_accepted_is_whole()

    def teardown(self) -> None:
        """See `CollectionMachine`."""
        self.looked = -1  # the next look counts
        super().teardown()


class SwiftMachineTests(test_swift.SwiftStoreCase, spinning.SpinningCase):
    def test_swift(self) -> None:
        places = count()

        def open_() -> IObjectStore:
            return SpunStore(self.open_store(f"machine-{next(places)}"), self.outcome)

        SwiftMachine.opens = staticmethod(open_)
        test_machine.run_machine(SwiftMachine, 4, 20)
