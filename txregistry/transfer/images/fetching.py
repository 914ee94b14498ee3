"""Getting an archive, checked on its way."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime

from txregistry.model.descriptors import Descriptor
from txregistry.model.digest import Digest
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.archives.checking import ArchiveChecker, Checked
from txregistry.transfer.archives.documents import read_index
from txregistry.transfer.archives.head import read_head
from txregistry.transfer.archives.places import INDEX
from txregistry.transfer.archives.refusals import (
    ArchiveIncomplete,
    ArchiveRefused,
    ArchiveTruncated,
    ArchiveWrongDigest,
)
from txregistry.transfer.images.descriptors import (
    DescriptorWriter,
    InterruptedReader,
    Interruption,
)
from txregistry.transfer.images.endings import Ending, ending_of
from txregistry.transfer.images.interfaces import Asked, IImageSource
from txregistry.transfer.images.partfiles import PartFile
from txregistry.transfer.images.passing import Joined, Passing, Sink

_READ: Final = 128 * 1024

Hear = Callable[[int, int | None], None]
"""Is told how many bytes came so far, and of how many, where that is known."""


class Fetching:
    """Get archives from a place.

    Args:
        source: The place.
        clock: Lets others have their turn.
        blocking: Where hashing and unpacking go, and files are written.
        interruption: Ends waiting.
        hear: Is told how far it is.
    """

    def __init__(
        self,
        source: IImageSource,
        clock: IReactorTime,
        blocking: Blocking,
        interruption: Interruption,
        hear: Hear,
    ) -> None:
        self._source = source
        self._clock = clock
        self._blocking = blocking
        self._interruption = interruption
        self._hear = hear
        self._came = 0
        self._size: int | None = None

    async def verify(self, asked: Asked) -> Checked:
        """Read an archive to its end, unpack what is packed in it, and keep nothing.

        Raises:
            ArchiveRefused: something about it is wrong.
        """
        opened = await self._source.open(asked)
        self._size = opened.size
        reader = InterruptedReader(opened.reader, self._interruption)
        return await self._check(asked, reader, unpacks=True)

    async def pass_on(self, asked: Asked, sink: Sink) -> Checked:
        """Write an archive; who gets it sees no end unless all is well.

        Raises:
            ArchiveRefused: something about it is wrong.
        """
        opened = await self._source.open(asked)
        self._size = opened.size
        passing = Passing(InterruptedReader(opened.reader, self._interruption), sink)
        checked = await self._check(asked, passing)
        await passing.finish()
        return checked

    async def pass_rest(self, asked: Asked, sink: Sink, start: int) -> None:
        """Write what follows an offset of an archive: who has the rest checks it."""
        opened = await self._source.open(asked, start)
        reader = InterruptedReader(opened.reader, self._interruption)
        try:
            while data := await reader.read(_READ):
                await sink.write(data)
        finally:
            await reader.close()

    async def fetch(self, asked: Asked, path: str, *, resume: bool) -> Checked:
        """Write an archive to a file, which has its name only when all is well.

        Args:
            asked: What it is to have.
            path: The file.
            resume: Whether to go on where it broke off before.

        Raises:
            ArchiveRefused: something about it is wrong.
        """
        part = await self._blocking(PartFile, path, resume=resume)
        writer = DescriptorWriter(part.descriptor, self._blocking, self._interruption)
        try:
            expected = await self._find_digest(part)
            if expected is None and part.size:
                await self._blocking(part.cut, 0)
            opened = await self._source.open(asked, part.size, expected)
        except BaseException:
            await writer.close()
            raise
        self._size = opened.size
        came = InterruptedReader(opened.reader, self._interruption)
        passing = Passing(came, writer)
        try:
            held = InterruptedReader(part.open(self._blocking), self._interruption)
            checked = await self._check(asked, Joined(held, passing))
            self._interruption.check()
            await passing.finish()
            await self._blocking(part.publish)
        except Exception as error:
            ending, _ = ending_of(error)
            if ending is Ending.DAMAGED and not isinstance(error, ArchiveTruncated):
                await self._blocking(part.remove)  # it is of no use
            else:
                with suppress(OSError, CancelledError):
                    await passing.finish()  # what came is checked once more
            raise
        else:
            return checked
        finally:
            await writer.close()

    async def _find_digest(self, part: PartFile) -> Digest | None:
        """Find of what image a part is; None where nothing of it says that."""
        if not part.size:
            return None
        reader = part.open(self._blocking)
        head = await read_head(reader, {INDEX}, self._clock, self._blocking)
        try:
            images = read_index(head.get(INDEX, b""))
        except ArchiveRefused:
            return None
        return images[0].digest if len(images) == 1 else None

    async def _check(
        self, asked: Asked, reader: IReader, *, unpacks: bool = False
    ) -> Checked:
        checker = ArchiveChecker(
            self._clock, self._blocking, unpacks=unpacks, progress=self._take
        )
        checked = await checker.check(reader)
        see_missing(checked.missing, asked.have)
        digests = [each.descriptor.digest for each in checked.images]
        wanted = asked.reference
        if isinstance(wanted, Digest) and not asked.platforms and digests != [wanted]:
            raise ArchiveWrongDigest(f"The archive is not of {wanted}.")
        return checked

    def _take(self, size: int) -> None:
        self._came += size
        self._hear(self._came, self._size)


def see_missing(missing: tuple[Descriptor, ...], have: frozenset[Digest]) -> None:
    """See that what an archive lacks is at the other end.

    Raises:
        ArchiveIncomplete: something of it is not.
    """
    lacking = [each.digest for each in missing if each.digest not in have]
    if lacking:
        raise ArchiveIncomplete(
            f"The archive lacks {len(lacking)} parts of the image, among them "
            f"{lacking[0]}."
        )
