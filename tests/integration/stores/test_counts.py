"""Tests of how often a registry asks its store, for what clients ask most.

The figures are in ``docs/s3.md`` and ``docs/swift.md`` too.
"""

import hashlib
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.meter import Meter, total
from tests.integration.daemon import LOOPBACK, ConfiguredDaemon
from tests.integration.stores import service
from tests.temporary import make_folder

LIMIT = 60.0
LAYER = b"a layer" * 10_000
CONFIG = b"{}"
TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes) -> str:
    """Name some content."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(data: bytes, kind: str) -> dict[str, Any]:
    """Describe a blob."""
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": TYPE,
        "config": descriptor(CONFIG, "application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor(LAYER, "application/vnd.oci.image.layer.v1.tar")],
    }
).encode()


class CountingCase(service.ServiceCase):
    """A registry whose requests to its store pass a meter."""

    def setUp(self) -> None:
        super().setUp()
        self.meter = Meter(self.service.port)
        self.addCleanup(self.meter.__exit__, None, None, None)
        self.folder = Path(make_folder(self))
        self.daemon = self.start()
        self.fill()

    def storage(self) -> dict[str, Any]:
        """Say where content is kept."""
        raise NotImplementedError

    def start(self) -> ConfiguredDaemon:
        """Start a registry that knows nothing yet."""
        daemon = ConfiguredDaemon(self.folder, {"storage": self.storage()})
        self.addCleanup(daemon.discard)
        return daemon

    def ask(
        self, method: str, target: str, data: bytes = b"", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Ask the registry, or where a URL leads."""
        parts = urlsplit(target)
        host = parts.netloc or f"{LOOPBACK}:{self.daemon.port}"
        path = f"{parts.path}?{parts.query}".rstrip("?")
        connection = http.client.HTTPConnection(host, timeout=LIMIT)
        fields = {name.replace("_", "-"): text for name, text in headers.items()}
        try:
            connection.request(method, path, data, fields)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def fill(self) -> None:
        """Push an image."""
        for data in (LAYER, CONFIG):
            target = f"/v2/a/blobs/uploads/?digest={digest_of(data)}"
            self.assertEqual(self.ask("POST", target, data)[0], 201)
        status, _, said = self.ask(
            "PUT", "/v2/a/manifests/latest", MANIFEST, Content_Type=TYPE
        )
        self.assertEqual(status, 201, said)

    def count(self, status: int, method: str, target: str) -> tuple[int, str]:
        """Ask, and say how often the store was asked for that."""
        self.meter.take()
        found, headers, _ = self.ask(method, target)
        self.assertEqual(found, status)
        counts = self.meter.take()
        words = [f"{count.requests} {asked}" for asked, count in counts.items()]
        self.told = ", ".join(sorted(words))
        return total(counts).requests, headers.get("Location", "")

    def restart(self) -> None:
        """Go on with a registry that knows nothing but where its store is."""
        self.daemon.discard()
        self.daemon = self.start()
        self.ask("GET", "/v2/_catalog")  # what is logged in to once is


class CountingContract:
    """What both stores are held to."""

    def test_a_manifest_by_tag(self: Any) -> None:
        target = "/v2/a/manifests/latest"
        self.restart()
        # The tag, whether something is condemned there, the repository's right to the
        # manifest, the manifest.
        self.assertEqual(self.count(200, "GET", target)[0], 4, self.told)
        for method in ("GET", "HEAD"):  # the tag
            self.assertEqual(self.count(200, method, target)[0], 1, self.told)

    def test_a_manifest_by_digest(self: Any) -> None:
        target = f"/v2/a/manifests/{digest_of(MANIFEST)}"
        self.restart()
        self.assertEqual(self.count(200, "GET", target)[0], 3, self.told)
        self.assertEqual(self.count(200, "GET", target)[0], 1, self.told)

    def test_a_layer(self: Any) -> None:
        target = f"/v2/a/blobs/{digest_of(LAYER)}"
        self.count(307, "GET", target)
        # The repository's right to the blob, and whether it is there.
        asked, place = self.count(307, "GET", target)
        self.assertEqual(asked, 2, self.told)
        self.assertEqual(self.count(200, "HEAD", target)[0], 2, self.told)
        status, _, data = self.ask("GET", place)
        self.assertEqual((status, data == LAYER), (200, True))
        status, _, data = self.ask("GET", place, Range="bytes=2-8")
        self.assertEqual((status, data), (206, LAYER[2:9]))


class S3CountTests(CountingContract, CountingCase):
    """S3: see `CountingContract`."""

    def storage(self) -> dict[str, Any]:
        """Say where content is kept."""
        return {
            "s3": {
                "accesskey": service.USER,
                "secretkey": service.KEY,
                "regionendpoint": self.meter.url,
                "bucket": self.container,
            }
        }


class SwiftCountTests(CountingContract, CountingCase):
    """Swift: see `CountingContract`."""

    def storage(self) -> dict[str, Any]:
        """Say where content is kept."""
        return {
            "swift": {
                "authurl": f"{self.meter.url}/auth/v1.0",
                "username": service.USER,
                "password": service.KEY,
                "container": self.container,
            }
        }

    def fill(self) -> None:
        """Push an image, where temporary URLs are possible."""
        self.service.put(self.container, b"", X_Container_Meta_Temp_Url_Key="some key")
        super().fill()
