"""OpenSSH's server on a port of its own, with our commands behind it."""

import os
import pwd
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.integration.clients.programs import find
from tests.integration.daemon import LOOPBACK, ROOT

START = 60.0
"""How long it may take until it listens, in seconds."""
_COMMAND = """\
#!/bin/sh
PYTHONPATH={root} exec {python} -c \
'from txregistry.commands.{name} import main; main()' "$@"
"""


class SshServer:
    """``sshd``, which lets in who runs the tests, with a key of its own.

    Args:
        directory: Where its files are.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        sshd, keygen = find("sshd"), find("ssh-keygen")
        find("ssh")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # it wants that of root
        directory.mkdir(parents=True)
        for name in ("host", "mine"):
            subprocess.run(
                [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)],
                check=True,
            )
        mine = (directory / "mine.pub").read_text()
        (directory / "authorized_keys").write_text(mine)
        commands = write_commands(directory / "bin")
        with socket.socket() as taken:
            taken.bind((LOOPBACK, 0))
            self.port: int = taken.getsockname()[1]
        (directory / "sshd_config").write_text(
            f"ListenAddress {LOOPBACK}\nPort {self.port}\n"
            f"HostKey {directory}/host\nPidFile none\n"
            f"AuthorizedKeysFile {directory}/authorized_keys\n"
            "StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n"
            f"UsePAM no\nSetEnv PATH={commands}:{os.environ['PATH']}\n"
        )
        host = " ".join((directory / "host.pub").read_text().split()[:2])
        (directory / "known_hosts").write_text(f"[{LOOPBACK}]:{self.port} {host}\n")
        (directory / "ssh_config").write_text(
            f"UserKnownHostsFile {directory}/known_hosts\n"
            f"IdentityFile {directory}/mine\nIdentitiesOnly yes\nIdentityAgent none\n"
            f"StrictHostKeyChecking yes\nUser {pwd.getpwuid(os.geteuid()).pw_name}\n"
        )
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sshd, "-D", "-e", "-f", str(directory / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()

    @property
    def options(self) -> list[str]:
        """What lets our commands reach it."""
        return ["--ssh", f"ssh -F {self.directory}/ssh_config"]

    def url(self, path: Path | None = None) -> str:
        """Name a folder behind it."""
        return f"ssh://{LOOPBACK}:{self.port}{'' if path is None else path}"

    def discard(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(START)

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while True:
            try:
                socket.create_connection((LOOPBACK, self.port), START).close()
            except ConnectionRefusedError:
                log = (self.directory / "log").read_text()
                assert self._process.poll() is None, log
                assert time.monotonic() < deadline, log
                time.sleep(0.05)
            else:
                return


def write_commands(folder: Path) -> Path:
    """Write our commands as programs, as if they were installed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("registryget", "registryput"):
        path = folder / name
        path.write_text(_COMMAND.format(root=ROOT, python=sys.executable, name=name))
        path.chmod(0o755)
    return folder
