"""Registries under measurement: how they are started, watched and stopped."""

import os
import shlex
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.certificates import Certificates
from tests.benchmarks.report import MeasureError

HOST = "127.0.0.1"
_CHECKOUT = Path(__file__).resolve().parents[2]
_STARTING = 60.0
_STOPPING = 10.0
_PATIENCE = 300
_IMPATIENCE = 5
_TICKS = os.sysconf("SC_CLK_TCK")
#: Positions in /proc/PID/stat, counted after the name of the program.
_SESSION, _TIMES = 3, slice(11, 15)

_CONFIG = """\
version: 0.1
log: {accesslog: {disabled: true}, level: error}
storage:
  %s%s
  delete: {enabled: true}
http: {addr: "%s:%d"%s}
%s
"""
_CACHE = "cache: {blobdescriptor: inmemory}\n  "


def twistd_command(arguments: str) -> str:
    """Return the command line that starts the registry of this checkout.

    Args:
        arguments: What comes after ``registry``.
    """
    beside = Path(sys.executable).with_name("twistd")
    twistd = str(beside) if beside.exists() else shutil.which("twistd") or "twistd"
    return f"{shlex.quote(twistd)} -n --pidfile= registry {arguments}"


def this_command() -> str:
    """Return the command line that starts it with the usual few options."""
    return twistd_command(
        f"--listen tcp:{{port}}:interface={HOST} --storage {{directory}}"
    )


def peer_command() -> str | None:
    """Return the command line that starts Distribution, if it is on the PATH."""
    program = shutil.which("registry")
    return f"{shlex.quote(program)} serve {{config}}" if program else None


@dataclass(frozen=True)
class Side:
    """One of the registries that are compared.

    Args:
        name: What the report calls it.
        command: Its command line, with ``{port}``, ``{directory}`` and ``{config}``.
        cache: Whether a Distribution gets the cache of its official image.
        certificates: Those of both ends, if TLS is to be spoken; ``{config}`` says so.
        storage: What ``storage`` says of a store that is no folder, as lines of YAML.
        more: What else the configuration says, likewise.
    """

    name: str
    command: str
    cache: bool = True
    certificates: Certificates | None = None
    storage: str = ""
    more: str = ""

    def start(self, place: Path, data: Path | None = None) -> "Server":
        """Start the registry and wait until it answers.

        Args:
            place: A directory for its configuration and log.
            data: The directory it serves; by default one below ``place``.

        Raises:
            MeasureError: It ended, or did not answer.
        """
        data = data or place / "data"
        data.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        config = place / "config.yml"
        config.write_text(self.configure(data, port))
        filled = {
            "{port}": str(port),
            "{directory}": str(data),
            "{config}": str(config),
        }
        command = shlex.split(self.command)
        for name, value in filled.items():
            command = [word.replace(name, value) for word in command]
        context = self.certificates.usual if self.certificates else None
        return Server(command, place, port, context)

    def configure(self, data: Path, port: int) -> str:
        """Write its configuration.

        Args:
            data: The directory it serves.
            port: Where it is to listen, on the loopback interface.
        """
        cache = _CACHE if self.cache else ""
        tls = f", tls: {self.certificates.settings()}" if self.certificates else ""
        storage = self.storage or f"filesystem: {{rootdirectory: {data}}}"
        return _CONFIG % (cache, storage, HOST, port, tls, self.more)


class Server:
    """A running registry, in a session of its own. A context manager that stops it.

    Args:
        command: What to run.
        place: Its working directory, where its log goes.
        port: Where it will listen, on the loopback interface.
        tls: What its clients need, if it speaks TLS.
    """

    def __init__(
        self,
        command: list[str],
        place: Path,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.tls = tls
        self._log = place / "log"
        environment = dict(os.environ)
        path = [str(_CHECKOUT), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        environment["OTEL_TRACES_EXPORTER"] = "none"  # as in Distribution's image
        environment["REGISTRY_LOG_ACCESSLOG_DISABLED"] = "true"  # both understand it
        started = time.perf_counter()
        with self._log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=place,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise MeasureError(f"cannot start {command[0]}: {error}") from error
        try:
            self._wait(started + _STARTING)
        except BaseException:
            self.stop()
            raise
        #: Seconds from the start of the process to its first answer.
        self.startup = time.perf_counter() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def connect(self, patience: int = _PATIENCE) -> socket.socket:
        """Connect, by TLS if it speaks that.

        Args:
            patience: For how many seconds a call may take.
        """
        plain = self.reach(patience)
        if self.tls is None:
            return plain
        return self.tls.wrap_socket(plain, server_hostname=HOST)

    def reach(self, patience: int = _PATIENCE) -> socket.socket:
        """Connect, and leave TLS to the caller."""
        plain = socket.create_connection((HOST, self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel's time-outs: Python's own would make each call two.
        limit = struct.pack("@ll", patience, 0)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        return plain

    def stop(self) -> None:
        """End the processes, by force if they take their time."""
        group = self._process.pid
        try:
            os.killpg(group, signal.SIGTERM)
            self._process.wait(_STOPPING)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            self._process.wait()

    def cpu(self) -> float:
        """Return the CPU seconds used so far, by all its processes."""
        return (
            sum(sum(map(int, fields[_TIMES])) for _, fields in self._stats()) / _TICKS
        )

    def memory(self) -> int:
        """Return the peak of resident bytes: the sum of each process's own peak."""
        return sum(self.peaks())

    def peaks(self) -> list[int]:
        """Return the peak of resident bytes of each process."""
        return self._tell("status", "VmHWM:")

    def share(self) -> int:
        """Return the resident bytes now; what processes share is counted once."""
        return sum(self._tell("smaps_rollup", "Pss:"))

    def _tell(self, name: str, field: str) -> list[int]:
        """Read a number of bytes from a file that each process has in /proc."""
        found = []
        for pid, _ in self._stats():
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/{name}").read_text().splitlines()
                told = (line.split()[1] for line in lines if line.startswith(field))
                found += [int(number) * 1024 for number in told]
        return found

    def _stats(self) -> list[tuple[int, list[str]]]:
        """Read /proc/PID/stat of every process of the session."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[_SESSION]) == self._process.pid:
                        found.append((int(entry.name), fields))
        return found

    def _wait(self, deadline: float) -> None:
        while not self._answers():
            if (status := self._process.poll()) is not None:
                raise MeasureError(f"ended with status {status}: {self._last_words()}")
            if time.perf_counter() > deadline:
                raise MeasureError(f"does not answer: {self._last_words()}")
            time.sleep(0.001)

    def _answers(self) -> bool:
        request = f"GET /v2/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        try:
            with self.connect(_IMPATIENCE) as connection:
                connection.sendall(request.encode())
                return connection.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return " / ".join(lines[-5:]) or "without a word"


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])
