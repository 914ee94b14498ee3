"""Sources of archives that do not do well."""

from twisted.internet.defer import Deferred
from zope.interface import implementer

from txregistry.streams import BytesReader, IReader


@implementer(IReader)
class Stalling:
    """Give some bytes, and then wait, or fail."""

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self._reader = BytesReader(data)
        self._error = error
        self.is_closed = False
        self.stalls: Deferred[None] = Deferred()
        """Fires when it waits."""

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(limit)
        if not data and self._error is not None:
            raise self._error
        if not data:
            self.stalls.callback(None)
            await Deferred[None]()
        return data

    async def close(self) -> None:
        """See `IReader`."""
        self.is_closed = True
