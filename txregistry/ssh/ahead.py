"""Read ahead, so that a disk and a processor are at work at the same time."""

from contextlib import suppress

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.streams import IReader


@implementer(IReader)
class AheadReader:
    """Read the next piece while the one before is used.

    Args:
        reader: Where the bytes come from; it is closed with this.
    """

    def __init__(self, reader: IReader) -> None:
        self._reader = reader
        self._coming: Deferred[bytes] | None = None

    async def read(self, limit: int) -> bytes:
        """See `IReader`; the limit is always the same."""
        coming, self._coming = self._coming, None
        data = await (coming or Deferred.fromCoroutine(self._reader.read(limit)))
        if data:
            self._coming = Deferred.fromCoroutine(self._reader.read(limit))
        return data

    async def close(self) -> None:
        """See `IReader`; what is being read is waited for."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            with suppress(Exception):  # nobody wants it any more
                await coming
        await self._reader.close()
