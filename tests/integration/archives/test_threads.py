"""Archives pass through threads and files, as they do in a registry that runs."""

import gzip
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from twisted.internet import reactor  # noqa: TID251 - threads are the point
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.integration.clients.images import Content, Image, contents_of, digest_of
from tests.transfer.archives.building import TAR, image_of, layout, pack
from tests.transfer.archives.sources import Stalling
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName, Tag
from txregistry.registry.repositories import Registry
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import Key
from txregistry.storage.keys import COMPANIONS, PRIVATE
from txregistry.storage.reading import open_file
from txregistry.streams import IReader, read_all
from txregistry.tasks import in_threads
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.archives.refusals import ArchiveTruncated
from txregistry.transfer.archives.writing import ArchiveWriter, Wanted

NAME: Final = RepositoryName("team/app")
IT: Final = Tag("it")
_reactor: Any = reactor


def large() -> Image:
    """Make an image with layers of some megabytes, packed and not."""
    noise = random.Random(7)  # noqa: S311 - an example
    plain = noise.randbytes(5_000_001)
    layers = [
        Content(TAR, plain),
        Content(f"{TAR}+gzip", gzip.compress(plain[::-1], 1, mtime=0)),
        Content(f"{TAR}+gzip", gzip.compress(bytes(20_000_000), 1, mtime=0)),
    ]
    tars = [plain, plain[::-1], bytes(20_000_000)]
    return image_of(layers, [digest_of(tar) for tar in tars])


class ThreadsTests(TestCase):
    timeout = 120

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="txa-"))
        self.addCleanup(shutil.rmtree, self.directory)
        pool = ThreadPool(1, 4)
        pool.start()
        self.addCleanup(pool.stop)
        self.blocking = in_threads(_reactor, pool)
        self.registry = self.make_registry("first")
        self.image = large()

    def make_registry(self, name: str) -> Registry:
        """Make an empty registry."""
        store = FilesystemObjectStore(
            str(self.directory / name), f"{PRIVATE}scratch/", self.blocking, COMPANIONS
        )
        return Registry(store, _reactor, self.blocking)

    def open(self, data: bytes) -> IReader:
        """Give bytes from a file."""
        path = self.directory / "archive"
        self.size = path.write_bytes(data)
        return open_file(Key("archive"), str(path), 0, len(data), self.blocking)

    async def bring(self, source: IReader) -> Digest:
        """Read an archive, and publish its image."""
        heard: list[int] = []
        reader = ArchiveReader(self.registry, self.blocking, progress=heard.append)
        async with reader.open(source) as archive:
            self.assertEqual(sum(heard), self.size)
            return await archive.publish(NAME, [IT])

    def staged(self) -> list[str]:
        """Give the files that are under way."""
        found = self.directory.glob("*/**/uploads/**/*")
        return [str(each) for each in found if each.is_file()]

    async def assertHolds(self) -> None:
        """The registry has the image."""
        for digest, data in contents_of(self.image).items():
            if digest == self.image.digest:
                continue
            blob = await self.registry.blobs.find(NAME, Digest.parse(digest))
            reader = await self.registry.blobs.open(blob, 0, blob.size)
            self.assertTrue(await read_all(reader, blob.size) == data)
        self.assertEqual(self.staged(), [])

    async def test_there_and_back(self) -> None:
        data = pack(layout({"it": self.image}))
        for packed in (data, gzip.compress(data, 1)):
            self.registry = self.make_registry(f"for-{len(packed)}")
            found = await self.bring(self.open(packed))
            self.assertEqual(str(found), self.image.digest)
            await self.assertHolds()
        plan = await ArchiveWriter(self.registry, self.blocking).plan(
            [Wanted(NAME, IT)]
        )
        written = await read_all(plan.open(), plan.size)
        assert written is not None
        self.assertEqual(len(written), plan.size)
        middle = await read_all(plan.open(plan.size // 2), plan.size)
        self.assertTrue(middle == written[plan.size // 2 :])
        self.registry = self.make_registry("second")
        self.assertEqual(str(await self.bring(self.open(written))), self.image.digest)
        await self.assertHolds()

    async def test_cut_off(self) -> None:
        data = pack(layout({"it": self.image}))
        for size in (len(data) // 3, len(data) - 600):
            with self.assertRaises(ArchiveTruncated):
                await self.bring(self.open(data[:size]))
            self.assertEqual(self.staged(), [])
            self.assertIsNone(await self.registry.tags.find(NAME, IT))

    async def test_broken_off(self) -> None:
        data = pack(layout({"it": self.image}))
        source = Stalling(data[: len(data) // 2])
        done = Deferred.fromCoroutine(self.bring(source))
        await source.stalls
        await deferLater(_reactor, 0, lambda: None)  # it waits from then on
        self.assertNotEqual(self.staged(), [])
        done.cancel()
        with self.assertRaises(CancelledError):
            await done
        self.assertEqual(self.staged(), [])
