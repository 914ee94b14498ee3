"""Bundles as files: written, read and checked."""

import os

from twisted.internet.interfaces import IReactorTime

from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.archives.bundles import Bundle, parse_bundle
from txregistry.transfer.archives.checking import ArchiveChecker, Checked
from txregistry.transfer.archives.head import read_head
from txregistry.transfer.archives.places import BUNDLE
from txregistry.transfer.archives.refusals import ArchiveMalformed
from txregistry.transfer.archives.writing import ArchivePlan
from txregistry.transfer.images.counting import Counted
from txregistry.transfer.images.descriptors import (
    DescriptorReader,
    DescriptorWriter,
    InterruptedReader,
    Interruption,
)
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.fetching import Hear, see_missing
from txregistry.transfer.images.partfiles import PartFile
from txregistry.transfer.images.passing import Passing


class Bundling:
    """Write and read bundles.

    Args:
        clock: Lets others have their turn.
        blocking: Where hashing goes, and files are written.
        interruption: Ends waiting.
        hear: Is told how far it is.
    """

    def __init__(
        self,
        clock: IReactorTime,
        blocking: Blocking,
        interruption: Interruption,
        hear: Hear,
    ) -> None:
        self._clock = clock
        self._blocking = blocking
        self._interruption = interruption
        self._hear = hear

    async def write(self, plan: ArchivePlan, path: str) -> Bundle:
        """Write a bundle to a file, which has its name only when all is well.

        Raises:
            ArchiveRefused: something of an image is damaged.
        """
        part = await self._blocking(PartFile, path, resume=False)
        writer = DescriptorWriter(part.descriptor, self._blocking, self._interruption)
        done = False
        try:
            source = Counted(plan.open(), lambda came: self._hear(came, plan.size))
            passing = Passing(InterruptedReader(source, self._interruption), writer)
            checked = await self._check(passing, unpacks=False)
            bundle = _bundle_of(checked)
            bundle.check(checked.contents)
            self._interruption.check()
            await passing.finish()
            await self._blocking(part.publish)
            done = True
        finally:
            if not done:
                await self._blocking(part.remove)
            await writer.close()
        return bundle

    async def read(self, path: str) -> Bundle:
        """Read what a file says that it has.

        Raises:
            ArchiveRefused: that cannot be read.
            TransferFailed: it is no bundle.
        """
        head = await read_head(
            await self.open(path), {BUNDLE}, self._clock, self._blocking
        )
        if BUNDLE not in head:
            raise TransferFailed(
                Ending.DAMAGED,
                f"This is no bundle: it has no {BUNDLE} at its head. registryput "
                "reads other archives.",
            )
        return parse_bundle(head[BUNDLE])

    async def verify(self, path: str, bundle: Bundle) -> None:
        """See that a file has what it says, and nothing else, and that it is sound.

        Raises:
            ArchiveRefused: it is not so.
        """
        checked = await self._check(await self.open(path), unpacks=True)
        if _bundle_of(checked) != bundle:
            raise ArchiveMalformed(f"The archive has another {BUNDLE} now.")
        bundle.check(checked.contents)
        see_missing(checked.missing, frozenset())
        digests = {each.descriptor.digest for each in checked.images}
        for image in bundle.images:
            if image.digest not in digests:
                raise ArchiveMalformed(f"The bundle lacks the image {image}.")

    async def open(self, path: str) -> IReader:
        """Open a bundle.

        Raises:
            OSError: it cannot be read.
        """
        descriptor = await self._blocking(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
        size = os.fstat(descriptor).st_size
        reader = DescriptorReader(descriptor, self._blocking, self._interruption)
        return Counted(reader, lambda came: self._hear(came, size))

    async def _check(self, reader: IReader, *, unpacks: bool) -> Checked:
        checker = ArchiveChecker(self._clock, self._blocking, unpacks=unpacks)
        return await checker.check(reader)


def _bundle_of(checked: Checked) -> Bundle:
    if checked.bundle is None:
        raise ArchiveMalformed(f"The archive has no {BUNDLE}.")
    return parse_bundle(checked.bundle)
