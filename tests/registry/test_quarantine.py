"""Tests of ``txregistry/registry/quarantine.py``."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from tests.registry.case import RegistryTestCase
from txregistry.model.digest import Digest
from txregistry.registry.quarantine import Quarantine
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, StorageUnavailable
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import IReader

DIGEST = Digest.of(b"sound")
BLOB = keys.blob(DIGEST)
APART = keys.quarantined(DIGEST)


class MovingStore(MemoryObjectStore):
    """A store in which something happens while something is read."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.then: Callable[[], object] = lambda: None

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        reader = await super().open(key, start, stop)
        self.then()
        return reader


class QuarantineTests(RegistryTestCase):
    store: MovingStore

    def make_store(self) -> MovingStore:
        return MovingStore(self.clock)

    def take(self) -> bool:
        return self.result(Quarantine(self.store).take(DIGEST))

    def test_rotten_content_is_kept_apart(self) -> None:
        self.put(BLOB, b"rotten")
        self.assertTrue(self.take())
        self.assertEqual(self.keys(), (APART,))
        self.assertEqual(self.get(APART), b"rotten")

    def test_content_that_is_empty(self) -> None:
        self.put(BLOB, b"")
        self.assertTrue(self.take())
        self.assertEqual((self.keys(), self.get(APART)), ((APART,), b""))

    def test_sound_content_stays(self) -> None:
        self.put(BLOB, b"sound")
        self.assertFalse(self.take())
        self.assertEqual(self.keys(), (BLOB,))

    def test_absent_content(self) -> None:
        self.assertFalse(self.take())
        self.assertEqual(self.keys(), ())

    def test_content_that_was_pushed_again_meanwhile_stays(self) -> None:
        self.put(BLOB, b"rotten")
        self.store.then = lambda: self.put(BLOB, b"sound")
        self.assertFalse(self.take())
        self.assertEqual(self.get(BLOB), b"sound")

    def test_content_for_which_there_is_no_room_stays(self) -> None:
        def fail() -> None:
            raise StorageUnavailable("full")

        self.put(BLOB, b"rotten")
        self.store.then = fail
        self.fails(StorageUnavailable, Quarantine(self.store).take(DIGEST))
        self.assertEqual(self.keys(), (BLOB,))
