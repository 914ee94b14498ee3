"""What layers unpack to, found out where two manifests do not agree.

A config says it of its layers, and may say anything: version 2's clients check it when
they pull, those of version 1 cannot.
"""

from collections import OrderedDict
from typing import Final

from twisted.internet.defer import DeferredSemaphore

from txregistry.model.compression import LayerHash
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.blobs import Blobs
from txregistry.streams import read_through
from txregistry.tasks import Blocking

_AT_ONCE: Final = 2
_REMEMBERED: Final = 10_000
_UNPACKED: Final = 64 * 1024 * 1024 * 1024
"""Bytes of a layer, unpacked: beyond, it is a bomb and no layer."""


class DiffIds:
    """Unpack layers to see what they are, few at a time; remember what was seen.

    Args:
        blobs: Where layers are.
        blocking: Where unpacking goes.
    """

    def __init__(self, blobs: Blobs, blocking: Blocking) -> None:
        self._blobs = blobs
        self._blocking = blocking
        self._known: OrderedDict[Digest, Digest | None] = OrderedDict()
        self._slots = DeferredSemaphore(_AT_ONCE)

    async def find(self, name: RepositoryName, layer: Digest) -> Digest | None:
        """Give the digest of the tar in a layer; None where it cannot be unpacked.

        Raises:
            BlobUnknown: the repository does not hold it, or it is damaged.
        """
        await self._slots.acquire()
        try:
            if layer not in self._known:
                self._known[layer] = await self._read(name, layer)
            self._known.move_to_end(layer)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            return self._known[layer]
        finally:
            self._slots.release()

    async def _read(self, name: RepositoryName, layer: Digest) -> Digest | None:
        hashing = LayerHash(_UNPACKED)
        blob = await self._blobs.find(name, layer)
        reader = await self._blobs.open(blob, 0, blob.size)
        try:
            await read_through(reader, self._blocking, hashing.update)
            return hashing.finish().diff_id
        except ValueError:  # damaged before it was pushed, or too large
            return None
