"""A real Swift on loopback, which speaks the S3 API too: started once, for all tests.

Any interpreter will do that has Swift: this one, Debian's, or what the environment's
``TXREGISTRY_SWIFT_PYTHON`` names.
"""

import atexit
import functools
import http.client
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from urllib.parse import quote

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from tests.integration.clients.programs import skip
from txregistry.storage.interfaces import Key
from txregistry.storage.remote import Patience, RemoteServer

LOOPBACK = "127.0.0.1"
USER, KEY = "test:tester", "testing"
READER, READER_KEY = "test:reader", "reading"
"""Somebody who may log in, and do nothing."""
REGION = "us-east-1"
START = 60.0
"""How long the service may take until it listens, in seconds."""
_PROGRAM = Path(__file__).with_name("swiftserver.py")
_ACCOUNT = "/v1/AUTH_test"


class ServiceError(AssertionError):
    """The service did not start, or refused what a test prepares."""


class SwiftService:
    """Swift as a process, with what it keeps in a folder; it runs once constructed."""

    def __init__(self, python: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="txr-swift-"))
        (self._folder / "kept").mkdir()
        try:
            _check_attributes(self._folder)
            with (self._folder / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    [python, "-W", "ignore", str(_PROGRAM), self._folder / "kept"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=self._folder,
                    env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
                )
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        atexit.register(self.stop)
        self.port = int(self._hear())
        self._token = ""
        self._names = count()

    @property
    def pid(self) -> int:
        """Its process; there are no others."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a path."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def login(self) -> str:
        """Where one logs in, by version 1."""
        return f"{self.url}/auth/v1.0"

    def stop(self) -> None:
        """End it, and remove all that it kept."""
        atexit.unregister(self.stop)
        process = self._process
        process.communicate()
        process.wait(START)
        shutil.rmtree(self._folder)

    def make_container(self) -> str:
        """Make a container, which is a bucket too, and give its name."""
        name = f"container-{next(self._names)}"
        self.put(name, b"")
        return name

    def put(self, path: str, data: bytes, query: str = "", **headers: str) -> None:
        """Put a container or an object.

        Args:
            path: ``container`` or ``container/name``.
            data: What the object is.
            query: The query of the URL.
            headers: Header fields; ``_`` stands for ``-``.
        """
        fields = {name.replace("_", "-"): text for name, text in headers.items()}
        self._change("PUT", f"{quote(path)}?{query}", fields, data)

    def delete(self, path: str, *, segments: bool = False) -> None:
        """Delete an object.

        Args:
            path: As above.
            segments: Whether what a static manifest names goes with it, as it does
                where somebody deletes by S3.
        """
        query = ""
        if segments:
            told, _ = self._ask("HEAD", f"{_ACCOUNT}/{quote(path)}", self._proof())
            if "X-Static-Large-Object" in told:
                query = "?multipart-manifest=delete"
        self._change("DELETE", f"{quote(path)}{query}", {}, b"")

    def names(self, container: str, prefix: str = "") -> list[str]:
        """List a container that has few objects."""
        target = f"{_ACCOUNT}/{quote(container)}?prefix={quote(prefix, safe='')}"
        _, said = self._ask("GET", target, self._proof())
        return said.decode().splitlines()

    def forget_tokens(self) -> None:
        """Let all tokens be of no use."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        self._hear()
        self._token = ""

    def log_in(self) -> tuple[str, str]:
        """Give a token, and the account's URL."""
        user = {"X-Auth-User": USER, "X-Auth-Key": KEY}
        told, _ = self._ask("GET", "/auth/v1.0", user)
        return told["X-Auth-Token"], told["X-Storage-Url"]

    def _change(
        self, method: str, path: str, headers: Mapping[str, str], data: bytes
    ) -> None:
        self._ask(method, f"{_ACCOUNT}/{path}", {**headers, **self._proof()}, data)

    def _proof(self) -> dict[str, str]:
        if not self._token:
            self._token, _ = self.log_in()
        return {"X-Auth-Token": self._token}

    def _ask(
        self, method: str, target: str, headers: Mapping[str, str], data: bytes = b""
    ) -> tuple[Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=START)
        try:
            connection.request(method, target, data, dict(headers))
            response = connection.getresponse()
            said = response.read()
        finally:
            connection.close()
        if response.status // 100 != 2:
            raise ServiceError(f"{method} {target}: {response.status} {said!r}")
        return dict(response.headers.items()), said

    def _hear(self) -> bytes:
        """Wait for a line."""
        stdout = self._process.stdout
        assert stdout is not None
        deadline = time.monotonic() + START
        line = b""
        while not line.endswith(b"\n"):
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([stdout], [], [], left)
            piece = os.read(stdout.fileno(), 100) if ready else b""
            if not piece:
                log = (self._folder / "log").read_text(errors="replace")
                raise ServiceError(f"Swift does not run:\n{log[-8000:]}")
            line += piece
        return line


@functools.cache
def find_python() -> str | None:
    """Find an interpreter that has Swift."""
    named = os.environ.get("TXREGISTRY_SWIFT_PYTHON")
    for python in [named] if named else [sys.executable, "/usr/bin/python3"]:
        if shutil.which(python) is None:
            continue
        # Not from here: there may be a folder named swift.
        command = [python, "-W", "ignore", "-c", "import swift.proxy.server, xattr"]
        done = subprocess.run(command, cwd="/", capture_output=True, check=False)
        if done.returncode == 0:
            return python
    return None


@functools.cache
def _start(python: str) -> SwiftService:
    return SwiftService(python)


def find_service() -> SwiftService:
    """Give the service that all tests share, or skip the running test."""
    python = find_python()
    if python is None:
        skip("Swift (Debian's python3-swift, or PyPI's swift) is not installed")
    return _start(python)


def _check_attributes(folder: Path) -> None:
    """Swift keeps what it knows of objects in extended attributes."""
    try:
        os.setxattr(folder, "user.swift.probe", b"x")
    except OSError:
        skip(f"{folder} is on a file system without extended attributes")


class ServiceCase(TestCase):
    """A test against the service, with a container of its own.

    Import the module and inherit as ``service.ServiceCase``.
    """

    def setUp(self) -> None:
        self.service = find_service()
        self.container = self.service.make_container()
        self.pool = pool = HTTPConnectionPool(reactor)

        async def close() -> None:
            # A test may end amid the answer that it awaits.
            await deferLater(IReactorTime(reactor), 0)
            await pool.closeCachedConnections()

        self.addCleanup(lambda: Deferred.fromCoroutine(close()))
        self.server = RemoteServer(
            Agent(reactor, pool=pool), IReactorTime(reactor), Patience(pause=0.01)
        )

    def keep(
        self, objects: Mapping[Key, bytes] | Mapping[str, bytes], root: str = ""
    ) -> None:
        """Put objects into the container."""
        for name, data in objects.items():
            self.service.put(f"{self.container}/{root}{name}", data)
