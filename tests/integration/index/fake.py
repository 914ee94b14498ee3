"""An Index that answers what, and how, a test says: good, bad, or not at all."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0
"""Seconds after which whoever misbehaves gives up, so that no thread is left."""

_HEAD = 64 * 1024


@dataclass(frozen=True)
class Question:
    """What a registry asked.

    Attributes:
        method: The method.
        path: The path.
        headers: The headers, their names in lower case.
        certificate: What the registry's certificate says, if it showed one.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    certificate: Mapping[str, Any] | None = None


class Line:
    """A connection from a registry.

    Args:
        connection: The connection.
        gone: Set when the Index is no more.
    """

    def __init__(self, connection: socket.socket, gone: threading.Event) -> None:
        self._connection = connection
        self._gone = gone

    def send(self, data: bytes) -> None:
        """Send bytes, as long as somebody takes them."""
        self._connection.sendall(data)

    def wait(self, seconds: float) -> bool:
        """Let time pass; say whether the Index is gone meanwhile."""
        return self._gone.wait(seconds)

    def stall(self) -> None:
        """Do nothing until the registry has enough of it."""
        self._connection.settimeout(0.1)
        for _ in range(int(PATIENCE * 10)):
            try:
                if self._gone.is_set() or not self._connection.recv(_HEAD):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def reset(self) -> None:
        """Break the connection."""
        linger = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._connection.close()


Behaviour = Callable[[Line, Question], None]


class FakeIndex:
    """An Index on a port of its own; it runs once constructed.

    Args:
        tls: How it speaks TLS, if it does.

    Attributes:
        behave: How it answers.
        asked: What it was asked.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.behave: Behaviour = good()
        self.asked: list[Question] = []
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Listen, at the same port as before."""
        self._gone = threading.Event()
        self._listener = socket.create_server((LOOPBACK, self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """End at once, in the middle of whatever it does."""
        self._gone.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        gone = self._gone
        while not gone.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(connection, gone), daemon=True
            ).start()

    def _serve(self, raw: socket.socket, gone: threading.Event) -> None:
        connection = raw
        self._open.add(raw)
        try:
            raw.settimeout(PATIENCE)
            certificate = None
            if self._tls is not None:
                secure = self._tls.wrap_socket(raw, server_side=True)
                self._open.discard(raw)
                self._open.add(secure)
                connection = secure
                certificate = secure.getpeercert() or None
            while (question := _read(connection, certificate)) is not None:
                self.asked.append(question)
                self.behave(Line(connection, gone), question)
        except (OSError, ValueError):
            return  # the registry has left, or never trusted us
        finally:
            self._open.discard(connection)
            connection.close()


def answer(
    body: bytes, status: str = "200 OK", headers: Iterable[str] = (), cut: int = 0
) -> Behaviour:
    """Answer in good order; ``cut`` bytes of the body are missing in the end."""

    def behave(line: Line, question: Question) -> None:
        del question
        lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
        line.send("\r\n".join([*lines, "", ""]).encode())
        line.send(body[: len(body) - cut])
        if cut:
            raise OSError

    return behave


def raw(*pieces: bytes, close: bool = True) -> Behaviour:
    """Send bytes; then close, or stall."""

    def behave(line: Line, question: Question) -> None:
        del question
        for piece in pieces:
            line.send(piece)
        if not close:
            line.stall()
        raise OSError

    return behave


def good(ids: Iterable[str] = (), *, after: float = 0.0, may: bool = True) -> Behaviour:
    """Know all tokens whose signature begins with ``good``."""
    listed = json.dumps([{"id": each} for each in ids]).encode()
    access = json.dumps({"access": may}).encode()

    def behave(line: Line, question: Question) -> None:
        line.wait(after)
        token = question.headers.get("authorization", "")
        if "signature=good" not in token:
            answer(b'{"error": "no"}', "401 Unauthorized")(line, question)
        elif question.path.endswith("/access"):
            answer(access)(line, question)
        else:
            answer(listed)(line, question)

    return behave


def _read(
    connection: socket.socket, certificate: Mapping[str, Any] | None
) -> Question | None:
    """Read the next question; None where there is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(_HEAD)
        if not piece or len(head) > _HEAD:
            return None
        head += piece
    first, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Question(method, path, headers, certificate)
