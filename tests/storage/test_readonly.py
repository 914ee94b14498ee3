"""Tests of ``txregistry/storage/readonly.py``."""

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contracts import objectsource
from txregistry.storage.interfaces import (
    Health,
    IObjectSource,
    IObjectStore,
    Key,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.readonly import ReadOnlyObjectStore

KEY = Key("a/b")


class ReadOnlyContractTests(objectsource.ObjectSourceContract):
    """The contract of what is read, through it."""

    async def make_source(self, objects: Mapping[Key, bytes]) -> IObjectSource:
        return ReadOnlyObjectStore(MemoryObjectStore(Clock(), objects))


class ReadOnlyObjectStoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.kept = MemoryObjectStore(Clock(), {KEY: b"data"})
        self.store = ReadOnlyObjectStore(self.kept)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IObjectStore, self.store))

    def test_nothing_is_written(self) -> None:
        for work in (
            self.store.put(KEY, b"other"),
            self.store.put(Key("c"), b"other"),
            self.store.delete([KEY]),
        ):
            self.failureResultOf(Deferred.fromCoroutine(work), StorageUnavailable)
        with self.assertRaises(StorageUnavailable):
            self.store.stage(KEY)
        self.assertEqual(self.successResultOf(self.kept.get(KEY, 9)), b"data")

    def test_there_is_nothing_to_do(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.store.delete([])))
        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(self.store.sweep(0.0))), 0
        )
        self.assertIsNone(
            self.successResultOf(
                Deferred.fromCoroutine(self.store.redirect(KEY, "GET", 1.0))
            )
        )
        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(self.store.check())), Health(0)
        )
