"""Connections that say nothing, to a daemon that may have few files open."""

import contextlib
import re
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import Files, issue
from tests.integration.daemon import LOOPBACK, Daemon
from tests.integration.tuned import TunedDaemon, wait_for
from tests.temporary import make_folder

ELSEWHERE = "127.0.0.2"
_PATIENCE = 10.0
_MANY = 200
_ONE = 150
"""Connections of one place, where there may be 300 files."""


class LimitedDaemon(Daemon):
    """This registry, for which whoever starts it has set a limit of open files."""

    limit = "ulimit -n 300"

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        script = f'{self.limit} && exec "$@"'
        return ["sh", "-c", script, "sh", *super().command(port)]


class SoftlyLimitedDaemon(LimitedDaemon):
    """The same; it may raise the limit itself."""

    limit = "ulimit -Sn 256"


class ConnectionsTests(SynchronousTestCase):
    def run_daemon(self, kind: type[Daemon]) -> None:
        """Run a registry."""
        self.daemon = kind(Path(make_folder(self)))
        self.addCleanup(self.daemon.discard)

    def connect(self, source: str = LOOPBACK) -> socket.socket:
        """Connect from somewhere."""
        found = socket.create_connection(
            (LOOPBACK, self.daemon.port), _PATIENCE, source_address=(source, 0)
        )
        self.addCleanup(found.close)
        return found

    def ask(self, source: str = LOOPBACK) -> bytes:
        """Ask something from somewhere, and give how the answer begins."""
        with self.connect(source) as connection:
            connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            return connection.recv(12)

    def test_one_place_leaves_room_for_others(self) -> None:
        self.run_daemon(LimitedDaemon)
        connections = [self.connect() for _ in range(_MANY)]
        for _ in range(10):
            self.assertEqual(self.ask(ELSEWHERE), b"HTTP/1.1 200")
        wait_for(
            lambda: sum(map(_is_over, connections)) == _MANY - _ONE,
            "what is too much is broken off",
        )
        self.assertFalse(any(map(_is_over, connections[:_ONE])))
        told = self.daemon.log
        self.assertEqual(told.count("no more connections are taken"), 1, told)
        self.assertIn(f"{LOOPBACK} has {_ONE} connections", told)
        self.assertNotIn("EMFILE", told)
        for each in connections:
            each.close()
        wait_for(lambda: self.ask_or_not() == b"HTTP/1.1 200", "there is room again")

    def ask_or_not(self) -> bytes:
        """Ask something; nothing, if the connection was broken off."""
        with contextlib.suppress(ConnectionError):
            return self.ask()
        return b""

    def test_limit_is_told_where_it_is_low(self) -> None:
        self.run_daemon(LimitedDaemon)
        self.assertIn("No more than 300 files and connections", self.daemon.log)

    def test_limit_is_raised_where_that_is_allowed(self) -> None:
        self.run_daemon(SoftlyLimitedDaemon)
        limits = Path(f"/proc/{self.daemon.pid}/limits").read_text()
        found = re.search(r"^Max open files +(\S+) +(\S+)", limits, re.MULTILINE)
        assert found is not None, limits
        self.assertEqual(found[1], found[2])


class SilenceTests(SynchronousTestCase):
    def test_handshake_that_does_not_end_is_broken_off(self) -> None:
        folder = make_folder(self)
        files = Files(folder)
        server = issue("server")
        tls = {
            "certificate": files.put("server.pem", server.pem),
            "key": files.put("server.key", server.key_pem),
        }
        http = {"tls": tls, "idletimeout": "1s"}
        daemon = TunedDaemon(Path(folder) / "data", {"http": http})
        self.addCleanup(daemon.discard)
        for said in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"):
            with socket.create_connection((LOOPBACK, daemon.port), _PATIENCE) as one:
                one.sendall(said)
                self.assertEqual(_read(one), b"")


def _read(connection: socket.socket) -> bytes:
    """Read what comes; nothing, if the connection was broken off."""
    with contextlib.suppress(ConnectionError):
        return connection.recv(1)
    return b""


def _is_over(connection: socket.socket) -> bool:
    """Say whether the other side has ended a connection that says nothing."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
