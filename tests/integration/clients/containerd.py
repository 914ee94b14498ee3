"""Containerd of the tests' own, and ``ctr`` as a courier."""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.couriers import Courier
from tests.integration.clients.images import Image, write_archive
from tests.integration.clients.programs import find, skip
from tests.integration.tuned import PATIENCE, wait_for

_SETTINGS = """\
version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt",
  "io.containerd.nri.v1.nri",
]
[grpc]
address = "{0}/s"
[ttrpc]
address = "{0}/t"
"""

_HOSTS = """\
server = "https://{host}"

[host."https://{host}"]
  ca = "{files}/ca.crt"
"""
_CLIENT = '  client = [["{files}/client.cert", "{files}/client.key"]]\n'


class Ctr(Courier):
    """It asks for tokens by POST first, and by GET where that is not answered.

    Nobody logs in: each command is told who somebody is.
    """

    program = "ctr"
    verifies = False
    storage = ("--address", "{0}/s")

    def settle(self, case: SynchronousTestCase) -> None:
        """See `Courier`."""
        if os.geteuid() != 0:
            skip("containerd needs root")
        self._user: tuple[str, ...] = ()
        program = find("containerd")
        settings = self.directory / "containerd.toml"
        settings.write_text(_SETTINGS.format(self.directory))
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                [program, "--config", str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        case.addCleanup(self._discard)
        wait_for((self.directory / "s").exists, "containerd listens")
        if self.certificates is not None:
            place = self.directory / "certs.d" / self.host
            place.mkdir(parents=True)
            text = _HOSTS + (_CLIENT if self.has_certificate() else "")
            written = text.format(host=self.host, files=self.certificates)
            (place / "hosts.toml").write_text(written)

    @property
    def _options(self) -> tuple[str, ...]:
        if self.certificates is None:
            return ("--plain-http", *self._user)
        return ("--hosts-dir", str(self.directory / "certs.d"), *self._user)

    def log_in(self, user: str, password: str) -> None:
        """See `Courier`."""
        self._user = ("--user", f"{user}:{password}")

    def log_out(self) -> None:
        """See `Courier`."""
        self._user = ()

    def take(self, name: str, image: Image) -> None:
        """See `Courier`."""
        archive = self.directory / "archive.tar"
        write_archive(archive, image, self.url(name))
        self.client.run("images", "import", "--no-unpack", str(archive))

    def push_command(self, name: str, image: Image) -> tuple[str, ...]:
        """See `Courier`."""
        del image
        return ("images", "push", *self._options, self.url(name))

    def pull_command(self, name: str, target: str) -> tuple[str, ...]:
        """See `Courier`."""
        del target
        known = self.client.text("images", "ls", "--quiet").split()
        if known:
            self.client.run("images", "rm", "--sync", *known)
        options = ("--snapshotter", "native", *self._options)
        return ("images", "pull", *options, self.url(name))

    def check(self, name: str, target: str, image: Image) -> None:
        """See `Courier`."""
        del target
        assert self.client.text("images", "ls", "--quiet") == self.url(name)
        assert image.config.digest in self.client.text("content", "ls", "--quiet")

    def _discard(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
