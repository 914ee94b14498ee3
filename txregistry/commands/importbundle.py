"""``txregistry import``: take the images of a bundle in."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from twisted.python import usage

from txregistry.assembly.imageplaces import ImagePlace, Work
from txregistry.commands.imageoptions import (
    ENDINGS,
    PLACES,
    ImageOptions,
    TransferLine,
)
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.transfer.archives.bundles import BundledImage
from txregistry.transfer.images.bundling import Bundling
from txregistry.transfer.images.interfaces import Placement


class ImportBundle(ImageOptions):
    """``import``: read a bundle, and set the tags that it has."""

    program = "txregistry import"
    synopsis = "Usage: txregistry import FILE TARGET [options]"
    longdesc = (
        f"FILE is what txregistry bundle wrote. TARGET {PLACES} "
        "All of the file is checked, also that it has what it says and nothing else, "
        "before any of its images can be seen; tags are set last. " + ENDINGS
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["prefix", "p", "", "How names begin at TARGET, before what they are."],
        *ImageOptions.optParameters,
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["verify", None, "Check the bundle, and change nothing."],
    ]

    target: ImagePlace

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, path: str, target: str
    ) -> None:
        """Take what is taken in, and where."""
        self["file"], self["target"] = path, target

    def postOptions(self) -> None:
        """See that it can be done."""
        self.target = self.place("TARGET", self["target"])
        prefix = self["prefix"]
        try:
            if prefix:
                RepositoryName.parse(prefix)
        except NameInvalid as error:
            raise usage.UsageError(f"--prefix: {error.message}") from error

    def run(self) -> None:
        """Import.

        Raises:
            SystemExit: at the end.
        """
        self.move(self._work)

    async def _work(self, work: Work) -> None:
        line = TransferLine("importing", work.reactor)
        bundling = Bundling(work.reactor, work.blocking, work.interruption, line.show)
        path = self["file"]
        try:
            bundle = await bundling.read(path)
            images = [self._renamed(each) for each in bundle.images]
            await bundling.verify(path, bundle)
            if not self["verify"]:
                await self._import(bundling, images, work)
        finally:
            line.clear()
        sys.stdout.write("".join(f"{each.digest} {each}\n" for each in images))

    async def _import(
        self, bundling: Bundling, images: Sequence[BundledImage], work: Work
    ) -> None:
        target = self.target.open_target(work)
        placements = [
            Placement(
                each.name, () if each.tag is None else (each.tag,), str(each.digest)
            )
            for each in images
        ]
        try:
            await target.receive(await bundling.open(self["file"]), placements)
        finally:
            await target.close()

    def _renamed(self, image: BundledImage) -> BundledImage:
        if not self["prefix"]:
            return image
        name = RepositoryName.parse(f"{self['prefix']}/{image.name}")
        return replace(image, name=name)
