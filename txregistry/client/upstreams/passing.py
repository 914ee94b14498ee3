"""Blobs that are passed on to somebody who may take all their time."""

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.limits import Limits
from txregistry.streams import IPieces, IReader, read_pieces
from txregistry.tasks import detach

_BRISK: Final = 16
"""How many times as fast as the slowest upstream one must read while others wait."""


@implementer(IPieces)
class PassedReader:
    """Read a blob as slowly as one likes, as long as nobody else waits for a turn.

    Who is slow on a slow line harms nobody where there is room; where there is none,
    one of them must not keep out all the others for hours. So it is looked at from time
    to time how much was read since: what is too little then, while others wait, is the
    end of it. Time in which the upstream is waited for does not count: that is bounded
    already.

    Args:
        name: What the upstream is called.
        reader: The blob.
        clock: What measures the time.
        limits: How slow is too slow.
        are_wanted: Says whether somebody waits for a turn.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        reader: IReader,
        clock: IReactorTime,
        limits: Limits,
        are_wanted: Callable[[], bool],
    ) -> None:
        self._name = name
        self._reader = reader
        self._clock = clock
        self._window = limits.window
        self._enough = _BRISK * limits.least * limits.window
        self._are_wanted = are_wanted
        self._given = 0
        self._is_read = False
        self._broken_off = False
        self._timer = clock.callLater(self._window, self._look)

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`.

        Raises:
            UpstreamUnavailable: the rest cannot be had, or it was read too slowly.
            UpstreamWrong: there are more bytes, or fewer, than there can be.
        """
        if self._broken_off:
            raise UpstreamUnavailable(
                self._name, "is asked for too much, and was read too slowly"
            )
        self._is_read = True
        try:
            pieces = await read_pieces(self._reader, limit, least)
        except BaseException:
            self._stop()
            raise
        finally:
            self._is_read = False
        self._given += sum(map(len, pieces))
        if not pieces:
            self._stop()
        return pieces

    async def close(self) -> None:
        """See `IReader`."""
        self._stop()
        await self._reader.close()

    def _look(self) -> None:
        given, self._given = self._given, 0
        if given >= self._enough or self._is_read or not self._are_wanted():
            self._timer = self._clock.callLater(self._window, self._look)
            return
        self._broken_off = True
        self._log.info(
            "A part of a blob of {upstream} is read too slowly: others wait",
            upstream=self._name,
        )
        _ = detach(self._reader.close(), self._log, "breaking off part of a blob")

    def _stop(self) -> None:
        if self._timer.active():
            self._timer.cancel()
