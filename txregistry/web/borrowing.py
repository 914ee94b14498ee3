"""A body that a thread reads for a while, straight from its connection.

Where much comes in fast, that spares the reactor a turn for every piece: the thread
that hashes and writes what came finds what has come meanwhile, and takes it as well.
"""

from collections.abc import Callable
from functools import partial
from socket import socket
from typing import Any, Final, Protocol

from zope.interface import Interface

from txregistry.web.chunked import ChunkingInvalid
from txregistry.web.direct import is_idle

_READ: Final = 256 * 1024
_WORTH: Final = 8
_SMALL: Final = 4096
_FEW: Final = 64
_GRAIN: Final = 1024

Receive = Callable[[int], bytes]
"""Gives bytes that have come, so many at most, without waiting; maybe none yet, where
they are parts of something. Raises OSError where nothing has come, or will."""


class ILendingTransport(Interface):
    """A transport in whose place a thread may read for a while."""

    def lend() -> Receive | None:
        """Give what reads; None where that cannot be.

        Until it is given back, nothing else may be done to the transport.
        """

    def give_back() -> None:
        """Take it that no thread reads any more; its end may have come meanwhile."""


def borrow(transport: Any) -> Receive | None:
    """Give what reads in a transport's place; None where there is no such thing."""
    if ILendingTransport.providedBy(transport):
        receive: Receive | None = ILendingTransport(transport).lend()
        return receive
    return partial(receive_from, transport.socket) if is_idle(transport) else None


def receive_from(connection: socket, limit: int) -> bytes:
    """Receive bytes that are there; see `Receive`."""
    data = connection.recv(limit)
    if not data:
        raise ConnectionError  # which the reactor will find out
    return data


class Decoder(Protocol):
    """What takes a body apart."""

    deliver: Callable[[bytes], None]
    finish: Callable[[bytes], None]
    copies: bool

    def dataReceived(self, data: bytes) -> None:
        """Take what came in."""


def is_ground(count: int, size: int) -> bool:
    """Say whether a body comes in so small pieces that no thread is to read it.

    To take them apart keeps the interpreter busy, which the reactor would have to wait
    for, time and again.
    """
    return count > _FEW and size < count * _GRAIN


class Borrowed:
    """What a thread reads from, in place of the reactor.

    As long as it is borrowed, nothing else may touch the decoder, or close the socket.

    Args:
        receive: Reads.
        decoder: Takes the body apart.

    Attributes:
        received: Bytes of the body that were read.
        count: The pieces that they came in.
        rest: What came after the end of the body; None before that.
        is_broken: Whether the body cannot be read.
    """

    def __init__(self, receive: Receive, decoder: Decoder) -> None:
        self.received = 0
        self.count = 0
        self.rest: bytes | None = None
        self.is_broken = False
        self._receive = receive
        self._decoder = decoder
        self._usual = decoder.deliver, decoder.finish
        self._pieces: list[Any] = []
        decoder.deliver, decoder.finish = self._deliver, self._finish
        decoder.copies = False

    def read(self, limit: int) -> list[bytes]:
        """Read what is there; see `ILending.lend`."""
        self._pieces, end = [], self.received + limit
        left = 2 * limit  # of what is read: there may be little in much framing
        # Framing makes each piece a little less than what was read: what is left then
        # is not worth a call.
        while (
            self.rest is None
            and left > 0
            and end - self.received > limit // _WORTH
            and not is_ground(self.count, self.received)
        ):
            try:
                wanted = min(_READ, end - self.received)
                left -= wanted
                self._decoder.dataReceived(self._receive(wanted))
            except ChunkingInvalid:
                self.is_broken = True
                break
            except OSError:
                break  # nothing more has come; or the reactor finds out what it is
        return self._pieces

    def give_back(self) -> None:
        """Let the decoder tell what it told before."""
        self._decoder.deliver, self._decoder.finish = self._usual
        self._decoder.copies = True

    def _deliver(self, data: bytes) -> None:
        self.received += len(data)
        self.count += 1
        if len(data) >= _SMALL:
            self._pieces.append(data)
        elif self._pieces and isinstance(self._pieces[-1], bytearray):
            self._pieces[-1] += data  # many small ones would take more than they hold
        else:
            self._pieces.append(bytearray(data))

    def _finish(self, rest: bytes) -> None:
        self.rest = rest
