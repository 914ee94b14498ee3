"""A daemon with two workers, and connections of which it is known who serves them."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.daemon import LOOPBACK
from tests.integration.tuned import TunedDaemon, wait_for

WORKERS = 2
TRIES = 200
"""Connections after which each worker has had one, but for a chance of 2⁻²⁰⁰."""
_PATIENCE = 60.0
_MODULE = b"txregistry.working"


class CrewDaemon(TunedDaemon):
    """This registry under twistd, with two workers."""

    def workers(self) -> dict[int, int]:
        """Say which processes the workers are, by their numbers."""
        found = {}
        for child in _children(self.pid):
            with suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if _MODULE in words:
                    found[int(words[words.index(_MODULE) + 1])] = child
        return found

    def serving(self) -> dict[int, int]:
        """Give the workers that said that they serve, as `workers` does."""
        return {
            number: pid
            for number, pid in self.workers().items()
            if f"Worker {number} serves (process {pid})" in self.log
        }

    def wait_for_workers(self, *gone: int) -> dict[int, int]:
        """Wait until all workers serve, and none is one of some processes."""

        def serve() -> bool:
            found = self.serving()
            return len(found) == WORKERS and not set(gone) & set(found.values())

        wait_for(serve, f"{WORKERS} workers serve", _PATIENCE)
        return self.serving()


class CrewCase(SynchronousTestCase):
    """A daemon with two workers that serve.

    Inherit as ``crewcase.CrewCase``.
    """

    def setUp(self) -> None:
        self.directory = make_directory(self)
        self.daemon = self.run_daemon(self.settings())
        self.pids = self.daemon.wait_for_workers()

    def settings(self) -> dict[str, Any]:
        """Give the settings besides those of the workers."""
        return {}

    def run_daemon(self, settings: dict[str, Any]) -> CrewDaemon:
        """Run it until the end of the test."""
        whole = {**settings, "http": {**settings.get("http", {}), "workers": WORKERS}}
        daemon = CrewDaemon(self.directory / "registry", whole)
        self.addCleanup(daemon.discard)
        return daemon

    def connect(self) -> http.client.HTTPConnection:
        """Connect to whichever worker."""
        connection = http.client.HTTPConnection(
            LOOPBACK, self.daemon.port, timeout=_PATIENCE
        )
        self.addCleanup(connection.close)
        connection.connect()
        return connection

    def connect_to(self, number: int) -> http.client.HTTPConnection:
        """Connect to a certain worker, who serves."""
        pid = self.daemon.serving()[number]
        for _ in range(TRIES):
            connection = self.connect()
            ask(connection, "GET", "/v2/")
            if serves(pid, connection.sock):
                return connection
            connection.close()
        raise AssertionError(f"worker {number} had none of {TRIES} connections")


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    **headers: str,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Send a request, and read all of the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    with closing(connection.getresponse()) as response:
        return response.status, response.headers, response.read()


def serves(pid: int, client: socket.socket) -> bool:
    """Say whether a process has the other end of a connection."""
    ours, theirs = _spell(client.getsockname()), _spell(client.getpeername())
    for line in Path("/proc/net/tcp").read_text().splitlines():
        fields = line.split()
        if fields[1:3] == [theirs, ours]:
            return f"socket:[{fields[9]}]" in _links(pid)
    return False


def _spell(address: tuple[str, int]) -> str:
    host = socket.htonl(int.from_bytes(socket.inet_aton(address[0])))
    return f"{host:08X}:{address[1]:04X}"


def _links(pid: int) -> Iterator[str]:
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            yield str(path.readlink())


def _children(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, path.read_text().split())
