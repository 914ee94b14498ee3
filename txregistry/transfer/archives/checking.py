"""Check an archive that passes, without keeping it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import CANONICAL, Digest
from txregistry.streams import IReader, read_pieces
from txregistry.tasks import Blocking
from txregistry.transfer.archives.images import ArchivedImage
from txregistry.transfer.archives.limits import LIMITS, ArchiveLimits
from txregistry.transfer.archives.packed import UnpackingReader
from txregistry.transfer.archives.parting import Reading
from txregistry.transfer.archives.refusals import ArchiveMalformed, ArchiveTooLarge
from txregistry.transfer.archives.staging import Staged
from txregistry.transfer.archives.sums import ContentSums

_READ: Final = 512 * 1024
"""Bytes that are hashed at once."""
_ROOM: Final = 64 * 1024 * 1024
"""Bytes of documents that are held at once."""
_OBJECT: Final = b"{"
"""How every manifest and config begins, and no layer that is a tar archive."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive that is sound, as far as it goes.

    Attributes:
        images: What is in it.
        missing: What these name and it has not: the other end may have it.
        contents: What it has, by digest, with the number of bytes.
        bundle: What it says of its images, where it is a bundle.
    """

    images: tuple[ArchivedImage, ...]
    missing: tuple[Descriptor, ...]
    contents: Mapping[Digest, int]
    bundle: bytes | None


class ArchiveChecker:
    """See that an archive is what its digests say, and has all that it should.

    Args:
        clock: Lets others have their turn.
        blocking: Where hashing and unpacking go.
        limits: How much an archive may have.
        unpacks: Whether layers are unpacked too, and compared with what the configs say
            of them. That takes much longer.
        progress: Is told how many bytes came, each time.
    """

    def __init__(
        self,
        clock: IReactorTime,
        blocking: Blocking,
        *,
        limits: ArchiveLimits = LIMITS,
        unpacks: bool = True,
        progress: Callable[[int], None] = lambda size: None,  # noqa: ARG005 - nobody hears
    ) -> None:
        self._clock = clock
        self._blocking = blocking
        self._limits = limits
        self._unpacks = unpacks
        self._progress = progress

    async def check(self, source: IReader) -> Checked:
        """Read an archive to its end.

        Args:
            source: Gives the archive; it is closed.

        Raises:
            ArchiveRefused: something about it is wrong.
            Exception: whatever the source raises.
        """
        hashing = _Hashing(self._blocking, self._limits, unpacks=self._unpacks)
        reading = Reading(
            self._clock, hashing, self._blocking, self._limits, unpacks=self._unpacks
        )
        reader = UnpackingReader(
            source, self._blocking, self._limits.size, self._progress
        )
        try:
            images = await reading.run(reader)
        finally:
            await reader.close()
        missing: dict[Digest, Descriptor] = {}
        seen: set[Digest] = set()
        for image in images:
            async for part in reading.contents.walk(image.descriptor, seen):
                missing.update({each.digest: each for each in part.missing})
        contents = {
            digest: staged.found.size
            for digest, staged in reading.contents.blobs.items()
        }
        return Checked(images, tuple(missing.values()), contents, reading.bundle)


class _Hashing:
    """Hash content, and keep of it only what may be a document."""

    def __init__(
        self, blocking: Blocking, limits: ArchiveLimits, *, unpacks: bool
    ) -> None:
        self._blocking = blocking
        self._limits = limits
        self._unpacks = unpacks
        self._documents: dict[Digest, bytes] = {}
        self._held = 0
        self._is_full = False

    async def add(
        self, reader: IReader, size: int, algorithm: str = CANONICAL
    ) -> Staged:
        """See `Keeping`."""
        sums = ContentSums(self._limits.unpacked, algorithm, unpacks=self._unpacks)
        kept: list[bytes] | None = [] if size <= self._limits.document else None
        first = True
        while pieces := await read_pieces(reader, _READ, _READ):
            if first and not pieces[0].startswith(_OBJECT):
                kept = None
            first = False
            await self._blocking(_update, sums, pieces)
            if kept is not None:
                kept += pieces
        found = await self._blocking(sums.finish)
        if kept is not None:
            self._keep(found.stored, b"".join(kept))
        return Staged(None, found)

    async def read(self, staged: Staged) -> bytes:
        """See `Keeping`.

        Raises:
            ArchiveMalformed: it is no document.
            ArchiveTooLarge: there are too many documents.
        """
        data = self._documents.get(staged.found.stored)
        if data is not None:
            return data
        if self._is_full:
            raise ArchiveTooLarge(
                f"The documents of the archive have more than {_ROOM} bytes."
            )
        raise ArchiveMalformed(
            f"{staged.found.stored} in the archive is not the JSON that it should be."
        )

    def _keep(self, digest: Digest, data: bytes) -> None:
        if digest in self._documents:
            return
        if self._held + len(data) > _ROOM:
            self._is_full = True
            return
        self._held += len(data)
        self._documents[digest] = data


def _update(sums: ContentSums, pieces: list[bytes]) -> None:
    for piece in pieces:
        sums.update(piece)
