"""Tests of the checksum that completes an image."""

import hashlib
import json

from tests.web.answers import Answer
from tests.web.v1.case import R
from tests.web.v1.images import (
    BASE,
    V1Image,
)
from tests.web.v1.pushing import (
    EXAMPLE,
    EXAMPLE_SUM,
    EXAMPLE_TARSUM,
    MISSING,
    NEW,
    NEW_ID,
    PushCase,
)


class ChecksumTests(PushCase):
    def setUp(self) -> None:
        super().setUp()
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)

    def test_none(self) -> None:
        self.assertSays(self.checksum({}), 412, MISSING)
        self.assertIsNowhere()

    def test_none_for_what_is_absent(self) -> None:
        self.assertSays(self.checksum({}, "f" * 64), 412, MISSING)

    def test_empty(self) -> None:
        for headers in (
            {"X-Docker-Checksum-Payload": ""},
            {"X-Docker-Checksum": ""},
            {"X-Docker-Checksum": "", "X-Docker-Checksum-Payload": ""},
        ):
            answer = self.checksum(headers)
            self.assertSays(answer, 400, "Missing Image's checksum")
            answer = self.checksum(headers, "f" * 64)
            self.assertSays(answer, 400, "Missing Image's checksum")
        self.assertIsNowhere()

    def test_layer_never_came(self) -> None:
        self.put_json(NEW, self.write)
        self.assertSays(self.put_checksum(NEW, self.write), 400, "Checksum mismatch")
        self.assertIsNowhere()

    def test_payload_counts(self) -> None:
        good = {"X-Docker-Checksum-Payload": NEW.payload}
        bad = {"X-Docker-Checksum-Payload": BASE.payload}
        for other in (NEW.payload, "rubbish", EXAMPLE_TARSUM, ""):
            answer = self.checksum({**bad, "X-Docker-Checksum": other})
            self.assertSays(answer, 400, "Checksum mismatch")
        self.assertIsNowhere()
        answer = self.checksum({**good, "X-Docker-Checksum": EXAMPLE_TARSUM})
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertIsComplete()

    def test_wrong_payloads(self) -> None:
        digest = NEW.payload.removeprefix("sha256:")
        for text in (
            digest,
            f"sha256:{digest.upper()}",
            f"SHA256:{digest}",
            f"sha256:{digest}x",
            f"sha256:{digest[:-1]}",
            f"sha512:{digest}",
            f"tarsum+sha256:{digest}",
            f"sha256:{hashlib.sha256(NEW.layer).hexdigest()}",
            f"sha256:{hashlib.sha256(NEW.json + NEW.layer).hexdigest()}",
            "x" * 5000,
        ):
            answer = self.checksum({"X-Docker-Checksum-Payload": text})
            self.assertSays(answer, 400, "Checksum mismatch")
        self.assertIsNowhere()

    def test_simple_sum_alone(self) -> None:
        answer = self.checksum({"X-Docker-Checksum": NEW.payload})
        self.assertEqual(answer.status, 200)
        self.assertIsComplete()

    def test_wrong_sums_alone(self) -> None:
        for text, error in (
            (BASE.payload, "Checksum mismatch"),
            (EXAMPLE_TARSUM, "Checksum mismatch"),
            ("rubbish", "Invalid checksum format"),
            (NEW.payload.upper(), "Invalid checksum format"),
            ("md5:" + "0" * 32, "Invalid checksum format"),
            ("tarsum.v1+sha256:" + "0" * 64, "Invalid checksum format"),
        ):
            answer = self.checksum({"X-Docker-Checksum": text})
            self.assertSays(answer, 400, error)
        self.assertIsNowhere()

    def test_example_of_the_specification(self) -> None:
        for headers in (
            {"X-Docker-Checksum-Payload": EXAMPLE_SUM},
            {"X-Docker-Checksum": EXAMPLE_SUM},
            {"X-Docker-Checksum": EXAMPLE_TARSUM},
            {
                "X-Docker-Checksum": "tarsum+sha256:" + "0" * 64,
                "X-Docker-Checksum-Payload": EXAMPLE_SUM,
            },
        ):
            self.setUp()
            self.assertEqual(self.put_json(EXAMPLE, self.write).status, 200)
            self.assertEqual(self.put_layer(EXAMPLE, self.write).status, 200)
            answer = self.checksum(headers, EXAMPLE.image_id)
            self.assertEqual((answer.status, answer.body), (200, b"true"))
            self.assertIsComplete(EXAMPLE)

    def test_tarsum_of_what_is_no_tar(self) -> None:
        image = V1Image(NEW_ID, NEW.json, b"no tar at all" * 100)
        self.put_json(image, self.write)
        self.put_layer(image, self.write)
        answer = self.checksum({"X-Docker-Checksum": EXAMPLE_TARSUM})
        self.assertSays(answer, 400, "Checksum mismatch")
        self.assertIsNowhere(image)


class OldFlowTests(PushCase):
    """Docker up to 0.5 sends the checksum with the JSON; the layer is the end."""

    def begin(self, checksum: str) -> Answer:
        """Push the JSON."""
        headers = {**self.write, "X-Docker-Checksum": checksum}
        return self.put_json(NEW, headers)

    def test_layer_completes_the_image(self) -> None:
        self.assertEqual(self.begin(NEW.payload).status, 200)
        self.assertIsNowhere()
        answer = self.put_layer(NEW, self.write)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertIsComplete()

    def test_whole_push(self) -> None:
        listed = [{"id": NEW_ID, "checksum": NEW.payload, "Tag": "old"}]
        body = json.dumps(listed).encode()
        token = self.write
        self.assertEqual(self.ask("PUT", f"{R}/", token, body).status, 200)
        self.assertEqual(self.part("json", token).status, 404)
        self.begin(NEW.payload)
        self.put_layer(NEW, token)
        self.assertEqual(self.put_tag("old", NEW_ID, token).status, 200)
        self.assertEqual(self.ask("PUT", f"{R}/images", token, body).status, 204)
        self.assertEqual(self.get(f"{R}/tags/old", self.read).json, NEW_ID)

    def test_wrong_layer_is_ignored(self) -> None:
        self.begin(NEW.payload)
        before = self.exchange.stored()
        answer = self.put_layer(V1Image(NEW_ID, b"", BASE.layer), self.write)
        self.assertSays(answer, 400, "Checksum mismatch, ignoring the layer")
        self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()
        self.assertEqual(self.put_layer(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_bad_checksum(self) -> None:
        before = self.exchange.stored()
        self.assertSays(self.begin("rubbish"), 400, "Invalid checksum format")
        self.assertEqual(self.exchange.stored(), before)

    def test_json_again_drops_the_checksum(self) -> None:
        self.begin(BASE.payload)
        self.assertEqual(self.put_json(NEW, self.write).status, 200)
        self.assertEqual(self.put_layer(NEW, self.write).status, 200)
        self.assertIsNowhere()
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()
