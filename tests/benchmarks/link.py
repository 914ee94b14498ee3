"""A link to a registry that is far away: so many bytes a second, after so much time."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from queue import Queue
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from tests.benchmarks.servers import HOST

_PIECE = 64 * 1024
#: Pieces of one direction of a connection that are under way at most.
_UNDER_WAY = 256


class Link:
    """A link in a process of its own. A context manager that ends it.

    Args:
        port: Where the registry listens, on the loopback interface.
        speed: Bytes a second of each direction, for all connections together.
        delay: Seconds until what is sent arrives.
    """

    def __init__(self, port: int, speed: float, delay: float) -> None:
        words = (str(port), str(speed), str(delay))
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *words], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def connect(self) -> socket.socket:
        """Connect."""
        return socket.create_connection((HOST, self.port))


class _Relay:
    """Pass on what comes to a port of its own, as a link does."""

    def __init__(self, port: int, speed: float, delay: float) -> None:
        self._behind = port
        self._delay = delay
        self._lanes = (_Lane(speed), _Lane(speed))
        self._listener = socket.create_server((HOST, 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Pass on, until the process is ended."""
        while True:
            front = self._listener.accept()[0]
            behind = socket.create_connection((HOST, self._behind))
            pairs = ((front, behind), (behind, front))
            for lane, (source, target) in zip(self._lanes, pairs, strict=True):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pieces: Queue[tuple[float, bytes]] = Queue(_UNDER_WAY)
                taking = Thread(target=self._take, args=(source, pieces), daemon=True)
                giving = Thread(target=lane.give, args=(pieces, target), daemon=True)
                taking.start()
                giving.start()

    def _take(self, source: socket.socket, pieces: Queue[tuple[float, bytes]]) -> None:
        """Note when each piece is to arrive; an empty one is the end."""
        data = b"?"
        while data:
            data = b""
            with suppress(OSError):
                data = source.recv(_PIECE)
            pieces.put((time.perf_counter() + self._delay, data))


class _Lane:
    """One direction of a link.

    Args:
        speed: Bytes a second.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._lock = Lock()
        self._free = 0.0

    def give(self, pieces: Queue[tuple[float, bytes]], target: socket.socket) -> None:
        """Pass pieces on when they arrive, and one after the other."""
        while True:
            due, data = pieces.get()
            with self._lock:
                begin = max(due, self._free)
                self._free = begin + len(data) / self._speed
                due = self._free
            pause = due - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            try:
                target.sendall(data)
            except OSError:
                data = b""
            if not data:
                _end(target)
                return


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Be a link: of a port, at a speed, with a delay; tell where."""
    relay = _Relay(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
    print(relay.port, flush=True)
    relay.run()


if __name__ == "__main__":
    main()
