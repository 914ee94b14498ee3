"""What is in the layers of version 1's images: files, and what changed.

Source: Docker Registry API v1, ``GET /v1/images/<id>/files`` and ``/diff``.
"""

from typing import Final

import msgspec
from twisted.internet.defer import DeferredSemaphore

from txregistry.model.compression import Unpacker
from txregistry.model.errors import ImageInvalid
from txregistry.model.listings import FileListing, diff
from txregistry.model.names import RepositoryName
from txregistry.model.tarballs import TarParser
from txregistry.registry.blobs import Blobs
from txregistry.registry.images import Image, Images
from txregistry.streams import read_through
from txregistry.tasks import Blocking

_AT_ONCE: Final = 2
_UNPACKED: Final = 64 * 1024 * 1024 * 1024
_ENTRIES: Final = 200_000
_TEXT: Final = 32 * 1024 * 1024
"""Characters of all paths in a layer."""


class ImageFiles:
    """Look into layers, few at a time: nobody is in a hurry for this.

    Args:
        blobs: Where layers are.
        images: What lies below an image.
        blocking: Where unpacking goes.
    """

    def __init__(self, blobs: Blobs, images: Images, blocking: Blocking) -> None:
        self._blobs = blobs
        self._images = images
        self._blocking = blocking
        self._slots = DeferredSemaphore(_AT_ONCE)

    async def files(self, name: RepositoryName, image: Image) -> bytes:
        """List what is in an image's layer, as JSON.

        Raises:
            ImageInvalid: it is no layer that can be looked into.
        """
        await self._slots.acquire()
        try:
            listing = await self._listing(name, image)
            return await self._blocking(msgspec.json.encode, listing.files)
        except ValueError:
            raise _unsupported() from None
        finally:
            self._slots.release()

    async def diff(self, name: RepositoryName, image: Image) -> bytes:
        """Say what an image's layer does to those below, as JSON.

        Raises:
            ImageInvalid: one of them is no layer that can be looked into.
            ImageUnknown: one of them is not there any more.
        """
        await self._slots.acquire()
        try:
            room = _ENTRIES
            listings = []
            for each in await self._images.chain(name, image.image_id):
                listings.append(await self._listing(name, each, room))
                room -= len(listings[-1].files)
            *below, listing = listings
            changes = await self._blocking(diff, listing, below)
            return await self._blocking(msgspec.json.encode, changes)
        except ValueError:
            raise _unsupported() from None
        finally:
            self._slots.release()

    async def _listing(
        self, name: RepositoryName, image: Image, room: int = _ENTRIES
    ) -> FileListing:
        """Read a layer through, as long as there is room for its entries.

        Raises:
            ValueError: it cannot be unpacked, is no archive, or holds too much.
        """
        listing = FileListing(room, _TEXT)
        parser, unpacker = TarParser(listing, _ENTRIES), Unpacker(_UNPACKED)

        def take(data: bytes) -> None:
            for piece in unpacker.feed(data):
                parser.feed(piece)

        def finish() -> None:
            parser.feed(unpacker.finish())
            parser.finish()

        blob = await self._blobs.find(name, image.layer.digest)
        reader = await self._blobs.open(blob, 0, blob.size)
        await read_through(reader, self._blocking, take)
        await self._blocking(finish)
        return listing


def _unsupported() -> ImageInvalid:
    return ImageInvalid("Layer format not supported")
