"""Registries as processes: this one, run by twistd, and those it trades data with."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
START = 30.0
"""How long a registry may take until it listens, or until it ends, in seconds."""
COLLECTION = 120.0
"""How long a collection of garbage may take, in seconds."""
ATTEMPTS = 5
"""How many ports are tried: another process may take one before the registry does."""


class DaemonError(AssertionError):
    """A registry did not start, or did not stop."""


class Daemon:
    """This registry under twistd, on a port of its own; it runs once constructed."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self.port = 0
        self._taken = False
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.scratch = Path(tempfile.mkdtemp(prefix="txr-"))
        directory.mkdir(parents=True, exist_ok=True)
        try:
            self._choose_port()
        except BaseException:
            self.discard()
            raise

    @property
    def host(self) -> str:
        """Where it listens, as image names spell it: ``127.0.0.1:PORT``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://{self.host}"

    @property
    def log(self) -> str:
        """All that it has written, before restarts too."""
        path = self.scratch / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The process that was started; it may have children."""
        return self._running().pid

    def peak_memory(self) -> int:
        """The most memory that was ever resident, in bytes, with its children."""
        return sum(map(_high_water, _family(self.pid)))

    def start(self) -> None:
        """Run again where it was, on the same port and directory."""
        if not self._launch(self.port):
            raise DaemonError(f"did not start again on {self.host}:\n{self.log}")

    def kill(self) -> None:
        """End it at once, with its children: what a power cut does to a process."""
        process = self._running()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(START)
        self._process = None

    def stop(self) -> None:
        """Ask it to end and wait for that; nothing happens if it does not run."""
        if self._process is None:
            return
        process = self._process
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(START)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DaemonError(f"did not stop in {START:.0f} s:\n{self.log}") from None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._process = None

    def restart(self) -> None:
        """End it in good order and run it again."""
        self.stop()
        self.start()

    def discard(self) -> None:
        """Stop it and remove its log; the data stays."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        endpoint = f"tcp:{port}:interface={LOOPBACK}"
        return [
            *twistd(),
            *("--listen", endpoint, "--storage", str(self.directory)),
            *self._arguments,
        ]

    def _choose_port(self) -> None:
        for _ in range(ATTEMPTS):
            self.port = _free_port()
            if self._launch(self.port):
                return
            if not self._taken and "in use" not in self.log:
                break
        raise DaemonError(f"did not start:\n{self.log}")

    def _launch(self, port: int) -> bool:
        command = self.command(port)
        with (self.scratch / "log").open("ab") as log:
            self._process = _spawn(command, log, self.scratch)
        self._taken = False
        deadline = time.monotonic() + START
        while not self._ended():
            listener = _listener(port)
            if listener is not None and listener in _sockets(self.pid):
                return True
            self._taken = listener is not None
            if self._taken or time.monotonic() > deadline:
                self.kill()
        return False

    def _ended(self) -> bool:
        """Whether the process is gone; looking takes a moment, so loops do not spin."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.02)
                self._process = None
        return self._process is None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise DaemonError(f"does not run:\n{self.log}")
        return self._process


class ConfiguredDaemon(Daemon):
    """This registry under twistd, set up by a file such as Distribution's."""

    def __init__(self, directory: Path, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        super().__init__(directory)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        path = write_settings(self.scratch, self.directory, port, self._settings)
        return [*twistd(), "--config", str(path)]


class Peer(Daemon):
    """Distribution's own registry, of the release that the program is.

    Args:
        program: The program.
        directory: Where it keeps content, unless the settings say otherwise.
        settings: What is not as usual.
    """

    def __init__(
        self, program: str, directory: Path, settings: Mapping[str, Any] | None = None
    ) -> None:
        self._program = program
        self._settings = settings or {}
        super().__init__(directory)

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        path = write_settings(self.scratch, self.directory, port, self._settings)
        return [self._program, "serve", str(path)]

    def collect(self, *options: str) -> None:
        """Remove what nothing needs, while it does not run.

        Raises:
            DaemonError: it did not come to its end.
        """
        path = write_settings(self.scratch, self.directory, self.port, self._settings)
        done = subprocess.run(
            [self._program, "garbage-collect", *options, str(path)],
            capture_output=True,
            check=False,
            env=_environment(),
            text=True,
            timeout=COLLECTION,
        )
        if done.returncode:
            raise DaemonError(f"did not collect:\n{done.stdout}{done.stderr}")


def write_settings(
    scratch: Path, directory: Path, port: int, more: Mapping[str, Any]
) -> Path:
    """Write a configuration that Distribution reads: JSON is YAML too.

    Returns:
        The file, which lies in ``scratch``.
    """
    settings = {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(directory)},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"{LOOPBACK}:{port}"},
        **more,
    }
    path = scratch / "config.yml"
    path.write_text(json.dumps(settings, indent=2))
    return path


def twistd() -> list[str]:
    """Find twistd: the one of this interpreter first."""
    beside = Path(sys.executable).with_name("twistd")
    found = str(beside) if beside.exists() else shutil.which("twistd")
    if found is None:
        raise DaemonError("twistd is not installed")
    return [found, "-n", "--pidfile=", "registry"]


def _spawn(
    command: list[str], log: IO[bytes], directory: Path
) -> subprocess.Popen[bytes]:
    """Run a registry in a process group of its own."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=directory,
        env=_environment(),
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """Give the variables of the tests, without the user's settings of registries."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("REGISTRY_", "OTEL_", "AWS_"))
    }
    paths = (str(ROOT), environment.get("PYTHONPATH", ""))
    return {
        **environment,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OTEL_TRACES_EXPORTER": "none",
    }


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        port: int = taken.getsockname()[1]
        return port


def _listener(port: int) -> str | None:
    """Find the socket that listens on a port, whosever it is."""
    local = f"{socket.htonl(int.from_bytes(socket.inet_aton(LOOPBACK))):08X}:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines():
        fields = line.split()
        if fields[1] == local and fields[3] == "0A":
            return f"socket:[{fields[9]}]"
    return None


def _sockets(pid: int) -> Iterator[str]:
    """List what a process and its children have open, sockets among it."""
    for member in _family(pid):
        for path in Path(f"/proc/{member}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(path.readlink())


def _family(pid: int) -> Iterator[int]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            yield from _family(int(child))


def _high_water(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise DaemonError(f"the kernel does not tell the memory of {pid}")
    return int(found[1]) * 1024
