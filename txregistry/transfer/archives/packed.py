"""An archive that is packed as a whole, unpacked as it comes."""

from collections.abc import Callable, Iterator
from typing import Final

from zope.interface import implementer

from txregistry.model.compression import (
    Compression,
    CompressionInvalid,
    UnpackedTooLarge,
    Unpacker,
)
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.archives.refusals import (
    ArchiveMalformed,
    ArchiveTooLarge,
    ArchiveTruncated,
)

_READ: Final = 64 * 1024
"""Packed bytes that are held at once, at most."""
_KNOWN: Final = 6
"""Bytes after which it is known how an archive is packed."""


@implementer(IReader)
class UnpackingReader:
    """Unpack what another reader gives, however it is packed.

    Args:
        source: Gives the archive; it is closed with this.
        blocking: Where unpacking goes.
        limit: Bytes that it may unpack to.
        progress: Is told how many bytes the source gave, each time.
    """

    def __init__(
        self,
        source: IReader,
        blocking: Blocking,
        limit: int,
        progress: Callable[[int], None],
    ) -> None:
        self._source = source
        self._blocking = blocking
        self._progress = progress
        self._unpacker = Unpacker(limit)
        self._pieces: Iterator[bytes] | None = None
        self._piece = b""
        self._offset = 0
        self._came = 0
        self._ended = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            ArchiveMalformed: the archive is damaged.
            ArchiveTooLarge: it unpacks to more than it may.
            ArchiveTruncated: it is cut off.
        """
        while self._offset == len(self._piece):
            if self._ended:
                return b""
            if self._is_plain:
                return await self._take(limit)
            self._piece, self._offset = await self._next(), 0
        data = self._piece[self._offset : self._offset + limit]
        self._offset += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._source.close()

    @property
    def _is_plain(self) -> bool:
        """Whether it is known that nothing is packed, and nothing is held back."""
        known = self._came >= _KNOWN and self._pieces is None
        return known and self._unpacker.compression is Compression.NONE

    async def _take(self, limit: int) -> bytes:
        data = await self._source.read(limit)
        self._came += len(data)
        self._progress(len(data))
        return data

    async def _next(self) -> bytes:
        """Unpack some more: a piece, which may be empty before the end."""
        try:
            if self._pieces is not None:
                piece = await self._blocking(next, self._pieces, None)
                if piece is not None:
                    return piece
                self._pieces = None
                return b""
            data = await self._take(_READ)
            if data:
                self._pieces = self._unpacker.feed(data)
                return b""
        except CompressionInvalid:
            raise ArchiveMalformed(
                "The archive is packed, and cannot be unpacked: it is damaged."
            ) from None
        except UnpackedTooLarge:
            raise ArchiveTooLarge("The archive unpacks to more than it may.") from None
        self._ended = True
        return self._finish()

    def _finish(self) -> bytes:
        try:
            return self._unpacker.finish()
        except CompressionInvalid:
            raise ArchiveTruncated(
                "The archive is packed, and cut off before its end."
            ) from None
