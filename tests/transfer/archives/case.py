"""A test case that reads archives into a registry in memory, and writes them."""

from collections.abc import Collection, Sequence
from typing import Any

from tests.integration.clients.images import Image, Index, contents_of
from tests.registry.case import NAME, RegistryTestCase
from tests.transfer.archives.building import Member, pack
from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.streams import BytesReader, IReader, read_all
from txregistry.tasks import at_once
from txregistry.transfer.archives.archive import Archive
from txregistry.transfer.archives.images import ArchivedImage
from txregistry.transfer.archives.limits import LIMITS, ArchiveLimits
from txregistry.transfer.archives.reading import ArchiveReader
from txregistry.transfer.archives.refusals import ArchiveRefused
from txregistry.transfer.archives.writing import ArchivePlan, ArchiveWriter, Wanted

IT = Tag("it")


class ArchiveTestCase(RegistryTestCase):
    """Read and write archives."""

    def make_reader(self, limits: ArchiveLimits = LIMITS) -> ArchiveReader:
        """Make a reader of archives."""
        return ArchiveReader(
            self.registry, at_once, limits=limits, new_session=self.new_session
        )

    async def bring(
        self,
        source: bytes | IReader,
        name: RepositoryName = NAME,
        tags: Sequence[Tag] = (IT,),
        called: str | None = None,
        limits: ArchiveLimits = LIMITS,
    ) -> Digest:
        """Read an archive, and publish one image of it."""
        if isinstance(source, bytes):
            source = BytesReader(source)
        async with self.make_reader(limits).open(source) as archive:
            return await archive.publish(name, tags, archive.choose(called))

    def read(self, members: Sequence[Member], **more: Any) -> Digest:
        """Read an archive, publish one image of it, and see that nothing is staged."""
        found = self.result(self.bring(pack(members), **more))
        self.assertNothingStaged()
        return found

    def images(self, members: Sequence[Member]) -> tuple[ArchivedImage, ...]:
        """Say which images an archive has."""

        async def look() -> tuple[ArchivedImage, ...]:
            archive: Archive
            async with self.make_reader().open(BytesReader(pack(members))) as archive:
                return archive.images

        found = self.result(look())
        self.assertEqual(self.keys(), ())
        return found

    def refuses(
        self, kind: type[ArchiveRefused], data: bytes | Sequence[Member], **more: Any
    ) -> str:
        """An archive is refused, and the store is as before; give the sentence."""
        before = self.keys()
        packed = data if isinstance(data, bytes) else pack(data)
        error = self.fails(kind, self.bring(packed, **more))
        assert type(error) is kind, error
        self.assertEqual(self.keys(), before)
        self.assertEqual(error.message, str(error))
        self.assertRegex(error.message, r"^[A-Z\w][^\n]*\.$")
        self.assertTrue(error.message.isprintable())
        return str(error)

    def push_image(
        self, target: Image | Index, tag: Tag | None = IT, name: RepositoryName = NAME
    ) -> None:
        """Push an image, with all of its parts."""
        for blob in target.blobs:
            self.push_blob(blob.data, name)
        for manifest in target.manifests:
            self.push(manifest.data, None, name)
        if tag is not None:
            self.push(target.manifest.data, tag, name)

    def make_writer(self, **more: Any) -> ArchiveWriter:
        """Make a writer of archives."""
        return ArchiveWriter(self.registry, at_once, **more)

    def plan(
        self,
        *references: Reference,
        name: RepositoryName = NAME,
        have: Collection[Digest] = (),
        **more: Any,
    ) -> ArchivePlan:
        """Plan an archive."""
        wanted = [Wanted(name, each) for each in references or (IT,)]
        return self.result(self.make_writer(have=have, **more).plan(wanted))

    def write(self, plan: ArchivePlan, start: int = 0) -> bytes:
        """Write an archive, or what follows an offset."""
        data = self.result(read_all(plan.open(start), plan.size))
        assert data is not None
        return data

    def assertNothingStaged(self) -> None:
        """Nothing is under way."""
        self.assertEqual([key for key in self.keys() if "uploads/" in key], [])

    def assertHolds(
        self,
        target: Image | Index,
        tag: Tag | None = IT,
        name: RepositoryName = NAME,
    ) -> None:
        """A repository has an image, byte for byte."""
        if tag is not None:
            found = self.result(self.registry.manifests.find(name, tag))
            self.assertEqual(str(found.digest), target.digest)
        manifests = {each.digest for each in target.manifests}
        for digest, data in contents_of(target).items():
            if digest in manifests:
                reference = Digest.parse(digest)
                kept = self.result(self.registry.manifests.find(name, reference))
                self.assertEqual(kept.data, data)
            else:
                self.assertEqual(self.pull_blob(Digest.parse(digest), name), data)
