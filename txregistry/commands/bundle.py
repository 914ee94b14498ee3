"""``txregistry bundle``: several images as one file, to be carried by hand."""

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
    read_list,
)
from txregistry.registry.mirror.platforms import Platforms
from txregistry.transfer.archives.writing import Wanted
from txregistry.transfer.images.bundling import Bundling
from txregistry.transfer.images.endings import Ending, TransferFailed
from txregistry.transfer.images.originsource import OriginSource
from txregistry.transfer.images.partfiles import find_place


class BundleImages(ImageOptions):
    """``bundle``: write several images into one file."""

    program = "txregistry bundle"
    synopsis = "Usage: txregistry bundle SOURCE FILE [NAME[:TAG|@DIGEST]...] [options]"
    longdesc = (
        f"SOURCE {PLACES} But a bundle is not made of what is behind SSH. FILE is an "
        "archive with all the images, what they share once, and bundle.json, which "
        "says what there is, with digests and sizes; all of it is checked on the way. "
        "txregistry import takes it in; registryput and docker load can read it too. "
        + ENDINGS
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["list", "l", None, "A file (or -) with a name in each line, besides."],
        *ImageOptions.optParameters,
    ]

    source: ImagePlace
    wanted: list[Wanted]
    platforms: Platforms

    def __init__(self) -> None:
        super().__init__()
        self._platforms: list[str] = []

    def opt_platform(self, text: str) -> None:
        """Only this of what is for several, as linux/amd64; may be repeated."""
        self._platforms.append(text)

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, source: str, path: str, *names: str
    ) -> None:
        """Take what is wanted, from where, and where it goes."""
        self["source"], self["file"], self["names"] = source, path, names

    def postOptions(self) -> None:
        """See that it can be done."""
        self.source = self.place("SOURCE", self["source"])
        if self["file"] == "-":
            raise usage.UsageError("FILE: a bundle is written to a file only.")
        try:
            self["file"] = find_place(self["file"])
        except ValueError as error:
            raise usage.UsageError(f"FILE: {error}.") from error
        names = [*self["names"]]
        if self["list"] is not None:
            names += read_list(self["list"])
        if not names:
            raise usage.UsageError("No image is named; give names, or --list.")
        self.wanted = [Wanted(*read_image(each)) for each in dict.fromkeys(names)]
        try:
            self.platforms = Platforms(self._platforms)
        except ValueError as error:
            raise usage.UsageError(f"--platform: {error}") from error

    def run(self) -> None:
        """Write the bundle.

        Raises:
            SystemExit: at the end.
        """
        self.move(self._work)

    async def _work(self, work: Work) -> None:
        source = self.source.open_source(work)
        line = TransferLine("bundling", work.reactor)
        try:
            if not isinstance(source, OriginSource):
                raise TransferFailed(
                    Ending.USAGE, "A bundle is not made of what is behind SSH."
                )
            bundling = Bundling(
                work.reactor, work.blocking, work.interruption, line.show
            )
            plan = await source.plan_bundle(self.wanted, self.platforms)
            bundle = await bundling.write(plan, self["file"])
        finally:
            line.clear()
            await source.close()
        told = "".join(f"{each.digest} {each}\n" for each in bundle.images)
        sys.stdout.write(told)
