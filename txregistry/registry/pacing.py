"""No more is read in a second than may be."""

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from txregistry.streams import CHUNK, IReader

_AT_ONCE: Final = 1.0
"""Seconds of reading at the full rate that may come at once."""


class Pacing:
    """A rate that several readers share.

    Args:
        clock: Measures the time.
        rate: Bytes a second; None for as many as can be.
    """

    def __init__(self, clock: IReactorTime, rate: int | None) -> None:
        self._clock = clock
        self._rate = rate
        self._free = clock.seconds()

    async def take(self, size: int) -> None:
        """Take it that something was read, and wait until more may be."""
        if self._rate is None:
            return
        now = self._clock.seconds()
        self._free = max(self._free, now - _AT_ONCE) + size / self._rate
        if self._free > now:
            await deferLater(self._clock, self._free - now)


@implementer(IReader)
class Paced:
    """A reader that gives no more than may be read.

    Args:
        reader: What it gives.
        pacing: How fast.
    """

    def __init__(self, reader: IReader, pacing: Pacing) -> None:
        self._reader = reader
        self._pacing = pacing

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(min(limit, CHUNK))
        await self._pacing.take(len(data))
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
