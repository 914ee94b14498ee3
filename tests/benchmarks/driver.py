"""The client of everything in ``goals``: a program in Go, built where it is needed.

It is written as clients of registries are, and costs the machine little. What it has to
prepare is not measured: it says when it is ready, and is told to begin.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.certificates import Certificates
from tests.benchmarks.report import MeasureError
from tests.benchmarks.servers import HOST, Server

#: Where it is written.
SOURCE = Path(__file__).with_name("goclient")
#: Seconds: for building, and for anything that is asked.
_BUILDING, _PATIENCE = 300, 600
#: Nothing is fetched: what it is made of comes with Go.
OFFLINE = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "",
    "GOPROXY": "off",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


class NoGoError(Exception):
    """There is no Go here."""


def build(folder: Path) -> Path:
    """Build the program.

    Args:
        folder: Where it goes.

    Raises:
        NoGoError: There is no Go to build it with.
        MeasureError: It cannot be built.
    """
    go = shutil.which("go")
    if go is None:
        raise NoGoError
    program = folder / "goclient"
    built = subprocess.run(
        [go, "build", "-o", program, "."],
        cwd=SOURCE,
        env=os.environ | OFFLINE,
        capture_output=True,
        text=True,
        timeout=_BUILDING,
        check=False,
    )
    if built.returncode:
        raise MeasureError(f"the client cannot be built: {built.stderr.strip()}")
    return program


@dataclass(frozen=True)
class Outcome:
    """What was done, and what it cost. Times are in seconds.

    Args:
        seconds: By the clock.
        operations: How many requests, blobs, images or connections.
        size: Bytes that were asked for or sent.
        p50: What half of the operations did not exceed.
        p99: What 99 of a hundred did not exceed.
        digests: Those of what was pushed.
        server: The server's CPU.
        client: The client's CPU.
    """

    seconds: float
    operations: int
    size: int
    p50: float
    p99: float
    digests: tuple[str, ...]
    server: float
    client: float


class Driver:
    """Let the program work at a server.

    Args:
        program: What was built.
        server: The server.
        certificates: What TLS needs, if that is spoken.
    """

    def __init__(
        self, program: Path, server: Server, certificates: Certificates | None = None
    ) -> None:
        self.server = server
        self._command = [str(program)]
        scheme = "https" if certificates else "http"
        #: The server, without a path.
        self.url = f"{scheme}://{HOST}:{server.port}"
        self._usual = ["-wait", "-url", self.url]
        if certificates:
            self._usual += ["-authority", certificates.authority]
            self._usual += ["-client", certificates.known]

    def run(self, mode: str, **options: object) -> Outcome:
        """Do something to the end.

        Args:
            mode: What the program calls it.
            options: What it is told.

        Raises:
            MeasureError: It failed.
        """
        with self._ready(mode, options) as process:
            cpu = self.server.cpu()
            try:
                said, errors = process.communicate("\n", timeout=_PATIENCE)
            except subprocess.TimeoutExpired as error:
                raise MeasureError(f"{mode} does not come to an end") from error
            used = self.server.cpu() - cpu
            if process.returncode:
                raise MeasureError(f"{mode}: {errors.strip()}")
        told = json.loads(said)
        return Outcome(
            seconds=told["seconds"],
            operations=told["operations"],
            size=told["bytes"],
            p50=told["p50"],
            p99=told["p99"],
            digests=tuple(told["digests"] or ()),
            server=used,
            client=told["cpu"],
        )

    @contextmanager
    def running(self, mode: str, **options: object) -> Iterator[None]:
        """Do something meanwhile, and break it off at the end of the context.

        Raises:
            MeasureError: It ended before.
        """
        with self._ready(mode, options) as process:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            yield
            if process.poll() is not None:
                raise MeasureError(f"{mode} ended too early: {_last_words(process)}")

    @contextmanager
    def _ready(
        self, mode: str, options: dict[str, object]
    ) -> Iterator[subprocess.Popen[str]]:
        words = [
            f"-{name}={word}"
            for name, told in options.items()
            for word in (told if isinstance(told, tuple) else (told,))
        ]
        with subprocess.Popen(
            [*self._command, mode, *self._usual, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                if process.stdout.readline() != "ready\n":
                    process.wait(_PATIENCE)
                    raise MeasureError(f"{mode}: {_last_words(process)}")
                yield process
            finally:
                process.send_signal(signal.SIGKILL)


def _last_words(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.read().strip() or f"ended with {process.returncode}"
