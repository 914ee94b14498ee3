"""A node is told to end: nobody who asks it something notices."""

import contextlib
import os
import signal
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import LOOPBACK, Daemon
from tests.temporary import make_folder

LIMIT = 60.0
REQUEST = b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n\r\n"
MANY = 150
"""More than a reactor accepts in one go."""


class StoppingTests(SynchronousTestCase):
    """What reached the machine before the signal did is answered."""

    def setUp(self) -> None:
        self.daemon = Daemon(Path(make_folder(self)) / "node")
        self.addCleanup(self.daemon.discard)

    def connect(self) -> socket.socket:
        """Connect; the kernel does that, whatever the node does."""
        address = (LOOPBACK, self.daemon.port)
        connection = socket.create_connection(address, timeout=LIMIT)
        self.addCleanup(connection.close)
        return connection

    def test_who_was_not_let_in_yet(self) -> None:
        pid = self.daemon.pid
        os.kill(pid, signal.SIGSTOP)
        waiting = [self.connect() for _ in range(MANY)]
        for connection in waiting:
            connection.sendall(REQUEST)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        for connection in waiting:
            self.assertEqual(read_answer(connection)[:12], b"HTTP/1.1 200")

    def test_who_was_idle(self) -> None:
        pid = self.daemon.pid
        kept = [self.connect() for _ in range(10)]
        for connection in kept:
            connection.sendall(REQUEST)
            self.assertIn(b"\r\n\r\n", read_answer(connection))
        os.kill(pid, signal.SIGSTOP)
        for connection in kept:
            connection.sendall(REQUEST)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        for connection in kept:
            self.assertEqual(read_answer(connection)[:12], b"HTTP/1.1 200")

    def test_who_had_not_said_all(self) -> None:
        pid = self.daemon.pid
        os.kill(pid, signal.SIGSTOP)
        waiting = [self.connect() for _ in range(3)]
        for connection in waiting:
            connection.sendall(REQUEST[:5])
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        self.await_refusal()
        for connection in waiting:
            connection.sendall(REQUEST[5:])
            self.assertEqual(read_answer(connection)[:12], b"HTTP/1.1 200")

    def await_refusal(self) -> None:
        """Wait until nobody is let in."""
        with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
            while True:
                self.connect().close()


def read_answer(connection: socket.socket) -> bytes:
    """Read up to the end of the headers, or of all."""
    found = b""
    while b"\r\n\r\n" not in found:
        data = connection.recv(65536)
        if not data:
            break
        found += data
    return found
