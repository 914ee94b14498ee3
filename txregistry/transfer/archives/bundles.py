"""Several images in one archive, with a document that says what there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid, NameInvalid, TagInvalid
from txregistry.model.names import RepositoryName, Tag
from txregistry.transfer.archives.places import BUNDLE
from txregistry.transfer.archives.refusals import ArchiveMalformed, ArchiveUnsupported

_VERSION: Final = 1


class _Image(msgspec.Struct):
    name: str
    digest: str
    tag: str | None = None


class _Document(msgspec.Struct):
    version: int = msgspec.field(name="bundleVersion")
    images: list[_Image]
    blobs: dict[str, int]


_decoder: Final = msgspec.json.Decoder(_Document)


@dataclass(frozen=True, slots=True)
class BundledImage:
    """An image of a bundle.

    Attributes:
        name: Of which repository it was.
        tag: The tag that pointed to it; None where it was asked for by its digest.
        digest: Its digest.
    """

    name: RepositoryName
    tag: Tag | None
    digest: Digest

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.tag is None else self.tagged

    @property
    def tagged(self) -> str:
        """Its name, with its tag."""
        return f"{self.name}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle has.

    Attributes:
        images: The images, in the order in which they were asked for.
        contents: All else that is in it, by digest, with the number of bytes: manifests
            and blobs.
    """

    images: tuple[BundledImage, ...]
    contents: Mapping[Digest, int]

    def encode(self) -> bytes:
        """Write the document."""
        images = [
            _Image(
                str(each.name),
                str(each.digest),
                None if each.tag is None else str(each.tag),
            )
            for each in self.images
        ]
        blobs = {str(digest): size for digest, size in self.contents.items()}
        return msgspec.json.encode(_Document(_VERSION, images, blobs))

    def check(self, found: Mapping[Digest, int]) -> None:
        """See that an archive has what its document says, and nothing else.

        Args:
            found: What it has, with the number of bytes.

        Raises:
            ArchiveMalformed: it has not.
        """
        for digest, size in self.contents.items():
            if found.get(digest) != size:
                raise ArchiveMalformed(
                    f"The archive's {BUNDLE} says that it has {digest} of {size} "
                    "bytes, which it has not."
                )
        for digest in found:
            if digest not in self.contents:
                raise ArchiveMalformed(
                    f"The archive has {digest}, of which its {BUNDLE} says nothing."
                )


def parse_bundle(data: bytes) -> Bundle:
    """Read the document of a bundle.

    Raises:
        ArchiveMalformed: it cannot be read.
        ArchiveUnsupported: it is of a version that is not known.
    """
    try:
        document = _decoder.decode(data)
        if document.version != _VERSION:
            raise ArchiveUnsupported("The bundle is of an unknown version.")
        images = tuple(
            BundledImage(
                RepositoryName.parse(each.name),
                None if each.tag is None else Tag.parse(each.tag),
                Digest.parse(each.digest),
            )
            for each in document.images
        )
        contents = {Digest.parse(text): size for text, size in document.blobs.items()}
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        DigestInvalid,
        NameInvalid,
        TagInvalid,
    ):
        raise ArchiveMalformed(
            f"The {BUNDLE} in the archive is not the JSON that it should be."
        ) from None
    if not images:
        raise ArchiveMalformed("There is no image in the bundle.")
    return Bundle(images, contents)
