"""A Docker engine of the tests' own, in a directory of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.integration.clients.programs import find, search_path, skip

START = 60.0
"""How long an engine may take until it answers, or until it ends, in seconds."""


_WITH_CERTIFICATES = (
    'mkdir -p /etc/docker/certs.d && mount --bind "$0" /etc/docker/certs.d && exec "$@"'
)
"""It looks nowhere else for them: so it gets a view of its own of what is there."""


class Engine:
    """``dockerd`` without networks, which root can run anywhere.

    Args:
        environment: Its environment.
        certificates: A folder as ``/etc/docker/certs.d``, if it shall see one.
    """

    def __init__(
        self, environment: dict[str, str], certificates: Path | None = None
    ) -> None:
        self._daemon, self._client = find("dockerd"), find("docker")
        if os.geteuid() != 0:
            skip("dockerd needs root")
        self.directory = Path(tempfile.mkdtemp(prefix="txd-"))  # sockets want it short
        self.environment = {
            **environment,
            "DOCKER_HOST": f"unix://{self.directory}/s",
            "PATH": search_path(),
        }
        # Without a file of its own it would read the system's.
        (self.directory / "daemon.json").write_text("{}")
        apart: tuple[str, ...] = ()
        if certificates is not None:
            shell = ("sh", "-c", _WITH_CERTIFICATES, str(certificates))
            apart = (find("unshare"), "--mount", *shell)
        with (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *apart,
                    self._daemon,
                    *("--config-file", str(self.directory / "daemon.json")),
                    *("--bridge=none", "--iptables=false", "--storage-driver=vfs"),
                    *("--data-root", str(self.directory / "data")),
                    *("--exec-root", str(self.directory / "exec")),
                    *("--host", self.environment["DOCKER_HOST"]),
                    *("--pidfile", str(self.directory / "pid")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """End it, with containerd, and remove what it kept."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(START)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for mounted in self._mounts():
            subprocess.run(["umount", "-l", mounted], check=False, timeout=START)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _mounts(self) -> list[str]:
        lines = Path("/proc/mounts").read_text().splitlines()
        mounted = [line.split()[1] for line in lines]
        return [path for path in mounted if path.startswith(f"{self.directory}/")]

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            asked = subprocess.run(
                [self._client, "version"],
                env=self.environment,
                capture_output=True,
                check=False,
                timeout=START,
            )
            if asked.returncode == 0:
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
                break
        log = (self.directory / "log").read_text(errors="replace")
        raise AssertionError(f"dockerd did not start:\n{log[-4000:]}")
