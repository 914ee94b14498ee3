"""A Docker engine of the test's own, which leaves nothing behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.integration.clients.programs import Program, ProgramError, find, skip

START = 60.0
"""How long the engine may take to start or to end, in seconds."""


class Engine:
    """Run dockerd, without networks and apart from any other engine.

    Attributes:
        docker: the command line client, connected to this engine.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        if os.geteuid():
            skip("dockerd needs root")
        daemon, client = find("dockerd"), find("docker")
        # The path of a socket may have 107 bytes only.
        self._directory = Path(tempfile.mkdtemp(prefix="txd-", dir="/tmp"))
        self._socket = self._directory / "docker.sock"
        self._process = self._spawn(daemon, environment)
        self.docker = Program(
            client,
            "--host",
            f"unix://{self._socket}",
            environment=environment,
            directory=self._directory,
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @property
    def log(self) -> str:
        """All that dockerd has written."""
        return (self._directory / "log").read_text(errors="replace")

    def stop(self) -> None:
        """End dockerd with its containerd, and remove what they kept."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(START)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(START)
            shutil.rmtree(self._directory)

    def _spawn(
        self, daemon: str, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        directory = self._directory
        (directory / "daemon.json").write_text("{}")  # not the system's
        with (directory / "log").open("wb") as log:
            return subprocess.Popen(
                [
                    daemon,
                    *("--config-file", str(directory / "daemon.json")),
                    *("--host", f"unix://{self._socket}"),
                    *("--data-root", str(directory / "data")),
                    *("--exec-root", str(directory / "exec")),
                    *("--pidfile", str(directory / "pid")),
                    *("--storage-driver", "vfs"),
                    *("--bridge=none", "--iptables=false", "--ip6tables=false"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env=environment,
                start_new_session=True,
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while not self._answers():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                raise ProgramError(f"dockerd did not start:\n{self.log}")
            if time.monotonic() > deadline:
                raise ProgramError(f"dockerd does not listen:\n{self.log}")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return not connection.connect_ex(str(self._socket))
