"""Tests of ``txregistry/registry/filling.py``."""

import os
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.registry.filling import Filling
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.storage.passing import PassingArea
from txregistry.streams import IReader, read_all
from txregistry.tasks import at_once

PIECES = (b"first, ", b"second, ", b"third")
DATA = b"".join(PIECES)
STAGED = keys.single_upload("11111111-1111-1111-1111-111111111111")


class TroubleError(Exception):
    """The source failed."""


@implementer(IReader)
class Source:
    """Give pieces when one says so."""

    def __init__(self) -> None:
        self._waiting: Deferred[bytes] = Deferred()
        self.closed = False

    def give(self, data: bytes) -> None:
        """Give some bytes, or the end."""
        waiting, self._waiting = self._waiting, Deferred()
        waiting.callback(data)

    def fail(self) -> None:
        """Fail."""
        self._waiting.errback(TroubleError())

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        del limit
        return await self._waiting

    async def close(self) -> None:
        """See `IReader`."""
        self.closed = True


class MemoryFillingTests(SynchronousTestCase):
    def make_store(self) -> IObjectStore:
        return MemoryObjectStore(Clock())

    def setUp(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a filling of nothing yet."""
        self.store = self.make_store()
        self.fill()

    def fill(self, wanted: Digest | None = None) -> None:
        """Begin a filling of what is to have a digest."""
        self.source = Source()
        area = self.store.stage(STAGED)
        self.filling = Filling(self.store, area, self.source, at_once, wanted)
        self.kept: list[Digest] = []
        self.keep_fails = False
        self.done = Deferred.fromCoroutine(self.filling.run(self.keep))

    async def keep(self, digest: Digest) -> None:
        if self.keep_fails:
            raise TroubleError
        await self.store.stat(keys.blob(digest))
        self.kept.append(digest)

    def give(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.source.give(piece)

    def read(self, reader: IReader, limit: int = 100) -> Deferred[bytes]:
        return Deferred.fromCoroutine(reader.read(limit))

    def read_all(self, reader: IReader) -> Deferred[bytes | None]:
        return Deferred.fromCoroutine(read_all(reader, 1 << 20))

    def result(self, work: Coroutine[Any, Any, object]) -> object:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def finish(self) -> None:
        self.give(*PIECES, b"")

    def test_blob_is_stored(self) -> None:
        self.finish()
        digest = Digest.of(DATA)
        self.assertEqual(self.successResultOf(self.done), digest)
        self.assertEqual(self.result(self.store.get(keys.blob(digest), 100)), DATA)

    def test_it_is_kept_when_it_lies_under_its_digest(self) -> None:
        self.finish()
        self.assertEqual(self.kept, [Digest.of(DATA)])

    def test_nothing_is_left_in_its_area(self) -> None:
        self.finish()
        area = self.store.stage(STAGED)
        self.failureResultOf(Deferred.fromCoroutine(area.size()), NotFound)

    def test_source_is_closed(self) -> None:
        self.finish()
        self.assertTrue(self.source.closed)

    def test_it_is_followed_to_its_end(self) -> None:
        heard: list[int] = []
        followed = Deferred.fromCoroutine(self.filling.follow(heard.append))
        self.give(*PIECES)
        self.assertNoResult(followed)
        self.give(b"")
        self.successResultOf(followed)
        self.assertEqual(heard[-1], len(DATA))
        self.assertEqual(sorted(heard), heard)
        self.assertTrue(self.source.closed)
        area = self.store.stage(STAGED)
        self.failureResultOf(Deferred.fromCoroutine(area.size()), NotFound)
        self.result(self.filling.follow(heard.append))

    def test_who_follows_is_told_that_it_broke_off(self) -> None:
        followed = Deferred.fromCoroutine(self.filling.follow(lambda _: None))
        self.source.fail()
        self.failureResultOf(followed, TroubleError)
        self.failureResultOf(self.done, TroubleError)

    def test_empty_blob_is_one(self) -> None:
        reading = self.read_all(self.filling.reader())
        self.give(b"")
        self.assertEqual(self.successResultOf(self.done), Digest.of(b""))
        self.assertEqual(self.successResultOf(reading), b"")

    def test_reader_that_comes_first_gets_everything(self) -> None:
        reading = self.read_all(self.filling.reader())
        self.finish()
        self.assertEqual(self.successResultOf(reading), DATA)

    def test_reader_gets_what_is_there_before_the_end(self) -> None:
        reader = self.filling.reader()
        reading = self.read(reader)
        self.assertNoResult(reading)
        self.give(PIECES[0])
        self.assertEqual(self.successResultOf(reading), PIECES[0])
        reading = self.read(reader)
        self.assertNoResult(reading)
        self.give(PIECES[1])
        self.assertEqual(self.successResultOf(reading), PIECES[1])

    def test_reader_that_joins_later_gets_everything(self) -> None:
        self.give(*PIECES[:2])
        reading = self.read_all(self.filling.reader())
        self.give(PIECES[2], b"")
        self.assertEqual(self.successResultOf(reading), DATA)

    def test_reader_that_comes_at_the_end_gets_everything(self) -> None:
        self.finish()
        reading = self.read_all(self.filling.reader())
        self.assertEqual(self.successResultOf(reading), DATA)

    def test_reader_that_is_slow_does_not_hold_it_up(self) -> None:
        reader = self.filling.reader()
        first = self.read(reader, 3)
        self.finish()
        self.successResultOf(self.done)
        rest = self.successResultOf(self.read_all(reader))
        self.assertEqual(self.successResultOf(first) + (rest or b""), DATA)

    def test_reader_that_leaves_does_not_stop_it(self) -> None:
        stays, leaves = self.filling.reader(), self.filling.reader()
        reading, left = self.read_all(stays), self.read_all(leaves)
        self.give(PIECES[0])
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.give(*PIECES[1:], b"")
        self.successResultOf(self.done)
        self.assertEqual(self.successResultOf(reading), DATA)

    def test_reader_may_close_at_any_time(self) -> None:
        reader = self.filling.reader()
        self.result(reader.close())
        self.give(PIECES[0])
        self.successResultOf(self.read(reader, 1))
        self.result(reader.close())
        self.result(reader.close())
        self.give(*PIECES[1:], b"")
        self.successResultOf(self.done)

    def test_failure_reaches_everybody_who_waits(self) -> None:
        readings = [self.read_all(self.filling.reader()) for _ in range(3)]
        ended = Deferred.fromCoroutine(self.filling.ended())
        self.give(PIECES[0])
        self.source.fail()
        for each in (self.done, *readings):
            self.failureResultOf(each, TroubleError)
        self.successResultOf(ended)

    def test_failure_reaches_who_is_behind(self) -> None:
        reader = self.filling.reader()
        self.give(*PIECES[:2])
        self.successResultOf(self.read(reader, 1))
        self.result(reader.close())
        self.source.fail()
        self.failureResultOf(self.done, TroubleError)
        self.failureResultOf(self.read_all(reader), TroubleError)

    def test_failure_reaches_who_never_read(self) -> None:
        self.give(PIECES[0])
        reader = self.filling.reader()
        self.source.fail()
        self.failureResultOf(self.done, TroubleError)
        self.failureResultOf(self.read(reader), TroubleError)

    def test_nothing_is_left_of_a_failure(self) -> None:
        self.give(PIECES[0])
        self.source.fail()
        self.failureResultOf(self.done, TroubleError)
        page: Any = self.result(self.store.list("docker/", limit=100))
        self.assertEqual(page.names, ())
        self.assertTrue(self.source.closed)

    def test_failure_to_keep_it_reaches_everybody(self) -> None:
        reading = self.read_all(self.filling.reader())
        self.keep_fails = True
        self.finish()
        self.failureResultOf(self.done, TroubleError)
        self.failureResultOf(reading, TroubleError)

    def test_what_is_wanted_is_stored(self) -> None:
        self.source.fail()
        self.failureResultOf(self.done, TroubleError)
        for algorithm in ("sha256", "sha512"):
            self.fill(Digest.of(DATA, algorithm))
            reading = self.read_all(self.filling.reader())
            self.finish()
            self.assertEqual(self.successResultOf(self.done), Digest.of(DATA))
            self.assertEqual(self.successResultOf(reading), DATA)

    def test_what_is_not_wanted_is_not_stored(self) -> None:
        self.source.fail()
        self.failureResultOf(self.done, TroubleError)
        for algorithm in ("sha256", "sha512"):
            self.fill(Digest.of(b"other", algorithm))
            reading = self.read_all(self.filling.reader())
            self.finish()
            for each in (self.done, reading):
                self.failureResultOf(each, DigestInvalid)
            page: Any = self.result(self.store.list("docker/", limit=100))
            self.assertEqual(page.names, ())

    def test_who_waits_for_its_end_goes_on_at_it(self) -> None:
        ended = Deferred.fromCoroutine(self.filling.ended())
        self.give(PIECES[0])
        self.assertNoResult(ended)
        self.give(*PIECES[1:], b"")
        self.successResultOf(ended)
        self.result(self.filling.ended())

    @settings(max_examples=60)
    @given(
        st.lists(st.binary(min_size=1, max_size=9), max_size=6),
        st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), max_size=4),
    )
    def test_readers_of_any_pace_get_the_same(
        self, pieces: list[bytes], readers: list[tuple[int, int]]
    ) -> None:
        self.begin()
        reading = []
        for turn, piece in enumerate((*pieces, b"")):
            for joins, limit in readers:
                if joins == turn:
                    work = read_slowly(self.filling.reader(), limit)
                    reading.append(Deferred.fromCoroutine(work))
            self.give(piece)
        self.successResultOf(self.done)
        for each in reading:
            self.assertEqual(self.successResultOf(each), b"".join(pieces))


async def read_slowly(reader: IReader, limit: int) -> bytes:
    """Read everything, a little at a time."""
    found = b""
    while data := await reader.read(limit):
        found += data
    await reader.close()
    return found


class ShutStore(MemoryObjectStore):
    """A store that gives nothing back before it has all, as those elsewhere do."""

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _ShutArea(super().stage(key, final))


class _ShutArea(PassingArea):
    """An area that cannot be read while something is appended."""

    def __init__(self, area: IStagingArea) -> None:
        super().__init__(area)
        self.growing = False
        self._appending = False

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        self._appending = True
        size = await super().append(source, observe, expected, mark)
        self._appending = False
        return size

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        if self._appending:
            raise NotFound(self.key)
        return await super().open(start, stop)


class ShutFillingTests(MemoryFillingTests):
    def make_store(self) -> IObjectStore:
        return ShutStore(Clock())


class FilesystemFillingTests(MemoryFillingTests):
    def make_store(self) -> IObjectStore:
        make: Callable[..., IObjectStore] = FilesystemObjectStore
        root = os.path.join(make_folder(self), "store")
        return make(root, f"{keys.PRIVATE}scratch", at_once, keys.COMPANIONS)
