"""Layers in another compression, for clients that cannot read the one they have.

Made once for each layer and stored as an ordinary blob, next to it in the repository;
who asks first gets it while it is made.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from twisted.internet.defer import DeferredSemaphore
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.model.compression import (
    Compression,
    CompressionInvalid,
    GzipCompressor,
    UnpackedTooLarge,
    Unpacker,
    sniff,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blob, Blobs
from txregistry.registry.filling import Filling
from txregistry.registry.links import read_link, write_link
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.streams import CHUNK, IReader
from txregistry.tasks import Blocking, detach

_AT_ONCE: Final = 2
"""Layers transcoded at the same time: each takes a processor, and memory."""
_STEP: Final = 4
"""Pieces that one job of a thread takes through: 1 MiB, unpacked."""
_MAGIC: Final = 16
_UNPACKED: Final = 64 * 1024 * 1024 * 1024
"""Bytes of a layer, unpacked: beyond, it is a bomb and no layer."""


class Transcoding:
    """Make layers in gzip.

    Args:
        store: Where they go.
        blobs: What is made from what.
        blocking: Where compressing goes.
        new_session: Makes names for what is under way.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        blocking: Blocking,
        new_session: Callable[[], str],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._blocking = blocking
        self._new_session = new_session
        self._under_way: dict[Digest, Filling] = {}
        self._slots = DeferredSemaphore(_AT_ONCE)

    async def compression(self, blob: Blob) -> Compression:
        """Find out how a blob is compressed, from its first bytes."""
        reader = await self._blobs.open(blob, 0, min(_MAGIC, blob.size))
        try:
            return sniff(await reader.read(_MAGIC))
        finally:
            await reader.close()

    async def find(self, name: RepositoryName, blob: Blob) -> Blob | None:
        """Give a repository's layer in gzip, where that was made already."""
        made = await read_link(self._store, keys.gzip_form(blob.stored))
        if made is None:
            return None
        try:
            return await self._blobs.find(name, made)
        except BlobUnknown:
            pass  # made in another repository, which held the same layer
        if not await self._blobs.is_stored(made):
            return None
        await self._blobs.link(name, made, made)
        return await self._blobs.find(name, made)

    def begin(self, name: RepositoryName, blob: Blob) -> Filling:
        """Make a layer in gzip, or join in where it is being made."""
        filling = self._under_way.get(blob.stored)
        if filling is None:
            area = self._store.stage(keys.single_upload(self._new_session()))
            source = _GzipReader(self._blobs, blob, self._blocking)
            filling = Filling(self._store, area, source, self._blocking)
            self._under_way[blob.stored] = filling
            work = self._run(name, blob, filling)
            _ = detach(work, self._log, "transcoding a layer")
        return filling

    async def make(self, name: RepositoryName, blob: Blob) -> Blob:
        """Give a repository's layer in gzip, and make it first if need be.

        Raises:
            BlobUnknown: it cannot be made: the layer is damaged.
        """
        found = await self.find(name, blob)
        if found is None:
            await self.begin(name, blob).ended()
            found = await self.find(name, blob)
        if found is None:
            raise BlobUnknown(
                "This layer cannot be given in a compression that the client reads.",
                {"digest": str(blob.digest)},
            )
        return found

    async def _run(self, name: RepositoryName, blob: Blob, filling: Filling) -> None:
        async def keep(made: Digest) -> None:
            await self._blobs.vouch(made)
            await self._blobs.link(name, made, made)
            await write_link(self._store, keys.gzip_form(blob.stored), made)

        await self._slots.acquire()
        try:
            await filling.run(keep)
        except BlobUnknown as error:
            self._log.warn(
                "The layer {digest} cannot be given in gzip: {reason}",
                digest=str(blob.stored),
                reason=error.message,
            )
        finally:
            self._slots.release()
            del self._under_way[blob.stored]


@implementer(IReader)
class _GzipReader:
    """Read a blob in gzip, whatever it is compressed in."""

    def __init__(self, blobs: Blobs, blob: Blob, blocking: Blocking) -> None:
        self._blobs = blobs
        self._blob = blob
        self._blocking = blocking
        self._source: IReader | None = None
        self._unpacker = Unpacker(_UNPACKED)
        self._unpacked: Iterator[bytes] = iter(())
        self._compressor = GzipCompressor()
        self._ready = bytearray()
        self._ended = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            BlobUnknown: it cannot be unpacked, or only to more than any layer; it is
                damaged in the store, or went away.
        """
        try:
            while len(self._ready) < limit and not self._ended:
                if not await self._blocking(self._step):
                    await self._fetch()
        except (CompressionInvalid, UnpackedTooLarge):
            raise BlobUnknown("The layer cannot be unpacked; push it again.") from None
        data = bytes(self._ready[:limit])
        del self._ready[:limit]
        return data

    async def close(self) -> None:
        """See `IReader`."""
        if self._source is not None:
            await self._source.close()

    def _step(self) -> bool:
        """Take some pieces through; say whether there may be more of them."""
        pieces = list(islice(self._unpacked, _STEP))
        for piece in pieces:
            self._ready += self._compressor.feed(piece)
        return bool(pieces)

    async def _fetch(self) -> None:
        """Read more of the blob."""
        if self._source is None:
            self._source = await self._blobs.open(self._blob, 0, self._blob.size)
        data = await self._source.read(CHUNK)
        if data:
            self._unpacked = self._unpacker.feed(data)
            return
        self._ready += self._compressor.feed(self._unpacker.finish())
        self._ready += self._compressor.finish()
        self._ended = True
