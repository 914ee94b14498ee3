"""A test case that pushes images, and some to push."""

import bz2
import hashlib
import lzma
from collections.abc import Mapping

from tests.web.answers import Answer
from tests.web.v1 import case
from tests.web.v1.images import (
    EMPTY_LAYER,
    B,
    V1Image,
    document,
    layer_of,
)

NEW_ID = "c" * 64
PATH = f"/v1/images/{NEW_ID}"
NEW = V1Image(NEW_ID, document(NEW_ID), layer_of(n_txt="new"))
OTHER_ID = "d" * 64
ON_NEW = V1Image(OTHER_ID, document(OTHER_ID, NEW_ID), layer_of(o_txt="on new"))

EXAMPLE = V1Image("a" * 64, b'{"id":"%s"}' % (b"a" * 64), EMPTY_LAYER)
"""The example of the specification, and what it comes to."""
EXAMPLE_SUM = "sha256:1f672d12427668f0b0cadf3cfeeb86f5fdc34103f47c6145ff98c71a2ffb7d61"
EXAMPLE_TARSUM = (
    "tarsum+sha256:d561730190e99254d474d840d9013e14ceef3005414abfdb62dcbfb9f5e44823"
)

MISSING = (
    "X-Docker-Checksum-Payload not set.  If you are using the Docker daemon, you "
    "should upgrade to version 0.10 or later"
)
PART = ("json", "layer", "ancestry", "files", "diff")
BAD_JSON: tuple[tuple[bytes, str], ...] = (
    (b"", "Invalid JSON"),
    (b"x", "Invalid JSON"),
    (b"{", "Invalid JSON"),
    (b"[]", "Invalid JSON"),
    (b"{}", "Invalid JSON"),
    (b"null", "Invalid JSON"),
    (b'"%s"' % NEW_ID.encode(), "Invalid JSON"),
    (b"\xff\xfe" + NEW.json, "Invalid JSON"),
    (b'{"id": "\xff"}', "Invalid JSON"),
    (NEW.json.decode().encode("utf-16"), "Invalid JSON"),
    (NEW.json + b"x", "Invalid JSON"),
    (NEW.json + NEW.json, "Invalid JSON"),
    (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "Invalid JSON"),
    (b'{"id": "%s", "Id": "x"}' % NEW_ID.encode(), "Invalid JSON"),
    (b'{"created": "2015-02-03T04:05:06Z"}', "Missing key `id' in JSON"),
    (b'{"id": "%s"}' % OTHER_ID.encode(), "JSON data contains invalid id"),
    (b'{"id": "%s"}' % NEW_ID.upper().encode(), "JSON data contains invalid id"),
    (b'{"id": "%s\\n"}' % NEW_ID.encode(), "JSON data contains invalid id"),
    (b'{"id": 1}', "JSON data contains invalid id"),
    (b'{"id": null}', "JSON data contains invalid id"),
    (document(NEW_ID, "f" * 64), "Image depends on a non existing parent"),
    (document(NEW_ID, "f" * 16), "Image depends on a non existing parent"),
    (document(NEW_ID, NEW_ID), "JSON data contains an invalid parent"),
    (document(NEW_ID, "../" + B), "JSON data contains an invalid parent"),
    (document(NEW_ID, B.upper()), "JSON data contains an invalid parent"),
    (
        b'{"id": "%s", "parent": 1}' % NEW_ID.encode(),
        "JSON data contains an invalid parent",
    ),
    (
        b'{"id": "%s", "parent": {}}' % NEW_ID.encode(),
        "JSON data contains an invalid parent",
    ),
)
BAD_LAYERS = (
    (b"", "The layer is empty"),
    (NEW.layer[:-9], "The layer is cut off or damaged: it cannot be unpacked"),
    (NEW.layer[:20], "The layer is cut off or damaged: it cannot be unpacked"),
    (NEW.layer + b"x" * 9, "The layer is cut off or damaged: it cannot be unpacked"),
    (
        NEW.layer[:-8] + b"\0" * 8,
        "The layer is cut off or damaged: it cannot be unpacked",
    ),
    (
        bz2.compress(b"x" * 999)[:-5],
        "The layer is cut off or damaged: it cannot be unpacked",
    ),
    (
        lzma.compress(b"x" * 999)[:-5],
        "The layer is cut off or damaged: it cannot be unpacked",
    ),
)


class PushCase(case.V1Case):
    """A registry with one image on another, and a token to push more."""

    def setUp(self) -> None:
        super().setUp()
        self.push_v1()
        self.write = self.announce()
        self.read = self.token(access="read")

    def part(
        self, part: str, headers: Mapping[str, str], image_id: str = NEW_ID
    ) -> Answer:
        """Ask for part of an image."""
        return self.get(f"/v1/images/{image_id}/{part}", headers)

    def checksum(self, headers: Mapping[str, str], image_id: str = NEW_ID) -> Answer:
        """End the push of an image, with headers of a test's own."""
        target = f"/v1/images/{image_id}/checksum"
        return self.ask("PUT", target, {**self.write, **headers}, b"")

    def assertIsComplete(self, image: V1Image = NEW) -> None:
        """An image is there for everybody, as it was pushed."""
        answer = self.part("json", self.read, image.image_id)
        self.assertEqual((answer.status, answer.body), (200, image.json))
        answer = self.part("layer", self.read, image.image_id)
        self.assertEqual((answer.status, answer.body), (200, image.layer))

    def assertIsNowhere(self, image: V1Image = NEW) -> None:
        """Nobody can read anything of an image, by either version."""
        for part in PART:
            answer = self.part(part, self.read, image.image_id)
            self.assertSays(answer, 404, "Image not found")
            self.assertNotEqual(self.part(part, self.write, image.image_id).status, 200)
        digest = f"sha256:{hashlib.sha256(image.layer).hexdigest()}"
        self.assertEqual(self.get(f"/v2/acme/web/blobs/{digest}").status, 404)
        answer = self.put_tag("new", image.image_id, self.write)
        self.assertSays(answer, 404, "Image not found")
        for key in self.exchange.stored():
            self.assertNotIn(f"{image.image_id}/acme", key)
