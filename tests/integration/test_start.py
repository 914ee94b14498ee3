"""Tests of a start that fails, in the foreground and as a daemon."""

import os
import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import twistd
from tests.integration.tuned import wait_for
from tests.temporary import make_folder

_PATIENCE = 60


class TakenPortTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = make_folder(self)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.port = listener.getsockname()[1]

    def start(self, *options: str) -> subprocess.CompletedProcess[bytes]:
        """Start where somebody listens already; it has to come to an end."""
        where = ["--listen", f"tcp:{self.port}:interface=127.0.0.1"]
        return subprocess.run(
            [twistd()[0], "--pidfile=pid", *options, "registry", *where],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(_paths())},
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )

    def test_in_the_foreground_it_says_why(self) -> None:
        ended = self.start("-n")
        self.assertEqual(ended.returncode, 1)
        self.assertIn(f"127.0.0.1:{self.port}".encode(), ended.stdout + ended.stderr)

    def test_as_a_daemon_it_says_so_to_who_waits(self) -> None:
        ended = self.start("--logfile=log")
        self.assertEqual(ended.returncode, 1)
        told = ended.stdout + ended.stderr
        self.assertIn(f"cannot listen at 127.0.0.1:{self.port}".encode(), told)
        # twistd says so first, and removes the file then.
        pid = os.path.join(self.folder, "pid")
        wait_for(lambda: not os.path.exists(pid), "the file of its pid is gone")


def _paths() -> list[str]:
    return [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
