"""What registries of version 1 answer, read without any trust.

Source: Docker Registry API v1, "Images", "Tags" and "The index API".
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.interfaces import FetchedImage, UpstreamWrong
from txregistry.model.checksums import Checksum, parse_checksum
from txregistry.model.errors import (
    ChecksumInvalid,
    ImageIdInvalid,
    ImageInvalid,
    TagInvalid,
)
from txregistry.model.images import MAX_ANCESTRY, ImageId, parse_image_json
from txregistry.model.names import Tag
from txregistry.tasks import Blocking

T = TypeVar("T")

_SMALL: Final = 64 * 1024
"""Bytes that are looked through here and now."""
_CHECKSUMS: Final = 4096
"""Checksums that are kept of one list: since Docker 0.8 no list has any."""
_SUMS: Final = 8
"""Checksums of one image."""
_SIZE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_SUM_FIELDS: Final = (
    "x-docker-checksum-payload",
    "x-docker-payload-checksum",
    "x-docker-checksum",
)


class _Listed(msgspec.Struct):
    """An image in an Index's list."""

    id: str
    checksum: str | None = None


class Documents1:
    """Understand the documents of an upstream.

    Args:
        name: What it is called.
        blocking: Where work goes that takes its time.

    Attributes:
        largest: Bytes of the largest, a list.
    """

    largest = 4 * 1024 * 1024

    def __init__(self, name: str, blocking: Blocking) -> None:
        self._name = name
        self._blocking = blocking

    async def checksums(self, data: bytes) -> Mapping[ImageId, Checksum]:
        """Read those of an Index's list of images."""
        return await self._do(self._read_checksums, data)

    async def tag_ids(self, data: bytes) -> Mapping[Tag, ImageId]:
        """Read a list of tags; what can be none here is left out."""
        return await self._do(self._read_tags, data)

    def tag(self, data: bytes) -> ImageId:
        """Read which image a tag names."""
        return self._id(self._decode(data, str))

    def ancestry(self, data: bytes, image_id: ImageId) -> tuple[ImageId, ...]:
        """Read what an image is built on."""
        found = tuple(self._id(each) for each in self._decode(data, list[str]))
        if found[:1] != (image_id,):
            raise UpstreamWrong(self._name, "gives the ancestry of another image")
        if len(found) > MAX_ANCESTRY or len(set(found)) != len(found):
            raise UpstreamWrong(self._name, "gives an ancestry that no image can have")
        return found

    async def image(
        self, data: bytes, image_id: ImageId, answer: Answer, listed: Checksum | None
    ) -> FetchedImage:
        """Read the JSON of an image, and what else was said of it.

        Args:
            data: The JSON.
            image_id: The image.
            answer: What it came with.
            listed: What the Index says of its checksum, if it says anything.
        """
        try:
            document = await self._blocking(parse_image_json, data, image_id)
        except ImageInvalid:
            raise UpstreamWrong(
                self._name, "gives something that is not the JSON of this image"
            ) from None
        size = answer.header("x-docker-size").strip()
        return FetchedImage(
            data,
            document.parent,
            int(size) if _SIZE.fullmatch(size) else None,
            _sums(answer) or (() if listed is None else (listed,)),
        )

    async def _do(self, work: Callable[[bytes], T], data: bytes) -> T:
        """Read a document, elsewhere where it is long."""
        if len(data) <= _SMALL:
            return work(data)
        return await self._blocking(work, data)

    def _read_checksums(self, data: bytes) -> Mapping[ImageId, Checksum]:
        found: dict[ImageId, Checksum] = {}
        for listed in self._decode(data, list[_Listed]):
            if listed.checksum and len(found) < _CHECKSUMS:
                try:
                    image_id = ImageId.parse(listed.id)
                    found[image_id] = parse_checksum(listed.checksum)
                except (ImageIdInvalid, ChecksumInvalid):
                    continue
        return found

    def _read_tags(self, data: bytes) -> Mapping[Tag, ImageId]:
        found: dict[Tag, ImageId] = {}
        for text, image_id in self._decode(data, dict[str, str]).items():
            try:
                found[Tag.parse(text)] = ImageId.parse(image_id)
            except (TagInvalid, ImageIdInvalid):
                continue
        return found

    def _id(self, text: str) -> ImageId:
        try:
            return ImageId.parse(text)
        except ImageIdInvalid:
            raise UpstreamWrong(
                self._name, "gives the id of an image that is none"
            ) from None

    def _decode(self, data: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UpstreamWrong(
                self._name, "gives a document that cannot be read"
            ) from None


def _sums(answer: Answer) -> tuple[Checksum, ...]:
    """Read the checksums beside an image, but for those that nobody can check."""
    found: dict[Checksum, None] = {}
    for field in _SUM_FIELDS:
        for text in answer.values(field):
            try:
                found[parse_checksum(text.strip())] = None
            except ChecksumInvalid:
                continue
    return tuple(found)[:_SUMS]
