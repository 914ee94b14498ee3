"""``registryget``: an image as an archive, from wherever it is."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import msgspec
from twisted.python import usage

from txregistry.assembly.imageplaces import ImagePlace, Work
from txregistry.commands.imageoptions import (
    ENDINGS,
    PLACES,
    ImageOptions,
    TransferLine,
    read_digests,
    read_given,
    read_image,
    run,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.registry.mirror.platforms import Platforms
from txregistry.transfer.archives.checking import Checked
from txregistry.transfer.images.descriptors import DescriptorWriter
from txregistry.transfer.images.endings import Ending, TransferFailed, ending_of
from txregistry.transfer.images.fetching import Fetching
from txregistry.transfer.images.interfaces import Asked, IImageSource
from txregistry.transfer.images.originsource import OriginSource
from txregistry.transfer.images.partfiles import SUFFIX, find_place, has_content

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_RESUMABLE: Final = frozenset({Ending.UNREACHABLE, Ending.NO_ROOM, Ending.INTERRUPTED})
"""How a transfer ends that can be gone on with."""
_DIGEST: Final = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}(?:,|$)", re.ASCII)


class RegistryGet(ImageOptions):
    """``registryget``: write an archive that engines and tools load."""

    program = "registryget"
    synopsis = "Usage: registryget SOURCE NAME[:TAG|@DIGEST] [options] > image.tar"
    longdesc = (
        f"SOURCE {PLACES} "
        "What is written is an archive for docker load, podman load and skopeo "
        "(docker-archive: and oci-archive:). Every digest and size in it is checked on "
        "the way; the end of a damaged one is never written. " + ENDINGS
    )
    optParameters: ClassVar[Sequence[Sequence[Any]]] = [
        ["output", "o", None, "The file to write, once all of it is there."],
        ["layers-have", None, None, "A file (or -) of digests to leave out."],
        ["offset", None, "0", "Only what follows so many bytes; for use over SSH."],
        ["identity", None, None, "But only of this archive; for use over SSH."],
        *ImageOptions.optParameters,
    ]
    optFlags: ClassVar[Sequence[Sequence[Any]]] = [
        ["resume", "r", "Go on with what --output left when it was cut off."],
        ["verify", None, "Check all, unpack the layers too, and write nothing."],
        ["plan", None, "Say what the archive would be, as JSON."],
    ]

    source: ImagePlace
    asked: Asked

    def __init__(self) -> None:
        super().__init__()
        self._platforms: list[str] = []

    def opt_platform(self, text: str) -> None:
        """Only this of what is for several, as linux/amd64; may be repeated."""
        self._platforms.append(text)

    def parseArgs(  # type: ignore[override]  # noqa: N802 - Twisted's way to say how many
        self, source: str, name: str
    ) -> None:
        """Take what is wanted, and from where."""
        self["source"], self["name"] = source, name

    def postOptions(self) -> None:
        """See that it can be done."""
        self.source = self.place("SOURCE", self["source"])
        name, reference = read_image(self["name"])
        try:
            platforms = Platforms(self._platforms).texts
        except ValueError as error:
            raise usage.UsageError(f"--platform: {error}") from error
        self.asked = Asked(name, reference, tuple(platforms), self._have())
        if _NUMBER.fullmatch(self["offset"]) is None:
            raise usage.UsageError("--offset: it must be a number of bytes.")
        silent = self["verify"] or self["plan"]
        if self["resume"] and (silent or self["output"] is None):
            raise usage.UsageError("--resume: it goes on with a file of --output.")
        if silent and self["output"] is not None:
            raise usage.UsageError("--output: --verify and --plan write no archive.")
        if self["output"] is not None:
            self["output"] = self._place(self["output"])
        elif not silent and os.isatty(1):
            raise usage.UsageError(
                "An archive is nothing for a terminal; give --output FILE, or pipe it."
            )

    @staticmethod
    def _place(path: str) -> str:
        """See that a file can be written there, before anything is fetched."""
        if path == "-":
            raise usage.UsageError(
                "--output: it must be a file; leave it out for what can be piped."
            )
        try:
            return find_place(path)
        except ValueError as error:
            raise usage.UsageError(f"--output: {error}.") from error

    def _have(self) -> frozenset[Digest]:
        text = self["layers-have"]
        if text is None:
            return frozenset()
        if _DIGEST.match(text):
            return read_digests(text)
        try:
            return read_digests(read_given(text).decode())
        except (OSError, UnicodeDecodeError) as error:
            raise usage.UsageError(f"--layers-have: {error}.") from error

    def run(self) -> None:
        """Get the image.

        Raises:
            SystemExit: at the end.
        """
        self.move(self._work)

    async def _work(self, work: Work) -> None:
        source = self.source.open_source(work)
        line = TransferLine("getting", work.reactor)
        fetching = Fetching(
            source, work.reactor, work.blocking, work.interruption, line.show
        )
        try:
            await self._get(fetching, source, work)
        finally:
            line.clear()
            await source.close()

    async def _get(self, fetching: Fetching, source: IImageSource, work: Work) -> None:
        if self["plan"] or self["identity"] is not None:
            await self._plan(source)
        if self["plan"]:
            return
        if self["verify"]:
            _say(await fetching.verify(self.asked))
        elif self["output"] is not None:
            await self._fetch(fetching)
        else:
            start, out = (
                int(self["offset"]),
                DescriptorWriter(1, work.blocking, work.interruption, is_ours=False),
            )
            if start:
                await fetching.pass_rest(self.asked, out, start)
            else:
                await fetching.pass_on(self.asked, out)

    async def _fetch(self, fetching: Fetching) -> None:
        path = self["output"]
        try:
            await fetching.fetch(self.asked, path, resume=bool(self["resume"]))
        except BaseException as error:
            part = path + SUFFIX
            ending, message = ending_of(error)
            if ending in _RESUMABLE and has_content(part):
                raise TransferFailed(
                    ending, f"{message} {part} stays, for --resume."
                ) from error
            raise

    async def _plan(self, source: IImageSource) -> None:
        """Say what the archive would be, or see that it is the one that is meant.

        Raises:
            TransferFailed: it is another, or the source cannot say.
        """
        if not isinstance(source, OriginSource):
            raise TransferFailed(Ending.USAGE, "--plan: not of what is behind SSH.")
        plan = await source.plan(self.asked)
        if self["plan"]:
            document = {
                "digest": str(plan.digests[0]),
                "size": plan.size,
                "identity": str(plan.identity),
                "blobs": {str(each): size for each, size in plan.blobs.items()},
            }
            sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
            return
        try:
            wanted = Digest.parse(self["identity"])
        except DigestInvalid as error:
            raise usage.UsageError(f"--identity: {error.message}") from error
        if plan.identity != wanted:
            raise TransferFailed(
                Ending.NOT_FOUND, "The archive is another one by now; begin anew."
            )


def _say(checked: Checked) -> None:
    for image in checked.images:
        sys.stdout.write(f"{image.descriptor.digest}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it."""
    run(RegistryGet(), arguments)
