"""Tests of registries that keep their content in a bucket of a real service."""

import hashlib
import http.client
from pathlib import Path
from random import Random
from typing import Any

from tests.integration.daemon import LOOPBACK, ConfiguredDaemon, DaemonError
from tests.integration.stores import service
from tests.temporary import make_folder

DATA = Random(4).randbytes(12 * 1024 * 1024 + 3)  # noqa: S311 - an example
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
LIMIT = 60.0


class S3DaemonTests(service.ServiceCase):
    """Each request may come to another node."""

    def start(self, **settings: Any) -> ConfiguredDaemon:
        """Start a node."""
        s3 = {
            "accesskey": service.USER,
            "secretkey": service.KEY,
            "regionendpoint": self.service.url,
            "bucket": self.container,
            "chunksize": 5 * 1024 * 1024,
            "multipartcopychunksize": 5 * 1024 * 1024,
            "multipartcopythresholdsize": 1024 * 1024,
            "rootdirectory": "/some/root",
        }
        redirect = {"disable": True}
        storage = {"s3": {**s3, **settings}, "redirect": redirect}
        node = ConfiguredDaemon(Path(make_folder(self)) / "node", {"storage": storage})
        self.addCleanup(node.discard)
        return node

    def stops(self, text: str, **settings: Any) -> None:
        """Expect that a node does not start, and says something about it."""
        with self.assertRaises(DaemonError) as caught:
            self.start(**settings)
        self.assertIn(text, str(caught.exception))

    def ask(
        self, node: ConfiguredDaemon, method: str, target: str, data: bytes = b""
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

    def begin(self, node: ConfiguredDaemon) -> str:
        """Begin an upload, and say where."""
        status, place, _ = self.ask(node, "POST", "/v2/a/blobs/uploads/")
        self.assertEqual(status, 202)
        return place

    def finish(self, node: ConfiguredDaemon, place: str) -> None:
        """Finish an upload."""
        mark = "&" if "?" in place else "?"
        status, _, said = self.ask(node, "PUT", f"{place}{mark}digest={DIGEST}")
        self.assertEqual(status, 201, said)

    def has(self, node: ConfiguredDaemon) -> None:
        """Expect that a node has the blob."""
        status, _, data = self.ask(node, "GET", f"/v2/a/blobs/{DIGEST}")
        self.assertEqual((status, data == DATA), (200, True))

    def test_nodes_share_uploads_and_what_comes_of_them(self) -> None:
        one, two = self.start(), self.start()
        place = self.begin(one)
        edges = (0, 1 << 20, 7 << 20, len(DATA))
        for node, start, stop in zip((two, one, two), edges, edges[1:], strict=False):
            status, place, _ = self.ask(node, "PATCH", place, DATA[start:stop])
            self.assertEqual(status, 202)
        self.finish(one, place)
        for node in (one, two):
            self.has(node)

    def test_what_was_acknowledged_outlives_a_node(self) -> None:
        one, two = self.start(), self.start()
        status, place, _ = self.ask(one, "PATCH", self.begin(one), DATA)
        self.assertEqual(status, 202)
        one.kill()
        self.finish(two, place)
        one.start()
        self.has(one)

    def test_a_blob_in_one_request(self) -> None:
        one, two = self.start(), self.start()
        target = f"/v2/a/blobs/uploads/?digest={DIGEST}"
        status, _, said = self.ask(one, "POST", target, DATA)
        self.assertEqual(status, 201, said)
        self.has(two)

    def test_what_stops_the_start(self) -> None:
        self.stops(
            "look at storage.s3.accesskey and storage.s3.secretkey", secretkey="wrong"
        )
        self.stops("look at storage.s3.bucket", bucket="no-such-bucket")
        self.stops("look at storage.s3.region", region="moon-1")
        self.stops(
            "AccessDenied", accesskey=service.READER, secretkey=service.READER_KEY
        )
        self.stops("gave no answer", regionendpoint="http://127.0.0.1:1")
