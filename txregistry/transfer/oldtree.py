"""The files of the Python docker-registry, up to its last release: where they lie.

It is the one module that spells their names. Nothing in a tree is taken at its word:
everything has a limit, and a grammar. A tree is only ever read.

Source: Docker Registry API v1, "Storage layout of the original".
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

import msgspec
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from txregistry.model.checksums import (
    MAX_STORED,
    Checksum,
    parse_stored_checksums,
)
from txregistry.model.errors import (
    ChecksumInvalid,
    ImageIdInvalid,
    ImageInvalid,
    NameInvalid,
    TagInvalid,
)
from txregistry.model.images import MAX_JSON, ImageId, parse_image_json
from txregistry.model.names import RepositoryName, Tag, parse_v1_name
from txregistry.registry.imagetags import TagProperties
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Stat,
    StorageUnavailable,
    TooLarge,
)
from txregistry.streams import IReader
from txregistry.transfer.damage import Damaged, TreeUnavailable
from txregistry.transfer.oldlayer import OldLayerReader

_REPOSITORIES: Final = "repositories/"
_IMAGES: Final = "images/"
_PAGE: Final = 1000
_SMALL: Final = 4096
_MAX_ANCESTRY_FILE: Final = 64 * 1024
_REPOSITORY_QUOTING: Final = 2
"""How often releases from 0.8.1 on quoted a repository, and older ones once."""
_TAG: Final = "tag_"
_PROPERTIES: Final = "_json"

_ids_decoder: Final = msgspec.json.Decoder(list[str])
_properties_decoder: Final = msgspec.json.Decoder(TagProperties)


@dataclass(frozen=True, slots=True)
class OldTag:
    """A tag, and what was kept of the engine that set it."""

    tag: Tag
    image_id: ImageId
    properties: TagProperties


@dataclass(frozen=True, slots=True)
class OldImage:
    """An image that has all its parts; its layer was not looked into.

    Attributes:
        image_id: What it is called.
        json: The document that was pushed, to the byte.
        parent: What it says that it is on top of.
        ancestry: What its file of that name says; None where there is none.
        checksums: What it has to come to; none in the trees of mirrors.
        layer: What is known of the file of its layer.
    """

    image_id: ImageId
    json: bytes
    parent: ImageId | None
    ancestry: tuple[ImageId, ...] | None
    checksums: tuple[Checksum, ...]
    layer: Stat


class OldTree:
    """Read a tree.

    Args:
        source: Where its files are: ``images/`` and ``repositories/`` are at its top.
    """

    def __init__(self, source: IObjectSource) -> None:
        self._source = source

    async def check(self) -> None:
        """See that there is a tree.

        Raises:
            TreeUnavailable: there is none, or it cannot be read.
        """
        try:
            page = await self._source.list(_REPOSITORIES, limit=1, delimiter=True)
        except (StorageUnavailable, NotFound) as fault:
            raise TreeUnavailable(f"The tree cannot be read: {fault}.") from fault
        if not page.names:
            raise TreeUnavailable(
                f"There is nothing below {_REPOSITORIES}: this is no tree of "
                "docker-registry, or not its top."
            )

    async def folders(self) -> AsyncIterator[str]:
        """Give the folders of all repositories, with a ``/`` at the end."""
        async for namespace in self._groups(_REPOSITORIES):
            async for folder in self._groups(namespace):
                yield folder

    async def tags(self, folder: str) -> AsyncIterator[str]:
        """Give the files of a repository that may be tags, as `tag` takes them."""
        async for name in self._names(folder):
            text = name.removeprefix(folder)
            if text.startswith(_TAG):
                yield text

    async def tag(self, folder: str, file: str) -> OldTag | None:
        """Read a tag.

        Returns:
            The tag; None where the file holds properties: those of ``_x`` lie where a
            tag ``x_json`` would.

        Raises:
            Damaged: it is no tag.
        """
        try:
            data = await self._read(f"{folder}{file}", _SMALL)
            image_id = ImageId.parse((data or b"").decode("ascii").strip())
        except (Damaged, ImageIdInvalid, UnicodeDecodeError):
            if file.endswith(_PROPERTIES):
                return None
            raise Damaged("what it holds is no image id") from None
        text = file.removeprefix(_TAG)
        try:
            tag = Tag.parse(unquote_plus(text))
        except TagInvalid:
            raise Damaged("its name is none that a tag can have here") from None
        return OldTag(tag, image_id, await self._properties(folder, text))

    async def is_private(self, folder: str) -> bool:
        """Say whether a repository is private.

        Raises:
            Damaged: that cannot be found out.
        """
        return await self._stat(f"{folder}_private") is not None

    async def image_ids(self) -> AsyncIterator[ImageId]:
        """Give all ids under which something lies, whatever it is."""
        async for folder in self._groups(_IMAGES):
            try:
                yield ImageId.parse(folder.removeprefix(_IMAGES).rstrip("/"))
            except ImageIdInvalid:
                continue  # somebody else's folder

    async def has_image(self, image_id: ImageId) -> bool:
        """Say whether the tree knows of an image.

        Raises:
            Damaged: that cannot be found out.
        """
        return await self._stat(_file(image_id, "json")) is not None

    async def is_unfinished(self, image_id: ImageId) -> bool:
        """Say whether an image's upload never ended.

        Raises:
            Damaged: that cannot be found out.
        """
        return await self._stat(_file(image_id, "_inprogress")) is not None

    async def image(self, image_id: ImageId) -> OldImage:
        """Read all of an image but its layer.

        Raises:
            Damaged: it is incomplete, or one of its parts is none.
        """
        json, ancestry, checksums, mark = await self._read_all(
            [
                (_file(image_id, "json"), MAX_JSON),
                (_file(image_id, "ancestry"), _MAX_ANCESTRY_FILE),
                (_file(image_id, "_checksum"), MAX_STORED),
                (_file(image_id, "_inprogress"), _SMALL),
            ]
        )
        if mark is not None:
            raise Damaged("its upload never ended")
        layer = await self._stat(_file(image_id, "layer"))
        if json is None:
            raise Damaged("it is not there" if layer is None else "it has no JSON")
        try:
            document = parse_image_json(json, image_id)
        except ImageInvalid as error:
            raise Damaged(f"its JSON cannot be taken: {error.message}") from None
        if layer is None:
            raise Damaged("it has no layer")
        if not layer.size:
            raise Damaged("its layer is empty")
        return OldImage(
            image_id,
            json,
            document.parent,
            None if ancestry is None else _parse_ancestry(ancestry),
            () if checksums is None else _parse_checksums(checksums),
            layer,
        )

    def open_layer(self, image: OldImage, passing: Callable[[int], None]) -> IReader:
        """Read an image's layer, which the caller closes.

        Args:
            image: The image.
            passing: Called with the number of bytes of each piece.
        """
        key = Key(_file(image.image_id, "layer"))
        return OldLayerReader(self._source, key, image.layer, self.blame, passing)

    async def blame(self, fault: StorageUnavailable) -> Damaged:
        """Say what a failure of the source means: one file's, if others can be read.

        Raises:
            TreeUnavailable: nothing can be read any more.
        """
        await self.check()
        return Damaged(f"it cannot be read: {fault}")

    async def _properties(self, folder: str, text: str) -> TagProperties:
        """Give what is known of a tag; what cannot be read is as good as nothing."""
        files = [f"{folder}tag{text}{_PROPERTIES}"]
        if text == "latest":
            files.append(f"{folder}json")  # as the first releases called it
        for file in files:
            try:
                data = await self._read(file, _SMALL)
                if data is not None:
                    return _properties_decoder.decode(data)
            except (Damaged, msgspec.DecodeError):
                continue
        return TagProperties()

    async def _read_all(
        self, wanted: Sequence[tuple[str, int]]
    ) -> Sequence[bytes | None]:
        """Read several files at the same time: a source may be far away."""
        reads = [Deferred.fromCoroutine(self._read(*each)) for each in wanted]
        try:
            return await gatherResults(reads, consumeErrors=True)
        except FirstError as first:
            failed: Failure = first.subFailure
            failed.raiseException()

    async def _read(self, name: str, limit: int) -> bytes | None:
        """Read a small file; None where there is none.

        Raises:
            Damaged: it is too large, or cannot be read.
        """
        try:
            return await self._source.get(Key(name), limit)
        except NotFound:
            return None
        except TooLarge:
            raise Damaged(f"{name} is too large") from None
        except StorageUnavailable as fault:
            raise await self.blame(fault) from None

    async def _stat(self, name: str) -> Stat | None:
        """Look at a file; None where there is none.

        Raises:
            Damaged: it cannot be looked at.
        """
        try:
            return await self._source.stat(Key(name))
        except NotFound:
            return None
        except StorageUnavailable as fault:
            raise await self.blame(fault) from None

    async def _groups(self, prefix: str) -> AsyncIterator[str]:
        async for name in self._names(prefix):
            if name.endswith("/"):
                yield name

    async def _names(self, prefix: str) -> AsyncIterator[str]:
        after, more = "", True
        while more:
            try:
                page = await self._source.list(
                    prefix, after=after, limit=_PAGE, delimiter=True
                )
            except NotFound:
                return
            except StorageUnavailable as fault:
                raise TreeUnavailable(f"The tree cannot be read: {fault}.") from fault
            for name in page.names:
                yield name
            after, more = (page.names or [""])[-1], page.more


def parse_folder(folder: str) -> tuple[RepositoryName, int]:
    """Say which repository a folder is of.

    Returns:
        Its name, and how often that was quoted: more often by newer releases.

    Raises:
        NameInvalid: it is none that a repository can have here.
    """
    namespace, _, repository = folder.removeprefix(_REPOSITORIES).partition("/")
    plain, times = _unquote(repository.rstrip("/"), _REPOSITORY_QUOTING)
    if not plain:
        raise NameInvalid("A repository has a name.")
    return parse_v1_name(f"{_unquote(namespace, 1)[0]}/{plain}"), times


def _unquote(text: str, most: int) -> tuple[str, int]:
    """Unquote a name until nothing changes any more; say how often that was."""
    for times in range(most):
        plain = unquote_plus(text)
        if plain == text:
            return text, times
        text = plain
    return text, most


def _file(image_id: ImageId, name: str) -> str:
    return f"{_IMAGES}{image_id}/{name}"


def _parse_ancestry(data: bytes) -> tuple[ImageId, ...]:
    try:
        return tuple(map(ImageId.parse, _ids_decoder.decode(data)))
    except (msgspec.DecodeError, UnicodeDecodeError, ImageIdInvalid):
        raise Damaged("its ancestry is no list of image ids") from None


def _parse_checksums(data: bytes) -> tuple[Checksum, ...]:
    try:
        return parse_stored_checksums(data)
    except ChecksumInvalid:
        raise Damaged("its checksums are none that can be verified") from None
