"""Scrubbing where disks fail, others work at the same time, and nonsense is stored."""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import capturedLogs
from zope.interface import implementer

from tests.registry.case import NAME, V1, RegistryTestCase
from tests.registry.content import CONFIG, LAYER, numbered
from txregistry.model.digest import Digest
from txregistry.registry.quarantine import Quarantine
from txregistry.registry.scrubbing.scrub import Scrub
from txregistry.registry.scrubbing.state import ScrubState, read_state
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.passing import PassingArea
from txregistry.streams import BytesReader, IReader
from txregistry.tasks import at_once

ROTTEN: Final = b"a lAyer"
Then = Callable[[], object]


def nothing() -> None:
    """Let nothing happen."""


class FailingStore(MemoryObjectStore):
    """A store of which parts cannot be read, and in which others work."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.bad: set[Key] = set()
        self.full = False
        self.then: Then = nothing
        self.before_commit: Then = nothing

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        reader = await super().open(key, start, stop)
        then, self.then = self.then, nothing
        then()
        return _BadReader(b"half") if key in self.bad else reader

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _FullArea(super().stage(key, final), self)


class _FullArea(PassingArea):
    """A staging area for which there may be no room."""

    def __init__(self, area: IStagingArea, store: FailingStore) -> None:
        super().__init__(area)
        self._store = store

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        then, self._store.before_commit = self._store.before_commit, nothing
        then()
        if self._store.full:
            raise StorageFull("no room")
        await super().commit(key)


@implementer(IReader)
class _BadReader(BytesReader):
    """Fail amid the bytes, as a disk does."""

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await super().read(limit)
        if not data:
            raise StorageUnavailable("a file being read: Input/output error")
        return data


class ScrubFaultTests(RegistryTestCase):
    store: FailingStore

    def make_store(self) -> IObjectStore:
        return FailingStore(self.clock)

    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()
        self.push(numbered(1), V1)
        self.key = keys.blob(Digest.of(LAYER))

    def make_scrub(self, rate: int | None = None) -> Scrub:
        """Make what scrubs, on some node."""
        return Scrub(self.store, Quarantine(self.store), self.clock, at_once, rate)

    async def tend(self) -> None:
        """Say that it goes on."""

    def scrub(self) -> ScrubState:
        """Do a pass."""
        return self.result(self.make_scrub().run(self.tend))

    def gone(self) -> None:
        """Collect the layer."""
        self.result(self.store.delete([self.key]))

    def test_what_cannot_be_read_is_told_and_the_rest_is_read(self) -> None:
        for data in (CONFIG, LAYER, numbered(1)):
            self.store.bad = {keys.blob(Digest.of(data))}
            with capturedLogs() as logs:
                state = self.scrub()
            self.assertEqual((state.blobs, state.unreadable, state.found), (2, 1, 0))
            self.assertEqual(len(logs), 1)
            self.assertEqual(logs[0]["digest"], str(Digest.of(data)))
            self.assertTrue(state.ended)

    def test_disk_that_reads_nothing_breaks_it_off(self) -> None:
        blobs = [str(number).encode() for number in range(20)]
        for data in blobs:
            self.push_blob(data)
        self.store.bad = {keys.blob(Digest.of(data)) for data in blobs}
        self.store.bad |= {keys.blob(Digest.of(data)) for data in (CONFIG, LAYER)}
        with capturedLogs() as logs:
            self.fails(StorageUnavailable, self.make_scrub().run(self.tend))
        self.assertLess(len(logs), 20)
        self.assertFalse(self.result(read_state(self.store)).ended)

    def test_what_is_collected_while_it_is_read_is_no_fault(self) -> None:
        self.store.bad = {self.key}
        self.store.then = self.gone  # whichever is read first
        with capturedLogs() as logs:
            state = self.scrub()
        self.assertEqual((state.unreadable, state.found, list(logs)), (0, 0, []))
        self.assertTrue(state.ended)

    def test_what_is_collected_while_it_is_taken_away_stays_gone(self) -> None:
        self.put(self.key, ROTTEN)
        self.store.before_commit = self.gone
        self.scrub()
        self.assertNotIn(self.key, self.keys())
        self.push_blob(LAYER)
        self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)

    def test_what_rots_on_a_full_disk_is_told_and_the_rest_is_read(self) -> None:
        self.put(self.key, ROTTEN)
        self.store.full = True
        with capturedLogs() as logs:
            state = self.scrub()
        self.assertEqual((state.blobs, state.found), (3, 1))
        self.assertTrue(state.ended)
        self.assertEqual(len(logs), 1)
        self.assertEqual(logs[0]["digest"], str(Digest.of(LAYER)))
        self.assertEqual(self.get(self.key), ROTTEN)
        self.store.full = False
        self.assertEqual(self.scrub().found, 1)
        self.assertEqual(self.get(keys.quarantined(Digest.of(LAYER))), ROTTEN)

    def test_two_nodes_that_find_the_same_take_it_away_once(self) -> None:
        self.put(self.key, ROTTEN)

        def other() -> None:
            self.result(Quarantine(self.store).take(Digest.of(LAYER)))
            self.push_blob(LAYER)

        self.store.before_commit = other
        self.scrub()
        self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)
        self.assertEqual(self.get(keys.quarantined(Digest.of(LAYER))), ROTTEN)

    def test_nonsense_for_a_state_begins_anew(self) -> None:
        begun = self.clock.seconds()
        for data in (
            b"",
            b"{",
            b"[]",
            b"\xff",
            b"x" * 100_000,
            b'{"begun": 1, "after": "zz"}',
            b'{"begun": 1, "after": "%s"}' % (b"f" * 65),
            b'{"begun": 1, "after": "../../x"}',
            b'{"begun": "x"}',
            b'{"rotten": [1]}',
        ):
            self.put(keys.scrub_state(), data)
            self.assertEqual(self.result(self.make_scrub().due(3600.0)), 0)
            state = self.scrub()
            self.assertEqual((state.blobs, state.begun), (3, begun), data)

    def test_small_blobs_are_not_read_all_at_once(self) -> None:
        for number in range(100):
            self.push_blob(str(number).encode())
        now = self.clock.seconds()
        begun = Deferred.fromCoroutine(self.make_scrub(rate=100_000).run(self.tend))
        for _ in range(1000):
            if begun.called:
                break
            self.clock.advance(0.5)
        self.successResultOf(begun)
        self.assertGreater(self.clock.seconds() - now, 5)
        held = self.registry.blobs.holds(NAME, Digest.of(b"1"))
        self.assertTrue(self.result(held))
