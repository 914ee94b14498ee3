"""The bytes of an archive, made while they are read, from any offset."""

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blob
from txregistry.streams import BytesReader, IReader
from txregistry.transfer.archives.origins import BlobSource, ManifestSource

END: Final = bytes(1024)
"""What ends an archive."""

_BLOCK: Final = 512
_FILE_MODE: Final = 0o644
_FOLDER_MODE: Final = 0o755


class Source(Protocol):
    """Content of a known size that can be read from any offset."""

    @property
    def size(self) -> int:
        """Its bytes."""

    async def open(self, start: int) -> IReader:
        """Open it, from an offset to its end."""


@dataclass(frozen=True, slots=True)
class Written:
    """A document that was written for the archive."""

    data: bytes

    @property
    def size(self) -> int:
        """See `Source`."""
        return len(self.data)

    async def open(self, start: int) -> IReader:
        """See `Source`."""
        return BytesReader(self.data[start:])


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob of a repository."""

    blobs: BlobSource
    blob: Blob

    @property
    def size(self) -> int:
        """See `Source`."""
        return self.blob.size

    async def open(self, start: int) -> IReader:
        """See `Source`."""
        return await self.blobs.open(self.blob, start, self.blob.size)


@dataclass(frozen=True, slots=True)
class KeptManifest:
    """A manifest of a repository, not held in memory: there may be many."""

    manifests: ManifestSource
    name: RepositoryName
    digest: Digest
    size: int

    async def open(self, start: int) -> IReader:
        """See `Source`."""
        found = await self.manifests.find(self.name, self.digest)
        return BytesReader(found.data[start:])


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of the archive; a folder, where it has no source."""

    place: str
    source: Source | None = None

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return 0 if self.source is None else self.source.size

    @property
    def length(self) -> int:
        """Bytes that it takes in the archive, with all that is around its content."""
        return _BLOCK + self.size + self.padding

    @property
    def padding(self) -> int:
        """Zeros behind its content."""
        return -self.size % _BLOCK

    def header(self) -> bytes:
        """Give its header: nothing in it is of this time and place."""
        member = tarfile.TarInfo(self.place)
        member.size, member.mode = self.size, _FILE_MODE
        if self.source is None:
            member.type, member.mode = tarfile.DIRTYPE, _FOLDER_MODE
        return member.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


@implementer(IReader)
class ArchiveStream:
    """Give an archive from an offset on; what is before it is not read.

    Args:
        entries: Its members.
        start: The offset.
    """

    def __init__(self, entries: Sequence[Entry], start: int) -> None:
        self._entries = entries
        self._next = 0
        self._skip = start
        self._ready = b""
        self._content: IReader | None = None
        self._left = 0
        self._padding = b""
        self._closed = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            BlobUnknown: a blob went away meanwhile, or is damaged.
            ManifestUnknown: a manifest went away meanwhile.
        """
        while True:
            if self._ready:
                data, self._ready = self._ready[:limit], self._ready[limit:]
                return data
            if self._content is not None:
                data = await self._content.read(min(limit, self._left))
                self._left -= len(data)
                if data:
                    return data
                await self._end_content()
            elif self._next <= len(self._entries):
                await self._begin()
            else:
                return b""

    async def close(self) -> None:
        """See `IReader`."""
        self._next, self._ready = len(self._entries) + 1, b""
        if self._content is not None:
            content, self._content = self._content, None
            await content.close()

    async def _begin(self) -> None:
        """Go on with the next entry, or with the end."""
        place, skip = self._next, self._skip
        self._next += 1
        if place == len(self._entries):
            self._ready, self._skip = END[skip:], 0
            return
        entry = self._entries[place]
        if skip >= entry.length:
            self._skip -= entry.length
            return
        self._skip = 0
        self._ready = entry.header()[skip:]
        self._padding = bytes(entry.padding)
        start = max(0, skip - _BLOCK)
        if entry.source is None:
            return
        if start >= entry.size:
            self._ready += self._padding[start - entry.size :]
            return
        self._left = entry.size - start
        self._content = await entry.source.open(start)

    async def _end_content(self) -> None:
        content, self._content = self._content, None
        if content is not None:
            await content.close()
        if self._left:
            raise BlobUnknown("A part of the image is shorter than it should be.")
        self._ready = self._padding
