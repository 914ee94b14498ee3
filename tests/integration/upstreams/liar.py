"""A server that sends whatever a test says, over raw sockets, in threads of its own."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"
_PIECE: Final = 65536
_END: Final = b"\r\n\r\n"
_JOIN: Final = 30.0


class Talk:
    """One connection, as the server sees it.

    Attributes:
        asked: The heads of requests that came.
    """

    def __init__(self, connection: Any, stopped: threading.Event) -> None:
        self.asked: list[bytes] = []
        self._connection = connection
        self._stopped = stopped
        self._rest = b""

    def listen(self) -> bytes:
        """Wait for the head of a request; empty where no more come."""
        while _END not in self._rest:
            data = self._connection.recv(_PIECE)
            if not data:
                return b""
            self._rest += data
        head, _, self._rest = self._rest.partition(_END)
        self.asked.append(head)
        return head

    def say(self, data: bytes) -> None:
        """Send something; it fails where nobody takes it any more."""
        self._connection.sendall(data)

    def say_for_ever(self, data: bytes, pause: float = 0.0) -> int:
        """Send something time and again, until nobody takes it any more.

        Returns:
            How many bytes were taken.
        """
        taken = 0
        with contextlib.suppress(OSError):
            while not self._stopped.wait(pause):
                self._connection.sendall(data)
                taken += len(data)
        return taken

    def pause(self, seconds: float) -> None:
        """Say nothing for so long, or until the test ends."""
        self._stopped.wait(seconds)

    def wait(self) -> None:
        """Say nothing, until the client leaves or the test ends."""
        with contextlib.suppress(OSError):
            while self._connection.recv(_PIECE):
                pass

    def join(self, place: str) -> None:
        """Connect the client to somebody on this machine, as a proxy does.

        Args:
            place: Whom: a name and a port.
        """
        port = int(place.rpartition(":")[2])
        with socket.create_connection((LOOPBACK, port)) as other:
            self.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_carry, args=(other, self._connection))
            back.start()
            _carry(self._connection, other)
            back.join()

    def reset(self) -> None:
        """Break the connection off."""
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._connection.close()


def _carry(source: Any, target: Any) -> None:
    """Hand on what one side sends, to its end."""
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


Play = Callable[[Talk], object]
"""What happens on a connection; it ends when this returns."""


class Liar:
    """Listen on a port, and play on each connection.

    Args:
        play: What happens there.
        context: How TLS is spoken, if it is.

    Attributes:
        talks: The connections that came.
        port: Where it listens.
    """

    def __init__(self, play: Play, context: ssl.SSLContext | None = None) -> None:
        self.talks: list[Talk] = []
        self._play = play
        self._context = context
        self._stopped = threading.Event()
        self._open: set[Any] = set()
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Where it listens, as a URL."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def asked(self) -> list[bytes]:
        """The heads of all requests."""
        return [head for talk in self.talks for head in talk.asked]

    def stop(self) -> None:
        """Listen no more, and end all connections; harmless the second time."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_JOIN)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            spoken: Any = connection
            if self._context is not None:
                spoken = self._context.wrap_socket(connection, server_side=True)
            talk = Talk(spoken, self._stopped)
            self.talks.append(talk)
            with spoken:
                self._play(talk)
        self._open.discard(connection)


def answer(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """Write an answer."""
    kind = (
        ()
        if any(each.startswith("Content-Type") for each in fields)
        else ("Content-Type: application/octet-stream",)
    )
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *kind, *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def always(data: bytes) -> Play:
    """Answer each request alike."""

    def play(talk: Talk) -> None:
        while talk.listen():
            talk.say(data)

    return play
