"""Tests of ``txregistry/storage/s3.py`` and what it is made of, for what is long."""

import http.client
import time
from itertools import pairwise
from urllib.parse import urlsplit

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from tests.contracts.objectsource import LARGE
from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.integration.stores import s3case
from txregistry.storage import keys, s3direct, s3writer
from txregistry.storage.interfaces import (
    IStagingArea,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3 import S3ObjectStore
from txregistry.storage.s3copying import Copying
from txregistry.streams import BytesReader, IReader, read_all

AREA = Key(f"{keys.ROOT}some/thing/data")
FINAL = Key(f"{keys.ROOT}some/other/data")
PART = 256 * 1024
PARTS = Copying(threshold=PART, chunk=PART, at_once=3, least=PART // 2)
FAR = 1 << 40


@implementer(IReader)
class Waiting:
    """Give some bytes, and then nothing more until it is told to.

    Attributes:
        waits: Fires when all the bytes were given.
        more: What is given then.
    """

    def __init__(self, data: bytes) -> None:
        self._inner = BytesReader(data)
        self.waits: Deferred[None] = Deferred()
        self.more: Deferred[bytes] = Deferred()

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._inner.read(limit)
        if data or self.more.called:
            return data
        # Not from here: what is told may break off what asks.
        reactor.callLater(0, self.waits.callback, None)
        return await self.more

    async def close(self) -> None:
        """See `IReader`."""


class LongCase(s3case.S3StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.memory = PartMemory(8 * PART)
        self.store = self.open_long("root")

    def open_long(self, root: str) -> S3ObjectStore:
        """Keep objects in longer parts."""
        clock = Clock()
        clock.advance(time.time() + 10.0)  # the service tells times in whole seconds
        return self.open_store(
            root, clock=clock, memory=self.memory, part_size=PART, copying=PARTS
        )

    async def append(self, area: IStagingArea, data: bytes) -> int:
        """Append some bytes, and see that they are observed."""
        seen: list[bytes] = []
        size = await area.append(BytesReader(data), seen.append, None)
        self.assertTrue(b"".join(seen) == data)
        return size

    async def holds(self, area: IStagingArea, data: bytes) -> None:
        """Expect an area to hold some bytes, for whoever comes."""
        again = self.open_store("root").stage(area.key)
        self.assertEqual(await again.size(), len(data))
        self.assertTrue(await read_all(await again.open(0, FAR), FAR) == data)

    async def is_object(self, data: bytes, key: Key = FINAL) -> None:
        """Expect an object."""
        self.assertTrue(await self.store.get(key, len(data) + 1) == data)

    async def left(self) -> tuple[str, ...]:
        """Give all that is in the store."""
        return (await self.store.list("docker/", limit=999)).names

    async def nothing_is_left_over(self) -> None:
        """Expect no upload in parts, and no memory in use."""
        self.assertEqual(await self.store.sweep(0.0, dry_run=True), 0)
        self.assertEqual(self.memory.held, 0)


class LongStagingTests(LongCase):
    async def test_many_parts_become_an_object(self) -> None:
        area = self.store.stage(AREA)
        self.assertEqual(await self.append(area, LARGE), len(LARGE))
        await self.holds(area, LARGE)
        await area.commit(FINAL)
        await self.is_object(LARGE)
        await area.discard()
        self.assertEqual(await self.left(), (FINAL,))
        await self.nothing_is_left_over()

    async def test_requests_of_all_lengths_become_an_object(self) -> None:
        area = self.store.stage(AREA)
        edges = (0, 1, 9, PART, PART + 7, 2 * PART, 5 * PART, 5 * PART, 5 * PART + 1)
        for start, stop in pairwise(edges):
            await self.append(self.store.stage(AREA), LARGE[start:stop])
        await self.holds(area, LARGE[: edges[-1]])
        await area.commit(FINAL)
        await self.is_object(LARGE[: edges[-1]])
        await area.discard()
        self.assertEqual(await self.left(), (FINAL,))
        await self.nothing_is_left_over()

    async def test_many_short_requests_become_few_segments(self) -> None:
        for place in range(100):
            await self.append(self.store.stage(AREA), LARGE[place * 9 : place * 9 + 9])
        await self.holds(self.store.stage(AREA), LARGE[:900])
        self.assertLess(len(await self.left()), 25)
        await self.store.stage(AREA).commit(FINAL)
        await self.is_object(LARGE[:900])

    async def test_what_came_before_a_long_source_failed_is_kept(self) -> None:
        area = self.store.stage(AREA)
        with self.assertRaises(BrokenOff):
            await area.append(
                BrokenReader(LARGE, BrokenOff()), lambda _: None, len(LARGE) + 1
            )
        await self.holds(area, LARGE)
        await self.nothing_is_left_over()

    async def test_what_came_before_it_was_cancelled_is_kept(self) -> None:
        area = self.store.stage(AREA)
        source = Waiting(LARGE)
        work = Deferred.fromCoroutine(area.append(source, lambda _: None, None))
        await source.waits
        work.cancel()
        with self.assertRaises(CancelledError):
            await work
        await self.holds(area, LARGE)
        await self.nothing_is_left_over()

    async def test_more_appends_than_there_is_memory_for(self) -> None:
        areas = [self.store.stage(Key(f"{AREA}{place}")) for place in range(12)]
        parts = [LARGE[place:] for place in range(12)]
        await gatherResults(
            [
                Deferred.fromCoroutine(self.append(area, data))
                for area, data in zip(areas, parts, strict=True)
            ]
        )
        for area, data in zip(areas, parts, strict=True):
            await self.holds(area, data)
            await area.commit(FINAL)
            await self.is_object(data)
        await self.nothing_is_left_over()

    async def test_slow_sources_do_not_keep_the_memory_of_others(self) -> None:
        self.memory = PartMemory(2 * PART)
        store = self.open_long("root")
        slow = [Waiting(LARGE[: PART // 2]) for _ in range(4)]
        areas = [store.stage(Key(f"{AREA}{place}")) for place in range(4)]
        work = [
            Deferred.fromCoroutine(area.append(source, lambda _: None, None))
            for area, source in zip(areas, slow, strict=True)
        ]
        for source in slow:
            await source.waits
        self.assertEqual(self.memory.held, 2 * PART)
        quick = Deferred.fromCoroutine(self.append(store.stage(AREA), LARGE))
        for source in slow:
            source.more.callback(b"more")
        await gatherResults([quick, *work])
        for area in areas:
            await self.holds(area, LARGE[: PART // 2] + b"more")
        await self.holds(store.stage(AREA), LARGE)
        await self.nothing_is_left_over()

    async def test_a_segment_that_is_gone_is_a_fault(self) -> None:
        area = self.store.stage(AREA)
        await self.append(area, b"data")
        segment = next(name for name in await self.left() if "state" not in name)
        await self.store.delete([Key(segment)])
        with self.assertRaises(StorageUnavailable):
            await area.commit(FINAL)
        with self.assertRaises(StorageUnavailable):
            await read_all(await area.open(0, 9), 9)
        await area.discard()
        self.assertEqual(await self.left(), ())

    async def test_what_a_request_left_that_never_ended_is_discarded(self) -> None:
        area = self.store.stage(AREA)
        self.keep({f"{AREA}-parts/123": b"x"}, "root/")
        with self.assertRaises(NotFound):
            await area.size()
        await area.discard()
        self.assertEqual(await self.left(), ())


class DirectTests(LongCase):
    def stage(self) -> IStagingArea:
        """Stage what goes straight to where it is to lie."""
        return self.store.stage(AREA, FINAL)

    async def test_many_parts_become_an_object_at_one_moment(self) -> None:
        area = self.stage()
        await self.append(area, LARGE)
        with self.assertRaises(NotFound):
            await self.store.stat(FINAL)
        self.assertEqual(await self.left(), ())
        await area.commit(FINAL)
        await self.is_object(LARGE)
        await area.commit(FINAL)
        await area.discard()
        self.assertEqual(await self.left(), (FINAL,))
        await self.nothing_is_left_over()

    async def test_what_is_discarded_leaves_nothing(self) -> None:
        area = self.stage()
        await self.append(area, LARGE)
        self.assertEqual(await self.store.sweep(0.0, dry_run=True), 1)
        await area.discard()
        self.assertEqual(await self.left(), ())
        await self.nothing_is_left_over()

    async def test_a_source_that_fails_leaves_nothing(self) -> None:
        area = self.stage()
        with self.assertRaises(BrokenOff):
            await area.append(BrokenReader(LARGE, BrokenOff()), lambda _: None, None)
        await area.discard()
        self.assertEqual(await self.left(), ())
        await self.nothing_is_left_over()

    async def test_what_is_cancelled_leaves_nothing(self) -> None:
        area = self.stage()
        source = Waiting(LARGE)
        work = Deferred.fromCoroutine(area.append(source, lambda _: None, None))
        await source.waits
        work.cancel()
        with self.assertRaises(CancelledError):
            await work
        await area.discard()
        self.assertEqual(await self.left(), ())
        await self.nothing_is_left_over()

    async def test_parts_are_as_long_as_they_must_be(self) -> None:
        self.patch(s3writer, "MOST_PARTS", 3)
        self.patch(s3direct, "MOST_PARTS", 3)
        area = self.stage()
        size = await area.append(BytesReader(LARGE), lambda _: None, len(LARGE))
        self.assertEqual(size, len(LARGE))
        await area.commit(FINAL)
        await self.is_object(LARGE)

    async def test_too_much_of_a_length_that_is_not_known(self) -> None:
        self.patch(s3writer, "MOST_PARTS", 3)
        area = self.stage()
        with self.assertRaises(StorageFull):
            await area.append(BytesReader(LARGE), lambda _: None, None)
        await area.discard()
        await self.nothing_is_left_over()

    async def test_without_memory_it_goes_by_way_of_the_area(self) -> None:
        held = [
            self.store.stage(Key(f"{AREA}{place}"), Key(f"{FINAL}{place}"))
            for place in range(3)
        ]
        for each in held:
            await self.append(each, LARGE[:PART])
        area = self.stage()
        await self.append(area, LARGE)
        self.assertNotEqual(await self.left(), ())
        await area.commit(FINAL)
        await self.is_object(LARGE)
        for each in (*held, area):
            await each.discard()
        self.assertEqual(await self.left(), (FINAL,))
        await self.nothing_is_left_over()


class SweepTests(LongCase):
    async def test_only_uploads_that_are_old_and_ours_are_swept(self) -> None:
        other = self.open_long("other")
        for store in (self.store, other):
            await store.stage(AREA, FINAL).append(
                BytesReader(LARGE), lambda _: None, None
            )
        self.assertEqual(await self.store.sweep(3600.0), 0)
        self.assertEqual(await self.store.sweep(0.0, dry_run=True), 1)
        self.assertEqual(await self.store.sweep(0.0), 1)
        self.assertEqual(await self.store.sweep(0.0), 0)
        self.assertEqual(await other.sweep(0.0), 1)

    async def test_what_is_swept_is_gone_for_who_comes_late(self) -> None:
        area = self.store.stage(AREA, FINAL)
        await area.append(BytesReader(LARGE), lambda _: None, None)
        await self.store.sweep(0.0)
        with self.assertRaises(StorageUnavailable):
            await area.commit(FINAL)
        await area.discard()
        self.assertEqual(await self.left(), ())
        await self.nothing_is_left_over()


class RedirectTests(LongCase):
    def follow(self, method: str, url: str | None) -> tuple[int, bytes]:
        """Do as a client does that is sent elsewhere."""
        assert url is not None
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            connection.request(method, f"{parts.path}?{parts.query}")
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    async def test_a_client_finds_the_object_itself(self) -> None:
        key = Key("docker/s/a+b %2F'1")
        await self.store.put(key, b"data")
        for method, data in (("GET", b"data"), ("HEAD", b"")):
            url = await self.store.redirect(key, method, 60.0)
            found = await deferToThread(self.follow, method, url)
            self.assertEqual(found, (200, data))

    async def test_a_url_is_good_for_its_method_and_object_only(self) -> None:
        await self.store.put(FINAL, b"data")
        url = await self.store.redirect(FINAL, "GET", 60.0)
        assert url is not None
        for method, other in (("DELETE", url), ("GET", url.replace("other", "o"))):
            status, _ = await deferToThread(self.follow, method, other)
            self.assertEqual(status, 403)

    async def test_nobody_is_sent_elsewhere_where_that_is_off(self) -> None:
        store = self.open_store("root", redirects=False)
        self.assertIsNone(await store.redirect(FINAL, "GET", 60.0))
