"""HTTP/1.1 as Go writes and reads it, with a connection for each request."""

import gzip
import re
import socket
import ssl
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

from tests.integration.engines.errors import EngineError, Interrupted, Unreachable

PATIENCE = 60.0
"""Seconds without a byte after which an engine that pulls gives up."""

_LINE = 65536
_LINES = 200
_NO_BODY = (204, 304)

Header = tuple[str, str]


@dataclass(frozen=True)
class Url:
    """Where a request goes.

    Attributes:
        scheme: ``http`` or ``https``.
        host: The host, with its port if one is said.
        target: The path, with the query.
    """

    scheme: str
    host: str
    target: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a URL apart; Go's complaint, if it is none with a host."""
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https"):
            raise EngineError(f"unsupported protocol scheme {parts.scheme!r}")
        if not parts.netloc:
            raise EngineError(f"no Host in request URL {text!r}")
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.scheme, parts.netloc, (parts.path or "/") + query)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"

    def join(self, location: str) -> Self:
        """Give where a ``Location`` points at."""
        return self.parse(urljoin(str(self), location))

    @property
    def name(self) -> str:
        """The host, without a port."""
        return self.address[0]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(f"//{self.host}")
        default = 443 if self.scheme == "https" else 80
        return parts.hostname or "", parts.port or default


@dataclass(frozen=True)
class Request:
    """A request; the body comes with a length, in chunks, or not at all.

    Attributes:
        method: The method.
        url: Where it goes.
        headers: The headers that are not about the connection.
        body: The body that is sent with its length.
        chunks: The body that is sent in chunks.
        lasting: Whether the connection may stay open.
    """

    method: str
    url: Url
    headers: tuple[Header, ...] = ()
    body: bytes | None = None
    chunks: tuple[bytes, ...] | None = None
    lasting: bool = False

    def header(self, name: str) -> str:
        """Give the first value of a header; "" for none."""
        return _find(self.headers, name)

    @property
    def takes_gzip(self) -> bool:
        """Whether Go asks for gzip, and undoes it without a word."""
        return self.method != "HEAD" and not self.header("Range")

    def head(self) -> bytes:
        """Write the head in Go's order: what is about the body, names sorted, rest."""
        lines = [f"Host: {self.url.host}", f"User-Agent: {self.header('User-Agent')}"]
        if self.chunks is not None:
            lines.append("Transfer-Encoding: chunked")
        elif self.body is not None or self.method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(self.body or b'')}")
        own = [pair for pair in self.headers if pair[0] != "User-Agent"]
        lines += [
            f"{name}: {value.strip()}" for name, value in sorted(own, key=_name_of)
        ]
        if self.takes_gzip:
            lines.append("Accept-Encoding: gzip")
        if not self.lasting:
            lines.append("Connection: close")
        start = f"{self.method} {self.url.target} HTTP/1.1"
        return "\r\n".join([start, *lines, "", ""]).encode()

    def pieces(self) -> Iterator[bytes]:
        """Write the request, one piece for each packet that Go would send."""
        yield self.head()
        if self.body:
            yield self.body
        if self.chunks is not None:
            for chunk in self.chunks:
                yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
            yield b"0\r\n\r\n"


class Reply:
    """An answer whose body is read as it comes.

    Attributes:
        status: The status.
        headers: The headers, in order.
        length: How long Go takes the body to be, in bytes; None if it does not know.
    """

    def __init__(self, connection: socket.socket, request: Request) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._left: int | None = None
        try:
            self.status, self.headers = self._read_head()
            self._chunked = "chunked" in self.header("Transfer-Encoding").lower()
            self._ended = request.method == "HEAD" or self.status in _NO_BODY
            if not self._ended and not self._chunked and self.header("Content-Length"):
                self._left = self._content_length()
        except BaseException:
            self.close()
            raise
        self.length = 0 if self._ended else self._left
        self._unzipped: bytes | None = None
        self._gzipped = (
            request.takes_gzip
            and not self._ended
            and self.header("Content-Encoding") == "gzip"
        )
        if self._gzipped:
            self.length = None

    def header(self, name: str) -> str:
        """Give the first value of a header; "" for none."""
        return _find(self.headers, name)

    def values(self, name: str) -> list[str]:
        """Give all values of a header, one for each line."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def read(self, size: int) -> bytes:
        """Read some bytes of the body, at most so many.

        Returns:
            At least one byte; none at the end.

        Raises:
            Interrupted: the connection ended before the body did.
        """
        if not self._gzipped:
            return self._read(size)
        if self._unzipped is None:
            try:
                self._unzipped = gzip.decompress(b"".join(self._read_all()))
            except (EOFError, OSError, zlib.error) as error:
                raise Interrupted(f"gzip: {error}") from error
        piece, self._unzipped = self._unzipped[:size], self._unzipped[size:]
        return piece

    def body(self) -> bytes:
        """Read the whole body and close."""
        pieces = []
        try:
            while piece := self.read(_LINE):
                pieces.append(piece)
        finally:
            self.close()
        return b"".join(pieces)

    def close(self) -> None:
        """Close the connection, whatever is still to come."""
        self._file.close()
        self._connection.close()

    def _read_head(self) -> tuple[int, list[Header]]:
        while True:
            start = self._line()
            found = re.fullmatch(rb"HTTP/1\.[01] (\d{3})(?: .*)?", start)
            if found is None:
                raise Unreachable(f"malformed HTTP response {start[:80]!r}")
            headers = list(self._read_headers())
            if found[1] != b"100":
                return int(found[1]), headers

    def _read_headers(self) -> Iterator[Header]:
        for _ in range(_LINES):
            line = self._line()
            if not line:
                return
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise Unreachable(f"malformed MIME header {line[:80]!r}")
            yield name, value.strip()
        raise Unreachable("too many headers")

    def _content_length(self) -> int:
        text = self.header("Content-Length")
        if not re.fullmatch(r"[0-9]+", text, re.ASCII):
            raise Unreachable(f"bad Content-Length {text!r}")
        return int(text)

    def _line(self) -> bytes:
        try:
            line = self._file.readline(_LINE)
        except OSError as error:
            raise Unreachable(str(error)) from error
        if not line.endswith(b"\n"):
            raise Unreachable("unexpected EOF" if line else "EOF")
        return line.rstrip(b"\r\n")

    def _read_all(self) -> Iterator[bytes]:
        while piece := self._read(_LINE):
            yield piece

    def _read(self, size: int) -> bytes:
        if self._chunked and not self._ended and not self._left:
            self._begin_chunk()
        if self._ended or self._left == 0:
            return b""
        wanted = size if self._left is None else min(size, self._left)
        try:
            piece = self._file.read1(wanted)
        except OSError as error:
            raise Interrupted(str(error)) from error
        if self._left is not None:
            if not piece:
                raise Interrupted("unexpected EOF")
            self._left -= len(piece)
            if self._chunked and not self._left:
                self._chunk_line()
        return piece

    def _begin_chunk(self) -> None:
        text = self._chunk_line().partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", text):
            raise Interrupted(f"invalid byte in chunk length {text[:20]!r}")
        self._left = int(text, 16)
        if not self._left:
            while self._chunk_line():
                pass
            self._ended = True

    def _chunk_line(self) -> bytes:
        try:
            return self._line()
        except Unreachable as error:
            raise Interrupted("unexpected EOF") from error


def exchange(request: Request, tls: ssl.SSLContext | None) -> Reply:
    """Connect, send a request and read the head of the answer.

    Args:
        request: What is asked.
        tls: What TLS is spoken with, if the URL asks for that.

    Raises:
        Unreachable: nobody listens, TLS is refused, or no answer comes.
    """
    try:
        connection = socket.create_connection(request.url.address, PATIENCE)
        # As Go does: else a body waits until its head is acknowledged.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if request.url.scheme == "https" and tls is not None:
            connection = tls.wrap_socket(connection, server_hostname=request.url.name)
    except OSError as error:
        raise Unreachable(str(error)) from error
    # A server that has seen enough answers and closes while we still send.
    failure = _send(connection, request.pieces())
    try:
        return Reply(connection, request)
    except Unreachable as error:
        raise (failure or error) from error


def _send(connection: socket.socket, pieces: Iterable[bytes]) -> Unreachable | None:
    try:
        for piece in pieces:
            connection.sendall(piece)
    except OSError as error:
        return Unreachable(str(error))
    return None


def _find(headers: Iterable[Header], name: str) -> str:
    for key, value in headers:
        if key.lower() == name.lower():
            return value
    return ""


def _name_of(header: Header) -> str:
    return header[0]
