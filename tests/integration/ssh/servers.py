"""SSH servers as processes: ours, and OpenSSH's, which runs our command for a key."""

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.integration.clients.programs import find, search_path
from tests.integration.daemon import (
    ATTEMPTS,
    LOOPBACK,
    ROOT,
    START,
    ConfiguredDaemon,
    DaemonError,
    _free_port,
    _listener,
)

_PROGRAM = "from txregistry.commands.sshcommand import main; main()"
_PRIVILEGES = Path("/run/sshd")
"""The folder without which OpenSSH's server does not run as root."""


class OwnServer(ConfiguredDaemon):
    """Our daemon, which listens for SSH besides.

    Args:
        directory: Where it keeps content.
        keys: The file of those who are known.
        ssh: Further settings of ``ssh``.
        settings: Further settings.
    """

    def __init__(
        self,
        directory: Path,
        keys: Path,
        ssh: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.ssh_port = 0
        self._keys = keys
        self._ssh = dict(ssh or {})
        self._more = settings
        super().__init__(directory, settings)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        self.ssh_port = self.ssh_port or _free_port()
        listen = [f"tcp:{self.ssh_port}:interface={LOOPBACK}"]
        ssh = {"listen": listen, "keys": str(self._keys), **self._ssh}
        self._settings = {"ssh": ssh, **self._more}
        return super().command(port)


class OpenSshServer:
    """OpenSSH's own server, which runs a command of ours for each key.

    Args:
        directory: Where it keeps its files.
        lines: What ``authorized_keys`` has.
    """

    def __init__(self, directory: Path, lines: Sequence[str]) -> None:
        self._program = find("sshd")
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        key = directory / "host"
        subprocess.run(
            [find("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
            check=True,
        )
        authorized = directory / "authorized_keys"
        authorized.write_text("".join(f"{line}\n" for line in lines))
        authorized.chmod(0o600)
        if os.geteuid() == 0:
            with contextlib.suppress(OSError):
                _PRIVILEGES.mkdir(mode=0o755)
        self.log = directory / "log"
        for _ in range(ATTEMPTS):
            self.ssh_port = _free_port()
            if self._launch(key, authorized):
                return
        raise DaemonError(f"sshd did not start:\n{self.log.read_text()}")

    def discard(self) -> None:
        """End it, with all that it runs."""
        self._process.terminate()
        self._process.wait(START)

    def _launch(self, key: Path, authorized: Path) -> bool:
        config = self.directory / "sshd_config"
        config.write_text(
            f"Port {self.ssh_port}\nListenAddress {LOOPBACK}\nHostKey {key}\n"
            f"AuthorizedKeysFile {authorized}\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
            "PidFile none\nLogLevel VERBOSE\nSubsystem sftp internal-sftp\n"
        )
        self._process = subprocess.Popen(
            [self._program, "-D", "-f", str(config), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
            env={"PATH": search_path()},
        )
        while _listener(self.ssh_port) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
                return False
        return True


def forced(key: str, *arguments: str) -> str:
    """Write a line of ``authorized_keys`` that runs our command for a key."""
    words = [sys.executable, "-c", _PROGRAM, *arguments]
    command = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(words)}"
    quoted = command.replace("\\", "\\\\").replace('"', '\\"')
    return f'restrict,command="{quoted}" {key}'
