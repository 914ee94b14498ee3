"""Tests of what is forgotten in a real Swift, and what must not go with it.

Distribution 2 moves what was uploaded by writing a second manifest of the same segments
and deleting the first. Where that broke off, its own purge takes the blob's bytes away.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from tests.contracts.objectsource import LARGE
from tests.integration.stores import test_swiftlarge
from tests.integration.stores.test_swiftlarge import AREA
from tests.registry.case import NAME, OTHER, chunk
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import Key, NotFound, StorageUnavailable
from txregistry.storage.swift import SwiftObjectStore
from txregistry.storage.swiftanswers import Entry
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.tasks import at_once

DIGEST = Digest.of(LARGE)
BLOB = keys.blob(DIGEST)
FIRST, SECOND = (str(UUID(int=number)) for number in (1, 2))
WEEK = 7 * 86400.0


class BrokenMoveTests(test_swiftlarge.LargeCase):
    """A blob consists of what an upload has that Distribution did not get rid of."""

    def setUp(self) -> None:
        super().setUp()
        self.store = self.open()
        self.registry = Registry(self.store, self.clock, at_once)

    async def keep_session(
        self, session: str, *names: Key, name: RepositoryName = NAME
    ) -> str:
        """Keep an upload of Distribution's, whose segments other objects have, too.

        Returns:
            The folder of its segments.
        """
        data = keys.upload_data(name, session)
        began = datetime.fromtimestamp(self.clock.seconds(), UTC)
        started = began.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        await self.raw.put(f"files/{keys.upload_started(name, session)}", started)
        for offset in (0, len(LARGE)):
            state = f"{data.removesuffix('data')}hashstates/sha256/{offset}"
            await self.raw.put(f"files/{state}", b"sha\x03 and so on")
        return await self.keep_theirs(data, *names, area=data)

    async def link(self, name: RepositoryName = NAME) -> None:
        """Give a repository the right to the blob."""
        await self.registry.blobs.link(name, DIGEST, DIGEST)

    async def expire(self) -> int:
        """Forget what is old, as it is done now and then."""
        self.clock.advance(2 * WEEK)
        return await self.registry.uploads.expire(WEEK)

    async def is_whole(self) -> None:
        """Expect the blob to be what it was, for somebody who knows nothing of it."""
        registry = Registry(self.open(), self.clock, at_once)
        blob = await registry.blobs.find(NAME, DIGEST)
        self.assertEqual(blob.size, len(LARGE))
        self.assertTrue(await self.read(self.open(), BLOB) == LARGE)

    async def no_session_is_left(self) -> None:
        """Expect nothing of uploads to be seen."""
        self.assertEqual([n for n in await self.names() if "_uploads" in n], [])

    async def test_expiry_of_the_upload_keeps_the_blob(self) -> None:
        await self.keep_session(FIRST, BLOB)
        await self.link()
        self.assertEqual(await self.expire(), 1)
        await self.no_session_is_left()
        await self.is_whole()

    async def test_no_later_sweep_takes_the_segments(self) -> None:
        folder = await self.keep_session(FIRST, BLOB)
        await self.link()
        for _ in range(2):
            await self.expire()
        self.assertEqual(await self.store.sweep(0.0), 0)
        self.assertEqual(len(await self.names(folder)), 4)
        await self.is_whole()

    async def test_a_client_that_cancels_the_upload_keeps_the_blob(self) -> None:
        await self.keep_session(FIRST, BLOB)
        await self.link()
        await self.registry.uploads.cancel(NAME, FIRST)
        await self.is_whole()

    async def test_a_client_that_finishes_the_upload_keeps_the_blob(self) -> None:
        await self.keep_session(FIRST, BLOB)
        await self.link()
        with self.assertRaises(DigestInvalid):
            await self.registry.uploads.finish(NAME, FIRST, DIGEST, chunk(b""))
        await self.is_whole()
        await self.expire()
        await self.no_session_is_left()
        await self.is_whole()

    async def test_a_client_that_pushes_again_has_the_blob(self) -> None:
        await self.keep_session(FIRST, BLOB)
        await self.link()
        session = await self.registry.uploads.begin(NAME)
        await self.registry.uploads.append(NAME, session, chunk(LARGE))
        await self.registry.uploads.finish(NAME, session, DIGEST, chunk(b""))
        await self.is_whole()
        self.assertEqual(await self.expire(), 1)
        await self.is_whole()

    async def test_two_uploads_of_the_same_blob(self) -> None:
        await self.keep_session(FIRST, BLOB)
        await self.keep_session(SECOND, BLOB, name=OTHER)  # in place of the first
        await self.link()
        self.assertEqual(await self.expire(), 2)
        await self.no_session_is_left()
        await self.is_whole()

    async def test_what_a_move_left_that_was_all_but_done(self) -> None:
        await self.keep_session(FIRST, BLOB)
        await self.link()
        await self.raw.delete([f"files/{keys.upload_data(NAME, FIRST)}"])
        self.assertEqual(await self.expire(), 1)
        await self.no_session_is_left()
        await self.is_whole()

    async def test_deleting_the_blob_then_takes_its_segments(self) -> None:
        folder = await self.keep_session(FIRST, BLOB)
        await self.store.delete([BLOB])
        self.assertEqual(await self.names(folder), [])
        self.assertEqual(await self.expire(), 1)
        await self.no_session_is_left()

    async def test_an_upload_that_is_not_listed_does_not_stop_the_others(self) -> None:
        folder = await self.keep_session(FIRST)
        await self.raw.delete(await self.names(folder))
        await self.raw.delete([f"files/{keys.upload_started(NAME, FIRST)}"])
        await self.keep_session(SECOND, BLOB, name=OTHER)
        await self.link()
        self.assertEqual(await self.expire(), 1)
        held = await self.names(f"files/{keys.uploads(OTHER)}")
        self.assertEqual(held, [])
        await self.is_whole()


class DynamicCase(test_swiftlarge.LargeCase):
    """Large objects are written as Distribution does that."""

    def open(self, **settings: Any) -> SwiftObjectStore:
        return super().open(dynamic=True, **settings)


class DynamicDiscardingTests(DynamicCase, test_swiftlarge.DiscardingTests):
    pass


class DynamicSweepTests(DynamicCase, test_swiftlarge.SweepTests):
    pass


class CollectedTests(test_swiftlarge.LargeCase):
    """Distribution's collection of garbage knows nothing of static manifests."""

    async def test_segments_of_what_it_removed_are_swept(self) -> None:
        area = await self.stage(self.open())
        await area.commit(BLOB)
        await area.discard()
        await self.raw.delete([f"files/{BLOB}"])
        self.assertEqual(await self.open().sweep(WEEK), 0)
        self.clock.advance(2 * WEEK)
        self.assertEqual(await self.open().sweep(WEEK), 1)
        self.assertEqual(await self.names(), [])


class OrderTests(test_swiftlarge.LargeCase):
    """The latest request to begin wins; so nobody deletes what may be coming."""

    async def test_deleting_what_is_absent_does_not_take_what_comes(self) -> None:
        store = self.open()
        area = store.stage(AREA, BLOB)
        await area.append(chunk(LARGE).source, lambda _: None, len(LARGE))
        await self.open().delete([BLOB])
        await area.commit(BLOB)
        self.assertTrue(await self.read(self.open(), BLOB) == LARGE)


class LaggingContainer(SwiftContainer):
    """A container that lists some objects only when it was asked a few times.

    Attributes:
        late: How often it does not list them.
        clock: Advances whenever it was asked.
    """

    late = 0
    clock: Clock

    async def walk(
        self, prefix: str, *, delimiter: bool = False
    ) -> AsyncIterator[Entry]:
        """See `SwiftContainer`."""
        lags, self.late = self.late > 0, max(0, self.late - 1)
        async for entry in super().walk(prefix, delimiter=delimiter):
            if not (lags and entry.name.endswith("0000000000000002")):
                yield entry
        IReactorTime(reactor).callLater(0, self.clock.advance, 10.0)


class LaggingTests(DynamicCase):
    """What consists of what is listed is not there before all of it is."""

    def open_container(self, *args: Any) -> SwiftContainer:
        """Use a container whose listings lag."""
        found = super().open_container(*args)
        lagging = LaggingContainer(self.server, found._identity, found.name)
        lagging.clock = self.clock
        return lagging

    def lag(self, store: SwiftObjectStore, times: int) -> None:
        """Let a store's listings lag."""
        container = store._container
        assert isinstance(container, LaggingContainer)
        container.late = times

    async def test_a_commit_waits_for_what_is_listed_late(self) -> None:
        store = self.open()
        area = await self.stage(store)
        self.lag(store, 3)
        await area.commit(BLOB)
        self.assertTrue(await self.read(store, BLOB) == LARGE)

    async def test_nothing_is_committed_that_is_not_listed(self) -> None:
        store = self.open()
        area = await self.stage(store)
        self.lag(store, 1000)
        said = await self.fails(StorageUnavailable, area.commit(BLOB))
        self.assertIn("does not list", said)
        await self.fails(NotFound, store.stat(BLOB))
        self.lag(store, 0)
        await self.open().stage(AREA).commit(BLOB)
        self.assertTrue(await self.read(store, BLOB) == LARGE)
