"""Workers begin, die and end."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
from collections import Counter
from pathlib import Path

from tests.integration.clients.case import make_directory
from tests.integration.clients.remote import Remote
from tests.integration.daemon import LOOPBACK, twistd
from tests.integration.test_start import _paths
from tests.integration.tuned import wait_for
from tests.integration.workers import crewcase
from tests.integration.workers.crewcase import CrewCase, ask, serves
from tests.web.content import digest_of

NAME = "team/app"
BLOB = bytes(range(256)) * (64 * 1024)
"""More than all buffers between a worker and a client that does not read."""
PATH = f"/v2/{NAME}/blobs/{digest_of(BLOB)}"
CLIENTS = 6
SMALL = 64 * 1024
_PATIENCE = 60.0


class Visits(threading.Thread):
    """Come time and again, each time by a new connection.

    Attributes:
        outcomes: What became of it, and how often.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._enough = threading.Event()

    def run(self) -> None:
        """Come until it is enough."""
        while not self._enough.is_set():
            connection = http.client.HTTPConnection(
                LOOPBACK, self._port, timeout=_PATIENCE
            )
            try:
                self.outcomes[str(ask(connection, "GET", "/v2/")[0])] += 1
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[type(error).__name__] += 1
            finally:
                connection.close()

    def end(self) -> Counter[str]:
        """Let it be enough, and tell what became of it all."""
        self._enough.set()
        self.join(_PATIENCE)
        return self.outcomes


class DeathTests(crewcase.CrewCase):
    def test_what_becomes_of_one_is_no_matter(self) -> None:
        Remote(self.daemon.host).push_blob(NAME, BLOB)
        visits = [Visits(self.daemon.port) for _ in range(CLIENTS)]
        for each in visits:
            each.start()
        survivor = self.connect_to(2)
        os.kill(self.pids[1], signal.SIGKILL)
        status, _, body = ask(survivor, "GET", PATH)
        self.assertEqual((status, digest_of(body)), (200, digest_of(BLOB)))
        now = self.daemon.wait_for_workers(self.pids[1])
        self.assertEqual(now[2], self.pids[2])
        self.connect_to(1)
        outcomes = sum((each.end() for each in visits), Counter[str]())
        broken = sum(outcomes.values()) - outcomes["200"]
        self.assertNotIn("ConnectionRefusedError", outcomes)
        self.assertLessEqual(broken, CLIENTS, outcomes)  # those that it had just then
        self.assertIn(f"Worker 1 (process {self.pids[1]}) ended by", self.daemon.log)
        self._whoever_stops_it_waits_for_downloads()

    def _whoever_stops_it_waits_for_downloads(self) -> None:
        waiting = [self._begin_download(number) for number in (1, 2)]
        process = self.daemon._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        port = self.daemon.port
        wait_for(lambda: is_refused(port), "nobody is let in any more", _PATIENCE)
        for each in waiting:
            self.assertEqual(digest_of(each.read()), digest_of(BLOB))
        self.assertEqual(process.wait(_PATIENCE), -signal.SIGTERM)  # as twistd ends
        self.daemon._process = None
        self.assertNotIn("Traceback", self.daemon.log)

    def _begin_download(self, number: int) -> http.client.HTTPResponse:
        connection = self.connect_to(number)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        connection.request("GET", PATH)
        return connection.getresponse()


class OrphanTests(crewcase.CrewCase):
    def test_workers_end_with_who_began_them(self) -> None:
        Remote(self.daemon.host).push_blob(NAME, BLOB)
        connection = self.connect_to(1)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        connection.request("GET", PATH)
        response = connection.getresponse()
        os.kill(self.daemon.pid, signal.SIGKILL)
        wait_for(lambda: not _lives(self.pids[2]), "the idle one has ended", _PATIENCE)
        self.assertTrue(serves(self.pids[1], connection.sock))
        self.assertEqual(digest_of(response.read()), digest_of(BLOB))
        wait_for(lambda: not _lives(self.pids[1]), "the other one too", _PATIENCE)
        self.assertTrue(is_refused(self.daemon.port))


class StartTests(CrewCase):
    def setUp(self) -> None:
        """Begin nothing."""
        self.directory = make_directory(self)

    def start(self, *options: str) -> "subprocess.CompletedProcess[bytes]":
        """Start what has to come to an end by itself."""
        return subprocess.run(
            [*twistd(), "--workers", "2", "--storage", "data", *options],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_paths())},
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )

    def test_a_port_that_is_taken_is_told_once(self) -> None:
        with contextlib.closing(socket.create_server((LOOPBACK, 0))) as taken:
            # As another crew has it: who joined in would get a part of its clients.
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port = taken.getsockname()[1]
            ended = self.start("--listen", f"tcp:{port}:interface={LOOPBACK}")
        told = ended.stdout + ended.stderr
        self.assertEqual(ended.returncode, 1)
        self.assertEqual(told.count(b"cannot listen at"), 1, told)
        self.assertNotIn(b"orker 1", told)


def is_refused(port: int) -> bool:
    """Say whether nobody listens at a port."""
    try:
        socket.create_connection((LOOPBACK, port)).close()
    except ConnectionRefusedError:
        return True
    return False


def _lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
