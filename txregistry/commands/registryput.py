"""``registryput``: take an image out of an archive, to wherever it is to be."""

import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from twisted.python import usage

from txregistry.assembly.imageplaces import ImagePlace, Work
from txregistry.commands.imageoptions import (
    ENDINGS,
    PLACES,
    ImageOptions,
    TransferLine,
    read_image,
    run,
)
from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.streams import IReader
from txregistry.transfer.archives.checking import ArchiveChecker
from txregistry.transfer.images.counting import Counted
from txregistry.transfer.images.descriptors import DescriptorReader
from txregistry.transfer.images.fetching import see_missing
from txregistry.transfer.images.interfaces import IImageTarget, Placement


class RegistryPut(ImageOptions):
    """``registryput``: read an archive, as engines and tools save it."""

    program = "registryput"
    synopsis = "Usage: registryput TARGET NAME:TAG [options] < image.tar"
    longdesc = (
        f"TARGET {PLACES} "
        "Read are archives of docker save, podman save, skopeo (docker-archive: and "
        "oci-archive:), ctr images export and registryget; packed or not. All of it is "
        "checked before anything of it can be seen, and the tag is set last. Said is "
        "the digest that the tag points to then. " + ENDINGS
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["input", "i", None, "The file to read, in place of what is piped in."],
        ["image", None, None, "Which image, where the archive has several."],
        *ImageOptions.optParameters,
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["resume", "r", "Keep what came whole, and send nothing that is there."],
        ["verify", None, "Check the archive, and change nothing."],
        ["held", None, "Say what the repository has: for --layers-have."],
    ]

    target: ImagePlace
    name: RepositoryName
    reference: Reference

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, target: str, name: str
    ) -> None:
        """Take what it is to be called, and where."""
        self["target"], self["name"] = target, name

    def postOptions(self) -> None:
        """See that it can be done."""
        self.target = self.place("TARGET", self["target"])
        self.name, self.reference = read_image(self["name"])
        if self["held"]:
            return
        if not isinstance(self.reference, Tag) or ":" not in self["name"]:
            raise usage.UsageError("NAME: it must be NAME:TAG, as in team/app:1.2.")
        if self["input"] is None and os.isatty(0):
            raise usage.UsageError(
                "No archive comes from a terminal; give --input FILE, or pipe it in."
            )

    def run(self) -> None:
        """Put the image.

        Raises:
            SystemExit: at the end.
        """
        self.move(self._work)

    async def _work(self, work: Work) -> None:
        if self["verify"]:
            await self._verify(work)
            return
        target = self.target.open_target(work)
        try:
            if self["held"]:
                digests = await target.held(self.name)
            else:
                digests = await self._put(target, work)
            sys.stdout.write("".join(f"{each}\n" for each in digests))
        finally:
            await target.close()

    async def _put(self, target: IImageTarget, work: Work) -> Sequence[Digest]:
        line = TransferLine("putting", work.reactor)
        try:
            placement = Placement(self.name, self._tags(), self["image"])
            digests: Sequence[Digest] = await target.receive(
                self._open(work, line), [placement], resume=bool(self["resume"])
            )
            return digests
        finally:
            line.clear()

    async def _verify(self, work: Work) -> None:
        line = TransferLine("checking", work.reactor)
        try:
            checker = ArchiveChecker(work.reactor, work.blocking)
            checked = await checker.check(self._open(work, line))
        finally:
            line.clear()
        if checked.missing:
            target = self.target.open_target(work)
            try:
                there = frozenset(await target.held(self.name))
            finally:
                await target.close()
            see_missing(checked.missing, there)
        for image in checked.images:
            said = " ".join([str(image.descriptor.digest), *image.names])
            sys.stdout.write(f"{said}\n")

    def _tags(self) -> tuple[Tag, ...]:
        return (self.reference,) if isinstance(self.reference, Tag) else ()

    def _open(self, work: Work, line: TransferLine) -> IReader:
        path, descriptor, size = self["input"], 0, None
        if path is not None:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            size = os.fstat(descriptor).st_size
        reader = DescriptorReader(
            descriptor, work.blocking, work.interruption, is_ours=path is not None
        )
        return Counted(reader, lambda came: line.show(came, size))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it."""
    run(RegistryPut(), arguments)
