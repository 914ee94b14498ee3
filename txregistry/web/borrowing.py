"""A body that a thread reads for a while, straight from its connection.

Where much comes in fast, that spares the reactor a turn for every piece: the thread
that hashes and writes what came finds what has come meanwhile, and takes it as well.
"""

from collections.abc import Callable
from socket import socket
from typing import Final, Protocol

from txregistry.web.chunked import ChunkingInvalid

_READ: Final = 256 * 1024


class Decoder(Protocol):
    """What takes a body apart."""

    deliver: Callable[[bytes], None]
    finish: Callable[[bytes], None]

    def dataReceived(self, data: bytes) -> None:
        """Take what came in."""


class Borrowed:
    """What a thread reads from, in place of the reactor.

    As long as it is borrowed, nothing else may touch the decoder, or close the socket.

    Args:
        connection: The socket, which never waits.
        decoder: Takes the body apart.

    Attributes:
        received: Bytes of the body that were read.
        rest: What came after the end of the body; None before that.
        is_broken: Whether the body cannot be read.
    """

    def __init__(self, connection: socket, decoder: Decoder) -> None:
        self.received = 0
        self.rest: bytes | None = None
        self.is_broken = False
        self._socket = connection
        self._decoder = decoder
        self._usual = decoder.deliver, decoder.finish
        self._pieces: list[bytes] = []
        decoder.deliver, decoder.finish = self._deliver, self._finish

    def read(self, limit: int) -> list[bytes]:
        """Read what is there; see `ILending.lend`."""
        self._pieces, before = [], self.received
        while self.rest is None and self.received - before < limit:
            try:
                data = self._socket.recv(min(_READ, limit - self.received + before))
                if not data:
                    break
                self._decoder.dataReceived(data)
            except ChunkingInvalid:
                self.is_broken = True
                break
            except OSError:
                break  # nothing more has come; or the reactor finds out what it is
        return self._pieces

    def give_back(self) -> None:
        """Let the decoder tell what it told before."""
        self._decoder.deliver, self._decoder.finish = self._usual

    def _deliver(self, data: bytes) -> None:
        self._pieces.append(data)
        self.received += len(data)

    def _finish(self, rest: bytes) -> None:
        self.rest = rest
