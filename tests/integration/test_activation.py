"""A socket that systemd opens, and hands over: to one process, and to workers."""

import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import LOOPBACK, ROOT, twistd
from tests.temporary import make_folder

_PATIENCE: Final = 60.0
_SYSTEMD: Final = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
told = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a.socket"}
os.execve(sys.argv[2], sys.argv[2:], {**os.environ, **told})
"""
"""What systemd does before it runs a program: see sd_listen_fds(3)."""
_UNIT: Final = ROOT / "docs" / "deploy" / "txregistry.service"
_PLACES: Final = ("/opt/txregistry/bin/twistd", "/etc/txregistry/config.yml")
"""What the unit runs, and with which settings."""


class ActivationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = make_folder(self)
        self.listener = socket.create_server((LOOPBACK, 0), backlog=64)
        self.addCleanup(self.listener.close)
        self.port: int = self.listener.getsockname()[1]

    def start(self, workers: int) -> subprocess.Popen[bytes]:
        """Run it as systemd does, until the end of the test."""
        settings: dict[str, Any] = {
            "storage": {"filesystem": {"rootdirectory": self.folder}},
            "http": {"listen": ["systemd:domain=INET:index=0"], "workers": workers},
        }
        path = Path(self.folder, "config.yml")
        path.write_text(json.dumps(settings))
        descriptor = str(self.listener.fileno())
        with Path(self.folder, "log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _SYSTEMD, descriptor),
                    *_command(path),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                pass_fds=[self.listener.fileno()],
            )
        self.addCleanup(self.end, process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End it, as systemd does."""
        process.terminate()
        process.wait(_PATIENCE)

    def ask(self) -> int:
        """Connect, and ask; who connects before anybody serves waits."""
        client = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PATIENCE)
        with closing(client):
            client.request("GET", "/v2/")
            return client.getresponse().status

    def serve(self, workers: int) -> None:
        """Serve, end, and serve again, at a port that stays open all the while."""
        for _ in range(2):
            process = self.start(workers)
            self.assertEqual(self.ask(), 200)
            self.end(process)

    def test_one_process(self) -> None:
        self.serve(1)

    def test_workers(self) -> None:
        self.serve(2)

    def test_without_the_socket_the_start_says_so(self) -> None:
        path = Path(self.folder, "config.yml")
        path.write_text('http: {listen: ["systemd:domain=INET:index=0"]}')
        ended = subprocess.run(
            _command(path),
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        self.assertEqual(ended.returncode, 1)
        told = ended.stdout + ended.stderr
        self.assertIn(b"systemd:domain=INET:index=0: systemd has not handed", told)
        self.assertNotIn(b"Traceback", told)


def _command(settings: Path) -> list[str]:
    """Give what the unit runs, from here and with other settings."""
    (text,) = (
        line.removeprefix("ExecStart=")
        for line in _UNIT.read_text().splitlines()
        if line.startswith("ExecStart=")
    )
    here = dict(zip(_PLACES, (twistd()[0], str(settings)), strict=True))
    words = shlex.split(text)
    assert set(here) < set(words), text
    return [here.get(word, word) for word in words]
