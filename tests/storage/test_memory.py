"""Tests of ``txregistry/storage/memory.py``."""

from collections.abc import Mapping

from twisted.internet.task import Clock

from tests.contracts import objectsource, objectstore
from tests.contracts.storecase import KEY
from txregistry.storage.interfaces import IObjectSource, IObjectStore, Key
from txregistry.storage.memory import MemoryObjectStore


class MemoryObjectStoreTests(objectstore.ObjectStoreContract):
    def make_store(self, objects: Mapping[Key, bytes]) -> IObjectStore:
        return MemoryObjectStore(Clock(), objects)

    def reopen(self, store: IObjectStore) -> IObjectStore:
        return store  # it is kept as long as the process

    def test_time_of_change_is_the_clocks(self) -> None:
        clock = Clock()
        store = MemoryObjectStore(clock)
        clock.advance(42)
        self.result(store.put(KEY, b"x"))
        self.assertEqual(self.result(store.stat(KEY)).modified, 42)


class MemorySourceTests(objectsource.ObjectSourceContract):
    """What can be written can be read, too."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        return MemoryObjectStore(Clock(), objects)
