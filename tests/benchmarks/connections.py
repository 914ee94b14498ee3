"""HTTP/1.1 by hand, at the least cost: the client side of pushes and pulls."""

import re
import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from tests.benchmarks.report import MeasureError
from tests.benchmarks.servers import HOST

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]+)", re.IGNORECASE)
_NO_BODY = (204, 304)


class Listening(Protocol):
    """What can be connected to."""

    def connect(self) -> socket.socket:
        """Connect, by TLS if it speaks that."""


@dataclass(frozen=True)
class Response:
    """The head of a response, and as much of its body as came with it."""

    status: int
    head: bytes
    length: int
    body: bytes

    def destination(self) -> str:
        """Return where to go on, as it is told."""
        found = _LOCATION.search(self.head)
        if found is None:
            raise MeasureError("a response without Location")
        return found[1].decode()

    def location(self, **query: str) -> str:
        """Return where to go on, without the host, with more in its query."""
        url = urlsplit(self.destination())
        parts = [url.query, *(f"{name}={value}" for name, value in query.items())]
        joined = "&".join(filter(None, parts))
        return f"{url.path}?{joined}" if joined else url.path


class Connection:
    """One connection, kept alive. A context manager that closes it.

    Args:
        server: The registry, or whatever it is.
    """

    def __init__(self, server: Listening) -> None:
        self.socket = server.connect()
        # tcp(7): with MSG_TRUNC the bytes are not copied to the buffer. What is
        # encrypted must be.
        tls = isinstance(self.socket, ssl.SSLSocket)
        self._discarding = 0 if tls else socket.MSG_TRUNC

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, method: str, target: str, *headers: str, body: bytes = b"") -> None:
        """Send a request, or its beginning if the body follows."""
        self.socket.sendall(head(method, target, *headers) + body)

    def receive(self) -> Response:
        """Receive up to the end of the head, and what came with it."""
        data = self.socket.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            more = self.socket.recv(65536)
            if not more:
                raise MeasureError("the registry closed the connection")
            data += more
        status = int(data[9:12])
        length = _LENGTH.search(data, 0, end)
        if length is None and status not in _NO_BODY:
            raise MeasureError(f"a response {status} without Content-Length")
        size = int(length[1]) if length else 0
        return Response(status, data[:end], size, data[end + 4 :])

    def expect(self, status: int) -> Response:
        """Receive a response and its body.

        Raises:
            MeasureError: It has another status.
        """
        response = self.receive()
        body = response.body
        while len(body) < response.length:
            more = self.socket.recv(response.length - len(body))
            if not more:
                raise MeasureError("the registry closed the connection")
            body += more
        if response.status != status:
            raise MeasureError(f"{response.status} instead of {status}: {body[:200]!r}")
        return Response(status, response.head, response.length, body)

    def discard(self, response: Response, buffer: bytearray) -> int:
        """Throw away the rest of a body, or let the kernel do so.

        Returns:
            The length of the whole body.
        """
        left = response.length - len(response.body)
        while left:
            size = min(left, len(buffer))
            got = self.socket.recv_into(buffer, size, self._discarding)
            if not got:
                raise MeasureError("a body that is cut off")
            left -= got
        return response.length


def head(method: str, target: str, *headers: str, host: str = HOST) -> bytes:
    """Spell the head of a request."""
    lines = (f"{method} {target} HTTP/1.1", f"Host: {host}", *headers, "", "")
    return "\r\n".join(lines).encode()
