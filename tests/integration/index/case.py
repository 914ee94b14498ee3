"""A registry as a process, and who asks it for something."""

import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients.case import make_directory
from tests.integration.daemon import LOOPBACK, ConfiguredDaemon
from tests.integration.index.fake import FakeIndex
from tests.web.v1.images import V1Image

R = "/v1/repositories/acme/web"
TIMEOUT = 1.0
"""Seconds that the registry gives its Index."""
BOUND = 5.0
"""Seconds in which an answer must be there, however slow the machine."""
KEEP = 2.0
"""Seconds for which the registry keeps what it was answered."""
GLANCE = 0.01
"""Seconds between two looks at what gives no notice of itself."""
UNAUTHORIZED = (401, {"error": "Requires authorization"})
UNAVAILABLE = (
    503,
    {"error": "The Index cannot be asked at present; try again later."},
)

_numbers = count()


@dataclass(frozen=True)
class Reply:
    """What the registry answered, and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def said(self) -> tuple[int, Any]:
        """The status, and the body as the JSON that it must be."""
        return self.status, json.loads(self.body)


class V1Daemon(ConfiguredDaemon):
    """A registry that speaks version 1 alone."""

    def command(self, port: int) -> list[str]:
        """What is run to serve the directory on a port."""
        http = {"addr": f"{LOOPBACK}:{port}", "apis": ["v1"]}
        self._settings = {**self._settings, "http": http}
        return super().command(port)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Ask one thing, on a connection of its own."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        began = time.monotonic()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, fields, data, time.monotonic() - began)


class IndexCase(SynchronousTestCase):
    """Import the module and inherit as ``case.IndexCase``."""

    def setUp(self) -> None:
        self.directory = make_directory(self)

    def serve(self, **settings: Any) -> V1Daemon:
        """Run a registry until the end of the test, and look whether all went well."""
        place = self.directory / f"registry-{next(_numbers)}"
        daemon = V1Daemon(place, settings)
        self.addCleanup(self._finish, daemon)
        return daemon

    def serve_with_index(self, url: str, **more: Any) -> V1Daemon:
        """Run a registry whose Index is somebody else's."""
        index = {"url": url, "timeout": f"{TIMEOUT:g}s", "keep": f"{KEEP:g}s", **more}
        return self.serve(index=index)

    def fake(self, **more: Any) -> FakeIndex:
        """Run an Index of the test's own until the end of the test."""
        index = FakeIndex(**more)
        self.addCleanup(index.kill)
        return index

    def eventually(self, condition: Callable[[], bool]) -> None:
        """Wait for what gives no notice of itself."""
        deadline = time.monotonic() + 30
        while not condition():
            if time.monotonic() > deadline:
                self.fail("it did not happen in time")
            threading.Event().wait(GLANCE)

    def push(
        self, daemon: V1Daemon, image: V1Image, headers: Mapping[str, str]
    ) -> None:
        """Push an image that is not there yet."""
        path = f"/v1/images/{image.image_id}"
        sums = {**headers, "X-Docker-Checksum-Payload": image.payload}
        for reply in (
            daemon.ask("PUT", f"{path}/json", headers, image.json),
            daemon.ask("PUT", f"{path}/layer", headers, image.layer),
            daemon.ask("PUT", f"{path}/checksum", sums, b""),
        ):
            self.assertEqual(reply.said, (200, True))

    def _finish(self, daemon: V1Daemon) -> None:
        log = daemon.log
        daemon.discard()
        self.assertNotIn("Traceback", log)


def token(
    access: str = "write", repository: str = "acme/web", signature: str | None = None
) -> dict[str, str]:
    """Make a token that nobody has seen yet; the good Index knows it."""
    text = signature or f"good-{secrets.token_hex(8)}"
    value = f'Token signature={text},repository="{repository}",access={access}'
    return {"Authorization": value}


def stored(daemon: V1Daemon) -> set[str]:
    """List the files that a registry keeps."""
    root = Path(daemon.directory)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
