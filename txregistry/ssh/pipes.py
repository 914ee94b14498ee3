"""One command over the pipes of a process, as OpenSSH's server makes them."""

from typing import Any, Final

from twisted.internet.defer import CancelledError
from zope.interface import implementer

from txregistry.ssh.ahead import AheadReader
from txregistry.ssh.interfaces import IExchange
from txregistry.streams import CHUNK, IReader
from txregistry.tasks import Blocking
from txregistry.transfer.images.descriptors import (
    DescriptorReader,
    DescriptorWriter,
    Interruption,
)

_IDLE: Final = 300.0


@implementer(IExchange)
class PipeExchange:
    """What a command takes and gives.

    Args:
        source: The descriptor of what the client sends.
        target: The descriptor of what it gets.
        clock: Tells how long nothing came or went.
        blocking: Where work goes that waits for them.
        idle: Seconds after which a client is given up that neither sends nor takes.

    Attributes:
        received: Bytes that came.
        sent: Bytes that went.
    """

    def __init__(
        self,
        source: int,
        target: int,
        clock: Any,
        blocking: Blocking,
        idle: float = _IDLE,
    ) -> None:
        self._clock = clock
        self._idle = idle
        self._interruption = Interruption()
        self._reader = DescriptorReader(
            source, blocking, self._interruption, is_ours=False
        )
        self._writer = DescriptorWriter(
            target, blocking, self._interruption, is_ours=False
        )
        self.received = 0
        self.sent = 0

    def receive(self) -> IReader:
        """See `IExchange`."""
        return AheadReader(_Incoming(self))

    async def send(self, reader: IReader) -> None:
        """See `IExchange`."""
        ahead = AheadReader(reader)
        try:
            while data := await ahead.read(CHUNK):
                await self.write(data)
        finally:
            await ahead.close()

    def interrupt(self) -> None:
        """Break off whatever waits for the client."""
        self._interruption.interrupt()

    async def read(self, limit: int) -> bytes:
        """Take some of what the client sends; nothing, at its end."""
        waiting = self._clock.callLater(self._idle, self.interrupt)
        try:
            data = await self._reader.read(limit)
        finally:
            _stop(waiting)
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        """Give the client something.

        Raises:
            CancelledError: it takes nothing any more.
        """
        waiting = self._clock.callLater(self._idle, self.interrupt)
        try:
            await self._writer.write(data)
        except (BrokenPipeError, ConnectionResetError):
            raise CancelledError from None
        finally:
            _stop(waiting)
        self.sent += len(data)


@implementer(IReader)
class _Incoming:
    """What the client sends."""

    def __init__(self, exchange: PipeExchange) -> None:
        self._exchange = exchange

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return await self._exchange.read(limit)

    async def close(self) -> None:
        """See `IReader`."""


def _stop(waiting: Any) -> None:
    if waiting.active():
        waiting.cancel()
