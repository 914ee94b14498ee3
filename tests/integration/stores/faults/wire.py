"""Messages of HTTP/1.1 on sockets, taken apart only as far as to know their ends."""

import re
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

_HIGH = 256 * 1024
"""Bytes that wait for a reader until the other side has to."""
_HEAD_LIMIT = 64 * 1024


class Lost(Exception):
    """The other side is gone."""


@dataclass(frozen=True)
class Head:
    """The beginning of a message.

    Attributes:
        raw: All of it, as it came.
        line: The first line.
        fields: The header fields, in order.
    """

    raw: bytes
    line: str
    fields: Sequence[tuple[str, str]]

    @classmethod
    def parse(cls, raw: bytes) -> "Head":
        """Read one that ends with an empty line."""
        line, *rest = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        fields = [each.partition(":")[::2] for each in rest]
        return cls(raw, line, [(name, text.strip()) for name, text in fields])

    def field(self, name: str) -> str:
        """Give a field's first value; empty where there is none."""
        found = (text for each, text in self.fields if each.lower() == name.lower())
        return next(found, "")

    @property
    def is_chunked(self) -> bool:
        """Whether the body's length is told by its chunks."""
        return self.field("Transfer-Encoding").lower() == "chunked"

    @property
    def length(self) -> int | None:
        """The body's length, where it is told here."""
        text = self.field("Content-Length")
        return int(text) if text and not self.is_chunked else None


@implementer(IPushProducer)
class Wire(Protocol):
    """One side of a connection, read and written by coroutines.

    Attributes:
        gone: Fires when nothing can be sent or received any more.
        is_closing: Whether we want no more of it.
    """

    def __init__(self) -> None:
        self.gone: Deferred[None] = Deferred()
        self.is_closing = False
        self._buffer = bytearray()
        self._ended = False
        self._ignores = False
        self._reading: Deferred[None] | None = None
        self._pause: Deferred[None] | None = None

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be sent or received any more."""
        return self._ended

    def connectionMade(self) -> None:
        """See ``IProtocol``."""
        self._transport.setTcpNoDelay(True)
        self._transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        if self._ignores:
            return
        self._buffer += data
        if len(self._buffer) > _HIGH:
            self._transport.pauseProducing()
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``IProtocol``."""
        del reason
        self._ended = True
        self.gone.callback(None)
        self._wake()
        self.resumeProducing()

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        self._pause = self._pause or Deferred()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        pause, self._pause = self._pause, None
        if pause is not None:
            pause.callback(None)

    def stopProducing(self) -> None:
        """See ``IProducer``: `connectionLost` follows."""

    async def write(self, data: bytes) -> None:
        """Send something, as soon as there is room.

        Raises:
            Lost: the other side is gone.
        """
        while self._pause is not None and not self._ended:
            await self._pause
        if self._ended:
            raise Lost
        self._transport.write(data)

    async def read_head(self) -> Head | None:
        """Wait for a whole head; None where the other side leaves before it begins."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _HEAD_LIMIT:
                raise Lost
            if not await self._more():
                return None
        return Head.parse(self._take(end + 4))

    async def body(self, length: int | None) -> AsyncIterator[tuple[bytes, int]]:
        """Give a body as it comes: of a length, or of chunks where that is None.

        Yields:
            What came, with what frames it, and how many bytes of content are in it.
        """
        if length is not None:
            async for piece in self._content(length):
                yield piece, len(piece)
            return
        size = -1
        while size:
            line = await self._line()
            size = int(line.partition(b";")[0], 16)
            yield line, 0
            async for piece in self._content(size):
                yield piece, len(piece)
            if size:
                yield await self._line(), 0
        line = b""
        while line != b"\r\n":  # fields may follow
            line = await self._line()
            yield line, 0

    async def answer_body(
        self, method: str, head: Head
    ) -> AsyncIterator[tuple[bytes, int]]:
        """Give the body of an answer as `body` does, by the method that was asked."""
        status = status_of(head)
        if method == "HEAD" or status in {204, 304} or status // 100 == 1:
            return
        if head.is_chunked or head.length is not None:
            async for found in self.body(head.length):
                yield found
            return
        while self._buffer or await self._more():  # only the connection's end tells
            piece = self._take(len(self._buffer))
            yield piece, len(piece)

    def ignore(self) -> None:
        """Read on, to notice the other side's end, and forget what comes."""
        self._ignores = True
        self._buffer.clear()
        if not self._ended:
            self._transport.resumeProducing()

    def end(self) -> None:
        """Close the connection, when all that was written is sent."""
        self.is_closing = True
        if not self._ended:
            self._transport.unregisterProducer()  # or it would be waited for
            self._transport.loseConnection()

    def break_off(self) -> None:
        """Close the connection at once."""
        self.is_closing = True
        self._transport.abortConnection()

    def reset(self) -> None:
        """Close the connection at once, and let the other side hear that."""
        self.is_closing = True
        if self._ended:
            return
        with suppress(OSError, AttributeError):  # TLS has no socket of its own
            handle: socket.socket = self._transport.getHandle()
            linger = struct.pack("ii", 1, 0)
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abortConnection()

    @property
    def _transport(self) -> Any:
        return self.transport

    async def _more(self) -> bool:
        """Wait for something; whether anything came."""
        if self._ended:
            return False
        size = len(self._buffer)
        self._transport.resumeProducing()
        if len(self._buffer) == size and not self._ended:
            self._reading = Deferred()
            await self._reading
        return len(self._buffer) > size

    async def _content(self, size: int) -> AsyncIterator[bytes]:
        while size:
            if not self._buffer and not await self._more():
                raise Lost
            piece = self._take(min(size, len(self._buffer)))
            size -= len(piece)
            yield piece

    async def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not await self._more():
                raise Lost
        return self._take(end + 2)

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _wake(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.callback(None)


_STATUS = re.compile(r"HTTP/1\.[01] (\d{3})", re.ASCII)


def status_of(head: Head) -> int:
    """Read the status of an answer."""
    found = _STATUS.match(head.line)
    if found is None:
        raise Lost
    return int(found[1])
