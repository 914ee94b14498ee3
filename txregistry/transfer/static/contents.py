"""Bring the content of images into a folder: blobs first, and manifests after them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from txregistry.model.descriptors import MANIFESTS, Descriptor
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, ManifestInvalid
from txregistry.model.manifests import parse_manifest
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blob
from txregistry.registry.manifests import StoredManifest
from txregistry.registry.repositories import Registry
from txregistry.streams import (
    CHUNK,
    IFileReader,
    IReader,
    read_pieces,
)
from txregistry.tasks import Blocking, breathe
from txregistry.transfer.static import places
from txregistry.transfer.static.tree import StaticTree

_DEPTH: Final = 5
"""Indexes within each other."""
_PAUSE: Final = 20
"""Look-ups after which others have their turn."""


@dataclass(slots=True)
class Parts:
    """What an image is made of.

    Attributes:
        manifests: Its manifests, what an index lists always before it.
        blobs: What they name.
    """

    manifests: dict[Digest, StoredManifest] = field(default_factory=dict)
    blobs: dict[Digest, Blob] = field(default_factory=dict)


class Contents:
    """Bring content from a registry into a folder, each piece once.

    Args:
        registry: Where it is.
        tree: Where it goes.
        blocking: Where work goes that waits for a disk.
        links: Whether the files of the registry's store may get second names: they
            must never be changed.
        hear: Hears how many bytes were read.
    """

    def __init__(
        self,
        registry: Registry,
        tree: StaticTree,
        blocking: Blocking,
        *,
        links: bool,
        hear: Callable[[int], None],
    ) -> None:
        self._registry = registry
        self._tree = tree
        self._blocking = blocking
        self._links = links
        self._hear = hear
        self._taken: set[Digest] = set()
        self._looked = 0

    async def find(self, name: RepositoryName, top: StoredManifest) -> Parts:
        """Find all that an image is made of.

        Raises:
            BlobUnknown: something of it is not there.
            ManifestUnknown: likewise.
            ManifestInvalid: it cannot be read, or nests too deep.
        """
        parts = Parts()
        await self._gather(name, top, parts, 0)
        return parts

    async def take(self, parts: Parts) -> None:
        """Let the folder have all that an image is made of.

        Raises:
            BlobUnknown: something of it is damaged.
            StorageUnavailable: it cannot be read or written.
        """
        for blob in parts.blobs.values():
            await self.take_blob(blob)
        for digest, manifest in parts.manifests.items():
            place = places.content(digest)
            if digest not in self._taken:
                await self._blocking(self._tree.put, place, manifest.data)
                self._taken.add(digest)

    async def take_blob(self, blob: Blob) -> None:
        """Let the folder have a blob, which is checked unless it is there already.

        Raises:
            BlobUnknown: it is damaged.
            StorageUnavailable: it cannot be read or written.
        """
        if blob.digest in self._taken:
            return
        place = places.content(blob.digest)
        if await self._blocking(self._tree.has, place, blob.size):
            pass  # it was checked when it came
        elif not (self._links and await self._link(place, blob)):
            await self._copy(place, blob)
        self._taken.add(blob.digest)

    async def _link(self, place: str, blob: Blob) -> bool:
        """Give a file of the store a second name; False where that cannot be."""
        reader = await self._registry.blobs.open(blob, 0, blob.size)
        try:
            if not IFileReader.providedBy(reader):  # it was never checked: it is now
                while pieces := await read_pieces(reader, CHUNK):
                    self._hear(sum(map(len, pieces)))
                await reader.close()
                reader = await self._registry.blobs.open(blob, 0, blob.size)
            if not IFileReader.providedBy(reader):
                return False
            return await self._blocking(
                self._tree.adopt, place, IFileReader(reader).fileno()
            )
        finally:
            await reader.close()

    async def _copy(self, place: str, blob: Blob) -> None:
        reader = await self._registry.blobs.open(blob, 0, blob.size)
        try:
            file = await self._blocking(self._tree.create)
            try:
                await self._fill(reader, file.write)
                if file.size != blob.size:
                    raise BlobUnknown("The content is shorter than it should be.")
                await self._blocking(self._tree.finish, file, place)
            finally:
                await self._blocking(file.discard)
        finally:
            await reader.close()

    async def _fill(
        self, reader: IReader, write: Callable[[list[bytes]], None]
    ) -> None:
        while pieces := await read_pieces(reader, CHUNK, CHUNK):
            self._hear(sum(map(len, pieces)))
            await self._blocking(write, pieces)

    async def _gather(
        self, name: RepositoryName, found: StoredManifest, parts: Parts, depth: int
    ) -> None:
        if depth > _DEPTH:
            raise ManifestInvalid("Its indexes lie too deep in each other.")
        manifest = await self._blocking(parse_manifest, found.data, found.media_type)
        for child in manifest.children:
            if child.media_type not in MANIFESTS:
                await self._gather_blob(name, child, parts)
            elif child.digest not in parts.manifests:
                await self._rest()
                inner = await self._registry.manifests.find(name, child.digest)
                await self._gather(name, inner, parts, depth + 1)
        for blob in manifest.blobs:
            await self._gather_blob(name, blob, parts)
        parts.manifests[found.digest] = found

    async def _gather_blob(
        self, name: RepositoryName, wanted: Descriptor, parts: Parts
    ) -> None:
        if wanted.digest in parts.blobs:
            return
        await self._rest()
        try:
            blob = await self._registry.blobs.find(name, wanted.digest)
        except BlobUnknown:
            if not wanted.is_nondistributable:
                raise
        else:
            parts.blobs[wanted.digest] = blob

    async def _rest(self) -> None:
        self._looked += 1
        if not self._looked % _PAUSE:
            await breathe(self._registry.clock)
