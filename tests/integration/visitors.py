"""Clients of a registry over TLS: in threads, as they block."""

import socket
import ssl
from dataclasses import dataclass
from typing import Any

from tests.authorities import Files, Issued

LOOPBACK = "127.0.0.1"
REFUSED = 0
"""What is given for a status where TLS let nobody in."""
_PATIENCE = 30.0

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@dataclass(frozen=True)
class Answer:
    """An answer, whose body has not been read yet."""

    status: int
    headers: dict[str, str]


def make_context(
    files: Files,
    trust: Issued,
    shown: Issued | None,
    version: ssl.TLSVersion = V13,
) -> ssl.SSLContext:
    """Make what a client needs.

    Args:
        files: Where to write it.
        trust: Who vouches for the server.
        shown: The client's certificate; with it goes that of who signed it.
        version: What is spoken.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=trust.pem.decode())
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    if shown is not None:
        above = b"" if shown.by is None else shown.by.pem
        name = f"client-{id(shown)}.pem"
        context.load_cert_chain(files.put(name, shown.key_pem, shown.pem, above))
    return context


class Visitor:
    """A connection, which blocks.

    Raises:
        OSError: TLS did not let us in.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        port: int,
        session: ssl.SSLSession | None = None,
        *,
        buffer: int | None = None,
    ) -> None:
        plain = socket.socket()
        plain.settimeout(_PATIENCE)
        if buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        plain.connect((LOOPBACK, port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.tls = context.wrap_socket(
                plain, server_hostname=LOOPBACK, session=session
            )
        except OSError:
            plain.close()
            raise
        self._file: Any = self.tls.makefile("rb")

    def ask(self, path: str = "/v2/", method: str = "GET", body: bytes = b"") -> Answer:
        """Ask for something, and read the head of the answer."""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        self.tls.sendall(head.encode())
        self.tls.sendall(body)
        line = self._file.readline()
        if not line:
            raise ConnectionResetError
        headers: dict[str, str] = {}
        while (field := self._file.readline().decode().strip()) != "":
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        return Answer(int(line.split()[1]), headers)

    def read(self, answer: Answer) -> bytes:
        """Read the body of an answer."""
        data: bytes = self._file.read(int(answer.headers["content-length"]))
        return data

    def get(self, path: str = "/v2/") -> int:
        """Ask for something, read all of it, and give the status."""
        answer = self.ask(path)
        self.read(answer)
        return answer.status

    def close(self) -> None:
        """End."""
        self._file.close()
        self.tls.close()


def visit(context: ssl.SSLContext, port: int) -> int:
    """Connect, ask, leave; `REFUSED` where TLS let us in not at all.

    By TLS 1.3 a client has the server's refusal only where it expects an answer.
    """
    try:
        visitor = Visitor(context, port)
    except OSError:
        return REFUSED
    try:
        return visitor.get()
    except OSError:
        return REFUSED
    finally:
        visitor.close()
