"""Files whose end is held back until all of them was found to be sound.

The kernel sends the file to however many clients ask for it, while a thread reads it
beside that, once, and ahead of them. Nobody gets a complete answer with wrong bytes.
"""

import os
from typing import Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.model.digest import Digest, Hashing, new_hashing
from txregistry.model.errors import BlobUnknown
from txregistry.registry.integrity import Integrity
from txregistry.storage.interfaces import Stat
from txregistry.storage.reading import faults
from txregistry.streams import CHUNK, IFileReader, IWithheldFile
from txregistry.tasks import Blocking, Flights

LEAST: Final = 2 * CHUNK
"""Bytes of the smallest file that is worth it."""
_TAIL: Final = 64 * 1024
"""Bytes that are held back."""
_TURN: Final = 4 * 1024 * 1024
"""Bytes that a thread hashes before others have it."""


class Withholding:
    """Read files beside their first transfers.

    Args:
        integrity: Remembers what was proven, and knows where reading goes.
    """

    def __init__(self, integrity: Integrity) -> None:
        self._integrity = integrity
        self._blocking = integrity.blocking
        self._proofs = Flights()

    def withhold(
        self, digest: Digest, stat: Stat, reader: IFileReader
    ) -> IWithheldFile:
        """Hold back the end of a file, and begin to read it.

        Args:
            digest: What the whole of it is to be.
            stat: What the store says of it.
            reader: The file, from its first byte to its last.
        """
        # What has just the same file open waits for the same proof.
        found = os.fstat(reader.fileno())
        same = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
        proof = self._proofs.join(
            (digest, same), lambda: self._prove(digest, stat, os.dup(reader.fileno()))
        )
        return _WithheldFile(reader, Deferred.fromCoroutine(proof), self._blocking)

    async def _prove(self, digest: Digest, stat: Stat, descriptor: int) -> None:
        """Read a file, of which this has a descriptor of its own: clients may leave."""
        try:
            with faults(str(digest)):
                hashing = await self._hash(descriptor, digest, stat.size)
        finally:
            os.close(descriptor)
        if hashing.hexdigest() != digest.encoded:
            self._integrity.condemn(digest, stat)
            raise BlobUnknown("The content is damaged; push it again.")
        self._integrity.vouch(digest, stat)

    async def _hash(self, descriptor: int, digest: Digest, size: int) -> Hashing:
        hashing = new_hashing(digest.algorithm)
        for offset in range(0, size, _TURN):
            end = min(offset + _TURN, size)
            await self._blocking(_take, descriptor, hashing, offset, end)
        return hashing


def _take(descriptor: int, hashing: Hashing, offset: int, end: int) -> None:
    while offset < end:
        data = os.pread(descriptor, min(CHUNK, end - offset), offset)
        if not data:
            return  # it is shorter than it was: its hash tells
        hashing.update(data)
        offset += len(data)


@implementer(IWithheldFile)
class _WithheldFile:
    """Give a file; its end only when it is proven."""

    def __init__(
        self, reader: IFileReader, proof: Deferred[None], blocking: Blocking
    ) -> None:
        self.file = reader
        start, self._stop = reader.span()
        self._held = max(start, self._stop - _TAIL)
        self._written = self._look()
        self._blocking = blocking
        # Many clients may wait for it, and none.
        self._proof = proof.addErrback(self._note)
        self._failure: Failure | None = None

    def front(self) -> tuple[int, int]:
        """See `IWithheldFile`."""
        return self.file.span()[0], self._held

    async def rest(self) -> bytes:
        """See `IWithheldFile`.

        Raises:
            BlobUnknown: the content is not what its name says.
            StorageUnavailable: it cannot be read.
        """
        await self._wait()
        size = self._stop - self._held
        with faults("the end of a file being read"):
            return await self._blocking(os.pread, self.file.fileno(), size, self._held)

    async def read(self, limit: int) -> bytes:
        """See `IReader`; it raises what `rest` does."""
        start, _ = self.file.span()
        if start < self._held:
            data: bytes = await self.file.read(min(limit, self._held - start))
            return data
        await self._wait()
        end: bytes = await self.file.read(limit)
        return end

    async def close(self) -> None:
        """See `IReader`."""
        await self.file.close()

    async def _wait(self) -> None:
        await self._proof
        if self._failure is not None:
            self._failure.raiseException()
        if self._look() != self._written:  # then what was sent is not what was read
            raise BlobUnknown(
                "The content changed while it was sent; ask for it again."
            )

    def _look(self) -> tuple[int, int]:
        found = os.fstat(self.file.fileno())
        return found.st_size, found.st_mtime_ns

    def _note(self, failure: Failure) -> None:
        self._failure = failure
