"""Tests of registries that keep their content in a real Swift."""

import hashlib
import http.client
from pathlib import Path
from random import Random
from typing import Any

from tests.integration.daemon import LOOPBACK, ConfiguredDaemon, DaemonError
from tests.integration.stores import service
from tests.temporary import make_folder

DATA = Random(3).randbytes(5 * 1024 * 1024 + 3)  # noqa: S311 - an example
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
LIMIT = 60.0


class SwiftDaemonTests(service.ServiceCase):
    """Each request may come to another node."""

    def start(self, **settings: Any) -> ConfiguredDaemon:
        """Start a node."""
        swift = {
            "authurl": self.service.login,
            "username": service.USER,
            "password": service.KEY,
            "container": self.container,
            "chunksize": 1024 * 1024,
        }
        storage = {"swift": {**swift, **settings}}
        node = ConfiguredDaemon(Path(make_folder(self)), {"storage": storage})
        self.addCleanup(node.discard)
        return node

    def ask(
        self, node: ConfiguredDaemon, method: str, target: str, data: bytes = b""
    ) -> tuple[int, str, bytes]:
        """Give a status, where one is sent, and a body."""
        connection = http.client.HTTPConnection(LOOPBACK, node.port, timeout=LIMIT)
        try:
            connection.request(method, target, data)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", ""), answer.read()
        finally:
            connection.close()

    def push(self, *nodes: ConfiguredDaemon) -> None:
        """Push a blob, each request to another node."""
        first, second, third, fourth = nodes
        status, place, _ = self.ask(first, "POST", "/v2/a/blobs/uploads/")
        self.assertEqual(status, 202)
        half = len(DATA) // 2
        target = "/" + place.split("/", 3)[3] if "://" in place else place
        for node, data in ((second, DATA[:half]), (third, DATA[half:])):
            self.assertEqual(self.ask(node, "PATCH", target, data)[0], 202)
        mark = "&" if "?" in target else "?"
        status, _, said = self.ask(fourth, "PUT", f"{target}{mark}digest={DIGEST}")
        self.assertEqual(status, 201, said)

    def test_nodes_share_uploads_and_what_comes_of_them(self) -> None:
        one, two = self.start(), self.start()
        self.push(one, two, one, two)
        for node in (one, two):
            status, _, data = self.ask(node, "GET", f"/v2/a/blobs/{DIGEST}")
            self.assertEqual((status, data == DATA), (200, True))

    def test_what_was_acknowledged_outlives_a_node(self) -> None:
        one, two = self.start(writedlo=True), self.start(writedlo=True)
        status, place, _ = self.ask(one, "POST", "/v2/a/blobs/uploads/")
        target = "/" + place.split("/", 3)[3] if "://" in place else place
        self.assertEqual(self.ask(one, "PATCH", target, DATA)[0], 202)
        one.kill()
        mark = "&" if "?" in target else "?"
        status, _, said = self.ask(two, "PUT", f"{target}{mark}digest={DIGEST}")
        self.assertEqual(status, 201, said)
        one.start()
        status, _, data = self.ask(one, "GET", f"/v2/a/blobs/{DIGEST}")
        self.assertEqual((status, data == DATA), (200, True))

    def test_a_wrong_key_stops_the_start(self) -> None:
        with self.assertRaises(DaemonError) as caught:
            self.start(password="wrong")
        self.assertIn(
            "storage.swift.username and storage.swift.password", str(caught.exception)
        )
