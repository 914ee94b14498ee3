"""Uploads expire at one node, or at two, while they are used or end at another."""

import contextlib
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.integration.nodes import sharing
from tests.integration.stores.test_s3staging import Waiting
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, UploadInvalid, UploadUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.streams import BytesReader, read_all

NAME = RepositoryName("team/app")
SMALL, LARGE = b"some bytes", bytes(range(256)) * 400
REST = b"the rest"
AGE = -10.0
"""Seconds: everything is older, though S3 tells times in whole ones, a bit ahead."""
REFUSED = (UploadInvalid, UploadUnknown, StorageUnavailable)
"""What a client may be told whose upload has expired under its hands."""


class Gate:
    """Something that is done when one is told to.

    Args:
        work: What is done.

    Attributes:
        reached: Fires when it is to be done.
        opened: To be fired when it may.
    """

    def __init__(self, work: Any) -> None:
        self.reached: Deferred[None] = Deferred()
        self.opened: Deferred[None] = Deferred()
        self._work = work

    async def __call__(self, *arguments: Any) -> Any:
        """Do it."""
        self.reached.callback(None)
        await self.opened
        return await self._work(*arguments)


class ExpiryContract(sharing.SharingCase):
    """Inherit as ``expiry.ExpiryContract``."""

    firsts: tuple[bytes, ...] = (SMALL, LARGE)
    """What comes first of what ends while it expires."""

    def setUp(self) -> None:
        super().setUp()
        self.one, self.two = self.open_node(), self.open_node()

    async def begin(self, *chunks: bytes) -> str:
        """Begin an upload at the first node, and go on at both in turn."""
        session = await self.one.uploads.begin(NAME)
        for place, data in enumerate(chunks):
            node = (self.one, self.two)[place % 2]
            await node.uploads.append(NAME, session, self.chunk(data))
        return session

    def chunk(self, data: bytes) -> Chunk:
        """Make a request's body."""
        return Chunk(BytesReader(data), len(data))

    async def holds(self, data: bytes) -> bool:
        """Whether both nodes have a blob; each of its bytes is right then."""
        found = []
        for node in (self.one, self.two):
            try:
                blob = await node.blobs.find(NAME, Digest.of(data))
            except BlobUnknown:
                found.append(False)
                continue
            reader = await node.blobs.open(blob, 0, blob.size)
            self.assertTrue(await read_all(reader, 1 << 20) == data)
            found.append(True)
        self.assertEqual(*found)
        return found[0]

    async def left(self) -> tuple[str, ...]:
        """List what is left of uploads."""
        store = self.one.store
        pages = [
            await store.list(prefix, limit=1000)
            for prefix in (keys.uploads(NAME), keys.single_uploads())
        ]
        return tuple(name for page in pages for name in page.names)

    async def ends(self, work: Deferred[None], data: bytes) -> None:
        """Expect a blob to be right, or not to be there and nobody told so."""
        try:
            await work
        except REFUSED:
            self.assertFalse(await self.holds(data))
        else:
            self.assertTrue(await self.holds(data))
            for node in (self.one, self.two):  # what is left of it is not shared
                await node.uploads.expire(AGE)
            self.assertTrue(await self.holds(data))

    async def test_two_expire_the_same(self) -> None:
        chunks = [(), (SMALL,), (LARGE,), (SMALL, LARGE, SMALL)]
        sessions = [await self.begin(*each) for each in chunks]
        await self.begin(LARGE, SMALL)
        done = await self.begin(SMALL, LARGE)
        digest = Digest.of(SMALL + LARGE)
        await self.two.uploads.finish(NAME, done, digest, self.chunk(b""))
        counts = await gatherResults(
            [
                Deferred.fromCoroutine(node.uploads.expire(AGE))
                for node in (self.one, self.two)
            ]
        )
        self.assertGreaterEqual(sum(counts), len(sessions) + 1)
        self.assertEqual(await self.left(), ())
        self.assertTrue(await self.holds(SMALL + LARGE))
        for session in sessions:
            for node in (self.one, self.two):
                with self.assertRaises(UploadUnknown):
                    await node.uploads.offset(NAME, session)

    async def test_expired_while_its_last_chunk_comes(self) -> None:
        for first in self.firsts:
            session, data = await self.begin(first), first + REST
            source = Waiting(REST)
            work = self.one.uploads.finish(
                NAME, session, Digest.of(data), Chunk(source, len(REST))
            )
            ended = Deferred.fromCoroutine(work)
            await source.waits
            await self.two.uploads.expire(AGE)
            source.more.callback(b"")
            await self.ends(ended, data)

    async def test_expired_while_it_becomes_a_blob(self) -> None:
        session, data = await self.begin(LARGE, LARGE), LARGE + LARGE
        joiner = self.joiner(self.one.plain_store)
        gate = Gate(joiner.join)
        self.patch(joiner, "join", gate)
        work = self.one.uploads.finish(NAME, session, Digest.of(data), self.chunk(b""))
        ended = Deferred.fromCoroutine(work)
        await gate.reached
        await self.two.uploads.expire(AGE)
        gate.opened.callback(None)
        await self.ends(ended, data)

    async def test_what_goes_on_under_its_hands_is_not_shared(self) -> None:
        """A chunk that comes late to an upload that has ended harms no blob."""
        session, data = await self.begin(LARGE), LARGE
        source = Waiting(REST)
        work = self.one.uploads.append(NAME, session, Chunk(source, len(REST)))
        late = Deferred.fromCoroutine(work)
        await source.waits
        await self.two.uploads.finish(NAME, session, Digest.of(data), self.chunk(b""))
        source.more.callback(b"")
        with contextlib.suppress(*REFUSED):
            await late
        for node in (self.one, self.two):
            with self.assertRaises(UploadUnknown):
                await node.uploads.offset(NAME, session)
        for node in (self.one, self.two):
            await node.uploads.expire(AGE)
        self.assertEqual(await self.left(), ())
        self.assertTrue(await self.holds(data))
