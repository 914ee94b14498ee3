"""What repositories know of version 1's images: one record for each repository and id.

An id is chosen by who pushes the image and says nothing of its content. So the same id
in another repository is another image, and nobody can read, replace or tag an image of
a repository by guessing its id. The bytes of layers are ordinary blobs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec
from twisted.logger import Logger

from txregistry.model.compression import Compression, Layer
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    ImageExists,
    ImageIdInvalid,
    ImageInvalid,
    ImageUnknown,
    NameInvalid,
)
from txregistry.model.images import MAX_JSON, ImageId
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blobs
from txregistry.registry.collection.sparing import Sparing
from txregistry.registry.manifests import Manifests
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge

_LIMIT: Final = 2 * MAX_JSON
"""Bytes of a record: its JSON grows by a third, and the rest is small."""
_CHAIN_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of JSON of an image and all below it: engines write one or two KiB each."""
_SEARCHED: Final = 1000


@dataclass(frozen=True, slots=True)
class Image:
    """An image of version 1, complete.

    Attributes:
        image_id: What it is called.
        json: The document that was pushed, to the byte: checksums cover it.
        layer: Its layer.
        ancestry: Itself, its parent, and so on; the base last.
        checksums: Those that were verified when it was pushed.
        manifest: What it was derived from, where nobody pushed it: it is there as long
            as that is.
    """

    image_id: ImageId
    json: bytes
    layer: Layer
    ancestry: tuple[ImageId, ...]
    checksums: tuple[str, ...] = ()
    manifest: Digest | None = None


class _Record(msgspec.Struct, omit_defaults=True):
    json: bytes
    layer: str
    size: int
    diff_id: str
    compression: Compression
    ancestry: list[str]
    checksums: list[str] = []
    manifest: str | None = None


_decoder: Final = msgspec.json.Decoder(_Record)


class Images:
    """The images of version 1 in all repositories.

    Args:
        store: Where they are.
        blobs: Their layers.
        manifests: What some of them were made from.
        sparing: Saves from collection what is said to be there; None where nobody
            relies on it.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        manifests: Manifests,
        sparing: Sparing | None = None,
    ) -> None:
        self._store = store
        self._sparing = sparing
        self._blobs = blobs
        self._manifests = manifests

    async def find(self, name: RepositoryName, image_id: ImageId) -> Image:
        """Give an image that is complete.

        Raises:
            ImageUnknown: the repository has none of this id.
        """
        if self._sparing is not None:
            await self._sparing.image(name, image_id)
        image = await self._read(keys.image_record(name, image_id), image_id)
        if image is None or not await self._blobs.holds(name, image.layer.digest):
            raise ImageUnknown
        source = image.manifest
        if source is not None and not await self._manifests.holds(name, source):
            raise ImageUnknown
        return image

    async def record(self, name: RepositoryName, image_id: ImageId) -> Image | None:
        """Give what is written down of an image, whether it is complete or not."""
        return await self._read(keys.image_record(name, image_id), image_id)

    async def holds(self, name: RepositoryName, image_id: ImageId) -> bool:
        """Say whether a repository has an image."""
        try:
            await self.find(name, image_id)
        except ImageUnknown:
            return False
        return True

    async def chain(self, name: RepositoryName, image_id: ImageId) -> list[Image]:
        """Give an image and all below it, the base first.

        Raises:
            ImageUnknown: one of them is not there, or is not what was built on: that
                was deleted, and its id given to an image with other parents.
            ImageInvalid: their JSON is larger than that of any image.
        """
        top = await self.find(name, image_id)
        chain = [top]
        room = _CHAIN_LIMIT - len(top.json)
        for place, each in enumerate(top.ancestry[1:], 1):
            chain.append(await self.find(name, each))
            if chain[-1].ancestry != top.ancestry[place:]:
                raise ImageUnknown
            room -= len(chain[-1].json)
            if room < 0:
                raise ImageInvalid("The JSON of this image's ancestors is too large")
        return chain[::-1]

    async def publish(self, name: RepositoryName, image: Image) -> None:
        """Let a repository have an image, whose layer it holds already.

        Raises:
            ImageExists: it has another one of this id.
        """
        key = keys.image_record(name, image.image_id)
        data = _encode(image)
        if await self._store.put(key, data, if_absent=True):
            return
        try:
            found = await self.find(name, image.image_id)
        except ImageUnknown:  # a record without its layer, or made from what is gone
            await self._store.put(key, data)
            return
        if (found.json, found.layer.diff_id, found.ancestry) != (
            image.json,
            image.layer.diff_id,
            image.ancestry,
        ):
            raise ImageExists

    async def replace(self, name: RepositoryName, image: Image) -> None:
        """Let a repository have an image in place of one that is not what it says."""
        await self._store.put(keys.image_record(name, image.image_id), _encode(image))

    async def repositories(self, image_id: ImageId) -> list[RepositoryName]:
        """Find repositories that have, or had, an image of an id."""
        prefix = keys.images(image_id)
        page = await self._store.list(prefix, limit=_SEARCHED)
        found = []
        for key in page.names:
            try:
                text = key.removeprefix(prefix).removesuffix("/_record")
                found.append(RepositoryName.parse(text))
            except NameInvalid:
                continue
        return found

    async def _read(self, key: Key, image_id: ImageId) -> Image | None:
        try:
            data = await self._store.get(key, _LIMIT)
        except NotFound:
            return None
        except TooLarge:
            self._log.warn("The record {key} is too long; it counts as absent", key=key)
            return None
        try:
            record = _decoder.decode(data)
            return _decode(image_id, record)
        except (RecursionError, DigestInvalid, ImageIdInvalid, ValueError):
            self._log.warn(
                "The record {key} is malformed; it counts as absent", key=key
            )
            return None


def _encode(image: Image) -> bytes:
    return msgspec.json.encode(
        _Record(
            json=image.json,
            layer=str(image.layer.digest),
            size=image.layer.size,
            diff_id=str(image.layer.diff_id),
            compression=image.layer.compression,
            ancestry=_texts(image.ancestry),
            checksums=list(image.checksums),
            manifest=None if image.manifest is None else str(image.manifest),
        )
    )


def _decode(image_id: ImageId, record: _Record) -> Image:
    ancestry = tuple(map(ImageId.parse, record.ancestry))
    if ancestry[:1] != (image_id,):
        raise ImageIdInvalid
    return Image(
        image_id,
        record.json,
        Layer(
            Digest.parse(record.layer),
            record.size,
            Digest.parse(record.diff_id),
            record.compression,
        ),
        ancestry,
        tuple(record.checksums),
        None if record.manifest is None else Digest.parse(record.manifest),
    )


def _texts(ids: Iterable[ImageId]) -> list[str]:
    return [str(each) for each in ids]
