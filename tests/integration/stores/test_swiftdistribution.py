"""Tests of data in a real Swift that Distribution 2 has as well, in turn with us."""

import hashlib
import http.client
import shutil
from pathlib import Path
from random import Random
from typing import Any

from tests.integration.clients import programs
from tests.integration.daemon import (
    LOOPBACK,
    ConfiguredDaemon,
    Daemon,
    write_settings,
)
from tests.integration.stores import service
from tests.temporary import make_folder

BLOBS = {
    size: Random(size).randbytes(size)  # noqa: S311 - an example
    for size in (9, 5 * 1024 * 1024 + 3)
}
"""None is empty: Distribution waits for ever for more of one that it wrote itself."""
LIMIT = 60.0


class _Distribution(ConfiguredDaemon):
    """Distribution 2, which has a driver for Swift."""

    def command(self, port: int) -> list[str]:
        """What is run to serve on a port."""
        path = write_settings(self.scratch, self.directory, port, self._settings)
        return ["docker-registry", "serve", str(path)]


class InterchangeTests(service.ServiceCase):
    def setUp(self) -> None:
        super().setUp()
        if shutil.which("docker-registry") is None:
            programs.skip("Debian's docker-registry is not installed")
        swift: dict[str, Any] = {
            "authurl": self.service.login,
            "username": service.USER,
            "password": service.KEY,
            "container": self.container,
            "authversion": 1,
            "chunksize": 1024 * 1024,
        }
        folder = Path(make_folder(self))
        enabled = {"delete": {"enabled": True}, "redirect": {"disable": True}}
        self.theirs = _Distribution(folder, {"storage": {"swift": swift, **enabled}})
        self.addCleanup(self.theirs.discard)
        swift = {**swift, "writedlo": True}
        self.ours = ConfiguredDaemon(folder, {"storage": {"swift": swift, **enabled}})
        self.addCleanup(self.ours.discard)

    def ask(
        self, node: Daemon, method: str, target: str, data: bytes = b""
    ) -> tuple[int, str, bytes]:
        """Give a status, where one is sent, and a body."""
        connection = http.client.HTTPConnection(LOOPBACK, node.port, timeout=LIMIT)
        try:
            connection.request(method, target, data)
            answer = connection.getresponse()
            place = answer.headers.get("Location", "")
            if "://" in place:
                place = "/" + place.split("/", 3)[3]
            return answer.status, place, answer.read()
        finally:
            connection.close()

    def push(self, node: Daemon) -> None:
        """Push some blobs, as docker does."""
        for data in BLOBS.values():
            status, place, _ = self.ask(node, "POST", "/v2/a/blobs/uploads/")
            self.assertEqual(status, 202)
            status, place, _ = self.ask(node, "PATCH", place, data)
            self.assertEqual(status, 202)
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            mark = "&" if "?" in place else "?"
            status, _, said = self.ask(node, "PUT", f"{place}{mark}digest={digest}")
            self.assertEqual(status, 201, said)

    def pull(self, node: Daemon) -> None:
        """Expect the blobs to be there."""
        for size, data in BLOBS.items():
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            status, _, found = self.ask(node, "GET", f"/v2/a/blobs/{digest}")
            self.assertEqual((status, found == data), (200, True), f"{size}")

    def test_what_they_wrote_is_read(self) -> None:
        self.push(self.theirs)
        self.pull(self.ours)

    def test_what_is_written_as_they_do_is_read_by_them(self) -> None:
        self.push(self.ours)
        self.pull(self.theirs)
