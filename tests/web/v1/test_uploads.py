"""Tests of how images are pushed: JSON, layer, checksum, and what comes between."""

import bz2
import gzip
import hashlib
import json
import lzma
from collections.abc import Mapping

from tests.web.answers import Answer
from tests.web.exchange import CHUNKED, Exchange, chunked, request_bytes
from tests.web.stores import FailingStore
from tests.web.v1 import case
from tests.web.v1.case import R
from tests.web.v1.images import (
    BASE,
    EMPTY_LAYER,
    TOP,
    B,
    T,
    V1Image,
    document,
    layer_of,
)
from txregistry.storage.interfaces import StorageFull, StorageUnavailable

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


class StateTests(PushCase):
    """What each request does in each state."""

    def test_absent(self) -> None:
        before = self.exchange.stored()
        self.assertSays(self.put_layer(NEW, self.write), 404, "Image not found")
        self.assertSays(self.put_checksum(NEW, self.write), 404, "Image not found")
        self.assertEqual(self.exchange.stored(), before)

    def test_json_begins(self) -> None:
        answer = self.put_json(NEW, self.write)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertEqual(answer.header("cache-control"), "no-cache")
        self.assertIsNowhere()

    def test_json_again_starts_over(self) -> None:
        another = V1Image(NEW_ID, document(NEW_ID, B), NEW.layer)
        for image in (NEW, NEW, another):
            self.assertEqual(self.put_json(image, self.write).status, 200)
        self.assertEqual(self.put_layer(NEW, self.write).status, 200)
        self.assertEqual(self.put_json(another, self.write).status, 200)
        answer = self.put_checksum(another, self.write)
        self.assertSays(answer, 400, "Checksum mismatch")
        self.assertIsNowhere()

    def test_layer_may_come_again(self) -> None:
        self.put_json(NEW, self.write)
        other = V1Image(NEW_ID, NEW.json, layer_of(o_txt="other"))
        for image in (NEW, other, NEW):
            answer = self.put_layer(image, self.write)
            self.assertEqual((answer.status, answer.body), (200, b"true"))
            self.assertIsNowhere()
        self.assertSays(self.put_checksum(other, self.write), 400, "Checksum mismatch")
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_wrong_checksum_may_be_mended(self) -> None:
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        for wrong in (BASE.payload, "sha256:" + "0" * 64, NEW.payload.upper()):
            answer = self.put_checksum(NEW, self.write, wrong)
            self.assertSays(answer, 400, "Checksum mismatch")
            self.assertIsNowhere()
        answer = self.put_checksum(NEW, self.write)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertIsComplete()

    def test_complete(self) -> None:
        self.push_parts(NEW, self.write)
        before = self.exchange.stored()
        answer = self.put_json(NEW, self.write)
        self.assertEqual(answer.body, b'{"error":"Image already exists"}')
        self.assertEqual(answer.status, 409)
        answer = self.put_layer(NEW, self.write)
        self.assertEqual(answer.body, b'{"error":"Image already exists"}')
        self.assertEqual(answer.status, 409)
        answer = self.put_checksum(NEW, self.write)
        self.assertSays(answer, 409, "Cannot set this image checksum")
        self.assertEqual(self.exchange.stored(), before)
        self.assertIsComplete()

    def test_complete_is_complete_for_every_push(self) -> None:
        self.push_parts(NEW, self.write)
        another = self.announce()
        self.assertSays(self.put_json(NEW, another), 409, "Image already exists")

    def test_complete_is_not_replaced(self) -> None:
        self.push_parts(NEW, self.write)
        evil = V1Image(NEW_ID, document(NEW_ID, B), layer_of(e_txt="evil"))
        for step in (self.put_json, self.put_layer, self.put_checksum):
            self.assertEqual(step(evil, self.announce()).status // 100, 4)
        self.assertIsComplete()

    def test_nothing_of_an_upload_stays(self) -> None:
        self.push_parts(NEW, self.write)
        self.assertEqual(
            [key for key in self.exchange.stored() if "/uploads/" in key], []
        )

    def test_two_pushes_at_once_do_not_disturb_each_other(self) -> None:
        another = self.announce()
        other = V1Image(NEW_ID, document(NEW_ID, B), layer_of(o_txt="other"))
        self.assertEqual(self.put_json(NEW, self.write).status, 200)
        self.assertEqual(self.put_json(other, another).status, 200)
        self.assertEqual(self.put_layer(NEW, self.write).status, 200)
        self.assertEqual(self.put_layer(other, another).status, 200)
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        answer = self.put_checksum(other, another)
        self.assertSays(answer, 409, "Image already exists")
        self.assertIsComplete()

    def test_retry_after_a_push_that_died(self) -> None:
        """A client that starts again is given another token."""
        for steps in range(3):
            dead = self.announce()
            for step in (self.put_json, self.put_layer)[:steps]:
                self.assertEqual(step(NEW, dead).status, 200)
        retry = self.announce()
        answer = self.part("json", retry)
        self.assertSays(answer, 404, "Image not found")
        self.push_parts(NEW, retry)
        self.assertIsComplete()

    def test_retry_with_the_same_token(self) -> None:
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        answer = self.part("json", self.write)
        self.assertSays(answer, 400, "Image is being uploaded, retry later")
        self.push_parts(NEW, self.write)
        self.assertIsComplete()

    def test_abandoned_uploads_expire(self) -> None:
        before = self.exchange.stored()
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        self.exchange.clock.advance(1000)
        expire = self.exchange.registry.image_states.expire
        self.assertEqual(self.exchange.wait(expire(1001)), 0)
        self.assertEqual(self.exchange.wait(expire(1000)), 1)
        self.assertEqual(self.exchange.stored(), before)
        self.assertSays(self.put_layer(NEW, self.write), 404, "Image not found")


class JsonTests(PushCase):
    def test_bad_json(self) -> None:
        before = self.exchange.stored()
        for data, error in BAD_JSON:
            answer = self.put_json(V1Image(NEW_ID, data, b""), self.write)
            self.assertSays(answer, 400, error)
            self.assertEqual(self.exchange.stored(), before, data[:80])
        self.assertIsNowhere()

    def test_bad_id(self) -> None:
        before = self.exchange.stored()
        for image_id in ("x", NEW_ID[1:], NEW_ID.upper(), "f" * 16, f"{NEW_ID}%0A"):
            data = b'{"id": "%s"}' % image_id.encode()
            for part in ("json", "layer"):
                target = f"/v1/images/{image_id}/{part}"
                answer = self.ask("PUT", target, self.write, data)
                if part == "layer" and len(image_id) == 16:
                    self.assertSays(answer, 404, "Image not found")
                else:
                    self.assertSays(answer, 404, "Invalid image ID")
            target = f"/v1/images/{image_id}/checksum"
            headers = {**self.write, "X-Docker-Checksum-Payload": NEW.payload}
            self.assertEqual(self.ask("PUT", target, headers, b"").status, 404)
        self.assertEqual(self.exchange.stored(), before)

    def test_is_kept_to_the_byte(self) -> None:
        for data in (
            b'{"id":"%s"}' % NEW_ID.encode(),
            b'  {"x" : 1.0e2 ,\r\n"id":"%s", "\\u00e9":"\xc3\xa9<>"}\n\n'
            % NEW_ID.encode(),
            b'{"id":"%s","parent":""}\n' % NEW_ID.encode(),
            b'{"id":"%s","parent":null}' % NEW_ID.encode(),
        ):
            self.setUp()
            image = V1Image(NEW_ID, data, NEW.layer)
            self.push_parts(image, self.write)
            self.assertIsComplete(image)
            answer = self.part("ancestry", self.read)
            self.assertEqual(answer.json, [NEW_ID])

    def test_no_more_than_id_and_parent_is_needed(self) -> None:
        """Docker 1.10 sends no more for all but the top."""
        data = b'{"id":"%s","parent":"%s"}' % (NEW_ID.encode(), T.encode())
        image = V1Image(NEW_ID, data, NEW.layer)
        self.push_parts(image, self.write)
        answer = self.part("ancestry", self.read)
        self.assertEqual(answer.json, [NEW_ID, T, B])
        self.assertEqual(self.put_tag("new", NEW_ID, self.write).status, 200)

    def test_one_mebibyte_is_enough(self) -> None:
        before = self.exchange.stored()
        for size, status in ((1 << 20, 200), ((1 << 20) + 1, 413)):
            data = b'{"id": "%s", "x": "%s"}'
            data %= NEW_ID.encode(), b"x" * (size - len(data) - len(NEW_ID) + 4)
            self.assertEqual(len(data), size)
            for more, body in (({}, data), (CHUNKED, chunked(data))):
                headers = {**self.write, **more}
                answer = self.ask("PUT", f"{PATH}/json", headers, body)
                self.assertEqual(answer.status, status)
        self.assertEqual(list(map(type, answer.json.values())), [str])
        self.assertEqual(len(self.exchange.stored()), len(before) + 1)

    def test_too_large_is_told_before_it_is_sent(self) -> None:
        connection = self.exchange.connect()
        headers = {**self.write, "Content-Length": str(1 << 30)}
        connection.send(request_bytes("PUT", f"{PATH}/json", headers))
        self.assertEqual(connection.answer("PUT").status, 413)
        connection.drop()

    def test_parent_may_be_in_progress(self) -> None:
        self.put_json(NEW, self.write)
        self.assertEqual(self.put_json(ON_NEW, self.write).status, 200)
        self.assertEqual(self.put_layer(ON_NEW, self.write).status, 200)
        answer = self.put_checksum(ON_NEW, self.write)
        self.assertSays(answer, 400, "Image depends on a non existing parent")
        self.assertIsNowhere(ON_NEW)
        self.push_parts(NEW, self.write)
        self.assertEqual(self.put_checksum(ON_NEW, self.write).status, 200)
        self.assertIsComplete(ON_NEW)
        answer = self.part("ancestry", self.read, OTHER_ID)
        self.assertEqual(answer.json, [OTHER_ID, NEW_ID])

    def test_parent_may_not_be_in_progress_elsewhere(self) -> None:
        self.put_json(NEW, self.announce())
        answer = self.put_json(ON_NEW, self.write)
        self.assertSays(answer, 400, "Image depends on a non existing parent")

    def test_no_image_is_its_own_ancestor(self) -> None:
        self.put_json(NEW, self.write)
        self.put_json(ON_NEW, self.write)
        circle = V1Image(NEW_ID, document(NEW_ID, OTHER_ID), NEW.layer)
        answer = self.put_json(circle, self.write)
        self.assertSays(answer, 400, "Image is its own ancestor")

    def test_parent_that_changes_makes_no_circle(self) -> None:
        """The child remembers another ancestry than its parent has in the end."""
        self.put_json(NEW, self.write)
        self.put_json(ON_NEW, self.write)
        self.push_parts(V1Image(NEW_ID, document(NEW_ID, T), NEW.layer), self.write)
        self.assertEqual(self.put_layer(ON_NEW, self.write).status, 200)
        self.assertEqual(self.put_checksum(ON_NEW, self.write).status, 200)
        answer = self.part("ancestry", self.read, OTHER_ID)
        self.assertEqual(answer.json, [OTHER_ID, NEW_ID, T, B])

    def test_ancestry_has_127_images(self) -> None:
        parent, top = T, 125
        for number in range(1, top + 1):
            image_id = f"{number:064x}"
            self.push_parts(
                V1Image(image_id, document(image_id, parent), b"xy"), self.write
            )
            parent = image_id
        answer = self.part("ancestry", self.read, parent)
        self.assertEqual((len(answer.json), answer.json[-1]), (127, B))
        self.assertEqual(self.put_tag("deep", parent, self.write).status, 200)
        before = self.exchange.stored()
        image = V1Image(NEW_ID, document(NEW_ID, parent), b"xy")
        answer = self.put_json(image, self.write)
        self.assertSays(answer, 400, "Image has more than 126 ancestors")
        self.assertEqual(self.exchange.stored(), before)


class LayerTests(PushCase):
    def test_bad_layers(self) -> None:
        self.put_json(NEW, self.write)
        before = self.exchange.stored()
        for layer, error in BAD_LAYERS:
            for more, body in (
                ({}, layer),
                (CHUNKED, chunked(layer) if layer else chunked()),
            ):
                headers = {**self.write, **more}
                answer = self.ask("PUT", f"{PATH}/layer", headers, body)
                self.assertSays(answer, 400, error)
                self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()
        self.assertSays(self.put_checksum(NEW, self.write), 400, "Checksum mismatch")

    def test_layer_that_breaks_off(self) -> None:
        whole = chunked(NEW.layer)
        for more, body in (
            (CHUNKED, whole[:-5]),
            (CHUNKED, whole[: len(whole) // 2]),
            (CHUNKED, b""),
            ({"Content-Length": str(len(NEW.layer))}, NEW.layer[:-1]),
            ({"Content-Length": str(len(NEW.layer) + 1)}, NEW.layer),
        ):
            self.put_json(NEW, self.write)
            before = self.exchange.stored()
            connection = self.exchange.connect()
            headers = {**self.write, **more}
            connection.send(request_bytes("PUT", f"{PATH}/layer", headers, body))
            self.assertEqual(connection.received, b"")
            connection.drop()
            self.assertEqual(self.exchange.stored(), before)
            self.assertSays(
                self.put_checksum(NEW, self.write), 400, "Checksum mismatch"
            )
            self.assertIsNowhere()
        self.push_parts(NEW, self.write)
        self.assertIsComplete()

    def test_chunks_that_are_none(self) -> None:
        self.put_json(NEW, self.write)
        before = self.exchange.stored()
        for body in (b"zz\r\nx\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-1\r\n"):
            answer = self.ask("PUT", f"{PATH}/layer", {**self.write, **CHUNKED}, body)
            self.assertEqual((answer.status, list(answer.json)), (400, ["error"]))
            self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()

    def test_while_one_comes_in_another_has_to_wait(self) -> None:
        self.put_json(NEW, self.write)
        connection = self.exchange.connect()
        headers = {**self.write, "Content-Length": str(len(NEW.layer))}
        connection.send(request_bytes("PUT", f"{PATH}/layer", headers, NEW.layer[:10]))
        busy = "Image is being uploaded, retry later"
        self.assertSays(self.put_layer(NEW, self.write), 400, busy)
        self.assertSays(self.put_json(NEW, self.write), 400, busy)
        self.assertSays(self.put_checksum(NEW, self.write), 400, busy)
        connection.send(NEW.layer[10:])
        self.assertEqual(connection.answer("PUT").status, 200)
        connection.drop()
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_layers_of_all_kinds(self) -> None:
        tar = gzip.decompress(NEW.layer)
        for layer in (
            EMPTY_LAYER,
            gzip.compress(b"", mtime=0),
            gzip.compress(tar[:700]) + gzip.compress(tar[700:]),
            tar,
            bz2.compress(tar),
            lzma.compress(tar),
            b"\0" * 1024,
            b"no tar at all",
            b"xy",
        ):
            self.setUp()
            image = V1Image(NEW_ID, NEW.json, layer)
            self.push_parts(image, self.write)
            self.assertIsComplete(image)

    def test_may_say_its_length(self) -> None:
        self.put_json(NEW, self.write)
        answer = self.ask("PUT", f"{PATH}/layer", self.write, NEW.layer)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_comes_in_pieces_of_any_size(self) -> None:
        self.put_json(NEW, self.write)
        connection = self.exchange.connect()
        pieces = [NEW.layer[place : place + 7] for place in range(0, len(NEW.layer), 7)]
        headers = {**self.write, **CHUNKED}
        body = request_bytes("PUT", f"{PATH}/layer", headers, chunked(*pieces))
        connection.send(body, size=1)
        self.assertEqual(connection.answer("PUT").status, 200)
        connection.drop()
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()


class LimitTests(PushCase):
    LIMIT = 500

    def setUp(self) -> None:
        super().setUp()
        self.exchange = Exchange(
            store=self.exchange.store,
            version1=self.settings,
            clock=self.exchange.clock,
            layer_limit=self.LIMIT,
        )
        self.put_json(NEW, self.write)

    def test_layer_over_the_limit(self) -> None:
        before = self.exchange.stored()
        for layer in (b"x" * (self.LIMIT + 1), b"x" * 1_000_000):
            for more, body in (({}, layer), (CHUNKED, chunked(layer))):
                headers = {**self.write, **more}
                answer = self.ask("PUT", f"{PATH}/layer", headers, body)
                self.assertSays(answer, 413, "A layer can have 500 bytes at most")
                self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()

    def test_layer_at_the_limit(self) -> None:
        image = V1Image(NEW_ID, NEW.json, b"x" * self.LIMIT)
        self.assertEqual(self.put_layer(image, self.write).status, 200)
        self.assertEqual(self.put_checksum(image, self.write).status, 200)
        self.assertIsComplete(image)

    def test_is_told_before_the_layer_is_sent(self) -> None:
        connection = self.exchange.connect()
        headers = {**self.write, "Content-Length": str(1 << 40)}
        connection.send(request_bytes("PUT", f"{PATH}/layer", headers))
        self.assertEqual(connection.answer("PUT").status, 413)
        connection.drop()


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
    """Docker up to 0.5 sends the checksum with the JSON, and nothing after the layer."""

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


class StoreTests(PushCase):
    """The store fails, in the middle of a push."""

    def setUp(self) -> None:
        super().setUp()
        clock = self.exchange.clock
        self.store = FailingStore(clock)
        self.exchange = Exchange(store=self.store, version1=self.settings, clock=clock)
        self.write = self.announce()

    def test_full(self) -> None:
        self.store.failure = lambda: StorageFull("/srv/secret is full")
        answer = self.put_json(NEW, self.write)
        self.assertEqual((answer.status, list(answer.json)), (507, ["error"]))
        self.assertNotIn(b"/srv", answer.body)

    def test_gone(self) -> None:
        self.store.failure = lambda: StorageUnavailable("/srv/secret is gone")
        self.store.reads = False
        answer = self.put_json(NEW, self.write)
        self.assertEqual((answer.status, list(answer.json)), (503, ["error"]))
        self.assertIsNotNone(answer.header("retry-after"))
        self.assertNotIn(b"/srv", answer.body)

    def test_at_the_last_step(self) -> None:
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        self.store.failure = lambda: StorageFull("full")
        self.store.reads = False
        self.assertEqual(self.put_checksum(NEW, self.write).status, 507)
        self.store.failure = None
        read = self.token("acme/web", "write")
        answer = self.part("json", read)
        self.assertSays(answer, 404, "Image not found")
        self.assertEqual(self.put_json(NEW, self.write).status, 200)
        self.push_parts(NEW, self.write)
        self.assertEqual(self.part("layer", read).body, NEW.layer)


class SeveralTests(PushCase):
    def test_same_layer_in_two_images(self) -> None:
        twin = V1Image(OTHER_ID, document(OTHER_ID, NEW_ID), NEW.layer)
        self.push_parts(NEW, self.write)
        self.push_parts(twin, self.write)
        self.assertIsComplete(NEW)
        self.assertIsComplete(twin)

    def test_images_stay_when_their_tags_go(self) -> None:
        self.push_parts(NEW, self.write)
        self.put_tag("new", NEW_ID, self.write)
        delete = self.token(access="delete")
        self.assertEqual(self.ask("DELETE", f"{R}/tags/new", delete).status, 200)
        self.assertIsComplete()
        for image in (BASE, TOP):
            self.assertIsComplete(image)
