"""A body that a thread reads for a while, straight from its connection.

Where much comes in fast, that spares the reactor a turn for every piece: the thread
that hashes and writes what came finds what has come meanwhile, and takes it as well.
"""

from collections.abc import Callable
from functools import partial
from socket import socket
from threading import local
from typing import Any, Final

from zope.interface import Interface

from txregistry.web.chunked import ChunkingInvalid
from txregistry.web.decoding import BodyDecoder
from txregistry.web.direct import is_idle

_READ: Final = 256 * 1024
_WORTH: Final = 8
_HELD: Final = 2 * 1024
"""Bytes of framing that come before what is read, at most."""
_FEW: Final = 64
_GRAIN: Final = 1024

Receive = Callable[[memoryview], int]
"""Puts bytes that have come into memory, at once, and says how many: maybe none, where
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


def receive_from(connection: socket, memory: memoryview) -> int:
    """Receive bytes that are there; see `Receive`."""
    count = connection.recv_into(memory)
    if not count:
        raise ConnectionError  # which the reactor will find out
    return count


class _Memory(local):
    """Where a thread reads to, again and again: fresh memory costs more than a copy."""

    def __init__(self) -> None:
        self.bytes = bytearray(_READ + _HELD)


_memory: Final = _Memory()


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

    def __init__(self, receive: Receive, decoder: BodyDecoder) -> None:
        self.received = 0
        self.count = 0
        self.rest: bytes | None = None
        self.is_broken = False
        self._receive = receive
        self._decoder = decoder
        self._size = 0

    def read(self, limit: int) -> list[Any]:
        """Read what is there; see `ILending.lend`."""
        memory, self._size = _memory.bytes, 0
        view, most = memoryview(memory), min(limit, _READ)
        left = 2 * most  # of what is read: there may be little in much framing
        # Framing makes what was read a little less: what room is left then is not worth
        # a call.
        while (
            self.rest is None
            and left > 0
            and most - self._size > most // _WORTH
            and not is_ground(self.count, self.received)
        ):
            left -= most - self._size
            try:
                self._take(memory, view, most - self._size)
            except ChunkingInvalid:
                self.is_broken = True
                break
            except OSError:
                break  # nothing more has come; or the reactor finds out what it is
        return [view[: self._size]] if self._size else []

    def _take(self, memory: bytearray, view: memoryview, limit: int) -> None:
        """Read once, and bring together what is of the body."""
        decoder = self._decoder
        place = self._size + len(decoder.held)
        count = self._receive(view[place : place + limit])
        view[self._size : place] = decoder.held
        decoder.held, stop = b"", place + count
        for start, end in decoder.spans(memory, self._size, stop):
            until = self._size + end - start
            if start != self._size:
                view[self._size : until] = view[start:end]
            self.received += end - start
            self.count += 1
            self._size = until
        if decoder.end is not None:
            self.rest = bytes(view[decoder.end : stop])
