"""Tests of what is read of images: JSON, layers, ancestries, files."""

import gzip
import json
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import ClassVar

from tests.web.answers import Answer
from tests.web.content import digest_of, image
from tests.web.exchange import Exchange
from tests.web.v1 import case, people
from tests.web.v1.case import R
from tests.web.v1.images import BASE, TOP, B, T, V1Image, document, layer_of
from tests.web.v1.people import BOB, UNAUTHORIZED
from txregistry.model.images import ImageId
from txregistry.model.names import RepositoryName

PATH = f"/v1/images/{T}"
PARTS = ("json", "layer", "ancestry", "files", "diff")
ABSENT = "f" * 64
BAD_IDS = (
    *("x", "f" * 63, "f" * 65, "F" * 64, "f" * 15, "f" * 17, "g" * 64, "%00"),
    *("f" * 64 + "%0A", "%20" + "f" * 64, "..", "latest", "%D9%A1" * 64),
)
"""The last are digits too, but not of ASCII."""

WHEN: Sequence[str] = (
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Sat, 01 Jan 2050 00:00:00 GMT",
    "yesterday",
    "",
)
V2_CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {
            "type": "layers",
            "diff_ids": [digest_of(gzip.decompress(TOP.layer))],
        },
    }
).encode()
NOT_TAR = V1Image("c" * 64, document("c" * 64, B), b"this is no archive" * 100)


class ReadCase(case.V1Case):
    """A registry where everybody may do everything, with one image on another."""

    headers: ClassVar[dict[str, str]] = {}

    def setUp(self) -> None:
        super().setUp()
        self.push_v1(headers=self.headers)
        self.read = self.token(access="read", headers=self.headers)

    def assertKept(self, answer: Answer, scope: str) -> None:
        """An answer has what lets caches keep it for ever, and nothing against it."""
        self.assertEqual(answer.header("cache-control"), f"{scope}, max-age=31536000")
        self.assertEqual(answer.header("last-modified"), WHEN[0])
        expires = parsedate_to_datetime(answer.header("expires") or "").timestamp()
        self.assertEqual(expires, self.exchange.clock.seconds() + 31536000)
        self.assertIsNone(answer.header("pragma"))
        self.assertIsNone(answer.header("set-cookie"))

    def assertNotKept(self, answer: Answer) -> None:
        """An answer has what forbids caches to keep it, and nothing against it."""
        self.assertEqual(answer.header("cache-control"), "no-cache")
        self.assertEqual(answer.header("pragma"), "no-cache")
        self.assertEqual(answer.header("expires"), "-1")
        self.assertIsNone(answer.header("last-modified"))


class AnswerTests(ReadCase):
    def test_json_is_what_was_pushed_to_the_byte(self) -> None:
        answer = self.get(f"{PATH}/json", self.read)
        self.assertEqual((answer.status, answer.body), (200, TOP.json))
        self.assertEqual(answer.header("content-type"), "application/json")

    def test_json_says_what_the_layer_comes_to(self) -> None:
        answer = self.get(f"{PATH}/json", self.read)
        self.assertEqual(answer.header("x-docker-size"), str(len(TOP.layer)))
        self.assertEqual(answer.all("x-docker-checksum-payload"), [TOP.payload])

    def test_layer_is_what_was_pushed_to_the_byte(self) -> None:
        answer = self.get(f"{PATH}/layer", self.read)
        self.assertEqual((answer.status, answer.body), (200, TOP.layer))
        self.assertEqual(answer.header("content-type"), "application/octet-stream")
        self.assertEqual(answer.header("content-length"), str(len(TOP.layer)))
        self.assertEqual(answer.header("accept-ranges"), "bytes")

    def test_layer_has_no_content_coding(self) -> None:
        """Go would undo it by itself, and sizes and offsets were wrong."""
        for accepted in ("gzip", "gzip, deflate", "*"):
            answer = self.get(
                f"{PATH}/layer", {**self.read, "Accept-Encoding": accepted}
            )
            self.assertIsNone(answer.header("content-encoding"))
            self.assertEqual(answer.body, TOP.layer)

    def test_ancestry_begins_with_the_image(self) -> None:
        answer = self.get(f"{PATH}/ancestry", self.read)
        self.assertEqual((answer.status, answer.json), (200, [T, B]))
        answer = self.get(f"/v1/images/{B}/ancestry", self.read)
        self.assertEqual(answer.json, [B])

    def test_files(self) -> None:
        answer = self.get(f"{PATH}/files", self.read)
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.json,
            [
                ["/b.txt", "f", False, 3, 1420070400, 420, 0, 0],
                ["/c.txt", "f", False, 5, 1420070400, 420, 0, 0],
            ],
        )

    def test_diff(self) -> None:
        answer = self.get(f"{PATH}/diff", self.read)
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            answer.json,
            {
                "created": {
                    "/b.txt": ["f", False, 3, 1420070400, 420, 0, 0],
                    "/c.txt": ["f", False, 5, 1420070400, 420, 0, 0],
                },
                "changed": {},
                "deleted": {},
            },
        )

    def test_image_is_kept_for_ever(self) -> None:
        for part in PARTS:
            self.assertKept(self.get(f"{PATH}/{part}", self.read), "public")

    def test_what_everybody_may_see_does_not_vary(self) -> None:
        self.assertIsNone(self.get(f"{PATH}/json", self.read).header("vary"))

    def test_head_has_the_same_headers(self) -> None:
        for part in PARTS:
            get = self.get(f"{PATH}/{part}", self.read)
            head = self.ask("HEAD", f"{PATH}/{part}", self.read)
            self.assertEqual((head.status, head.body), (200, b""), part)
            self.assertEqual(head.fields, get.fields, part)

    def test_other_parts_do_not_exist(self) -> None:
        for part in ("", "/", "/x", "/json/x", "/checksum/x"):
            answer = self.get(f"{PATH}{part}", self.read)
            self.assertEqual(answer.status, 404, part)
            self.assertEqual(list(map(type, answer.json.values())), [str], part)

    def test_checksum_is_not_read(self) -> None:
        answer = self.get(f"{PATH}/checksum", self.read)
        self.assertEqual((answer.status, answer.header("allow")), (405, "PUT"))
        self.assertEqual(list(map(type, answer.json.values())), [str])

    def test_old_short_ids_are_read(self) -> None:
        """A few base images of 2013 have them; none is pushed any more."""
        short = ImageId("8dbd9e392a964056")
        images, wait = self.exchange.registry.images, self.exchange.wait
        name = RepositoryName("acme/web")
        found = wait(images.find(name, ImageId(B)))
        document = b'{"id": "%s"}' % short.text.encode()
        wait(images.publish(name, type(found)(short, document, found.layer, (short,))))
        answer = self.get(f"/v1/images/{short}/json", self.read)
        self.assertEqual((answer.status, answer.body), (200, document))
        answer = self.get(f"/v1/images/{short}/layer", self.read)
        self.assertEqual(answer.body, BASE.layer)


class RefusalTests(ReadCase):
    def test_bad_ids(self) -> None:
        for image_id in BAD_IDS:
            for part in PARTS:
                answer = self.get(f"/v1/images/{image_id}/{part}", self.read)
                if image_id.startswith(("%00", "%D9")):
                    self.assertEqual(answer.status, 400, image_id)
                else:
                    self.assertEqual(answer.status, 404, image_id)
                if image_id not in {"..", BAD_IDS[7], BAD_IDS[-1]}:
                    self.assertSays(answer, 404, "Invalid image ID")
                self.assertNotKept(answer)

    def test_absent(self) -> None:
        for part in PARTS:
            answer = self.get(f"/v1/images/{ABSENT}/{part}", self.read)
            self.assertSays(answer, 404, "Image not found")
            self.assertNotKept(answer)

    def test_in_progress(self) -> None:
        token = self.announce()
        new = V1Image("c" * 64, document("c" * 64, B), layer_of(c_txt="c"))
        for step in (self.put_json, self.put_layer):
            self.assertEqual(step(new, token).status, 200)
            for part in PARTS:
                answer = self.get(f"/v1/images/{new.image_id}/{part}", token)
                self.assertSays(answer, 400, "Image is being uploaded, retry later")
                self.assertNotKept(answer)

    def test_in_progress_is_absent_to_others(self) -> None:
        self.put_json(NOT_TAR, self.announce())
        for part in PARTS:
            answer = self.get(f"/v1/images/{NOT_TAR.image_id}/{part}", self.read)
            self.assertSays(answer, 404, "Image not found")

    def test_layer_that_cannot_be_looked_into(self) -> None:
        self.push_v1(images=(NOT_TAR,), tags=())
        for part in ("files", "diff"):
            answer = self.get(f"/v1/images/{NOT_TAR.image_id}/{part}", self.read)
            self.assertSays(answer, 400, "Layer format not supported")
            self.assertNotKept(answer)

    def test_conditions_do_not_help_who_may_not(self) -> None:
        for condition in WHEN:
            more = {**self.read, "If-Modified-Since": condition}
            for image_id, error in (
                (ABSENT, "Image not found"),
                ("x", "Invalid image ID"),
            ):
                answer = self.get(f"/v1/images/{image_id}/layer", more)
                self.assertSays(answer, 404, error)

    def test_every_error_is_an_object_of_strings(self) -> None:
        """Engines cannot read another one, and their push dies of it."""
        for method, path in (
            ("GET", "/v1/"),
            ("GET", "/v1"),
            ("GET", "/v1/images/x/json"),
            ("POST", f"{PATH}/json"),
            ("DELETE", f"{PATH}/json"),
            ("PATCH", f"{PATH}/layer"),
            ("GET", f"/v1/images/{ABSENT}/json"),
            ("GET", "/v1/repositories/acme/none/tags"),
            ("GET", "/v1/repositories/Acme/none/tags"),
            ("GET", "/v1/repositories//tags"),
            ("GET", "/v1/repositories/"),
            ("GET", "/v1/search?n=x"),
            ("GET", "/v1/%FF"),
            ("GET", "/v1/%00"),
            ("OPTIONS", "/v1/"),
            ("BREW", "/v1/_ping"),
        ):
            answer = self.ask(method, path, self.read)
            self.assertGreaterEqual(answer.status, 400, path)
            self.assertEqual(list(answer.json), ["error"], path)
            self.assertEqual(list(map(type, answer.json.values())), [str], path)
            self.assertEqual(answer.header("content-type"), "application/json", path)
            self.assertIsNone(answer.header("docker-distribution-api-version"), path)
            self.assertEqual(answer.header("x-docker-registry-version"), "0.9.1", path)
            self.assertNotKept(answer)


class ConditionTests(ReadCase):
    def test_whoever_has_it_is_told_so(self) -> None:
        for part in PARTS:
            for condition in WHEN:
                headers = {**self.read, "If-Modified-Since": condition}
                for method in ("GET", "HEAD"):
                    answer = self.ask(method, f"{PATH}/{part}", headers)
                    self.assertEqual((answer.status, answer.body), (304, b""), part)
                    self.assertKept(answer, "public")

    def test_has_no_length(self) -> None:
        answer = self.get(f"{PATH}/json", {**self.read, "If-Modified-Since": WHEN[0]})
        self.assertIn(answer.header("content-length"), {None, str(len(TOP.json))})

    def test_tags_are_not_like_that(self) -> None:
        answer = self.get(f"{R}/tags", {**self.read, "If-Modified-Since": WHEN[1]})
        self.assertEqual((answer.status, answer.json), (200, {"latest": T}))


class PrivateTests(ReadCase, people.PeopleCase):
    """Nobody but bob may read ``acme/web``."""

    headers = BOB

    def test_is_for_who_asked_alone(self) -> None:
        for part in PARTS:
            answer = self.get(f"{PATH}/{part}", self.read)
            self.assertKept(answer, "private")
            self.assertIn("Authorization", answer.header("vary") or "")
            self.assertIn("Cookie", answer.header("vary") or "")

    def test_not_modified_is_private_too(self) -> None:
        headers = {**self.read, "If-Modified-Since": WHEN[0]}
        for part in PARTS:
            answer = self.get(f"{PATH}/{part}", headers)
            self.assertEqual(answer.status, 304)
            self.assertKept(answer, "private")

    def test_conditions_do_not_help_who_may_not(self) -> None:
        for part in PARTS:
            answer = self.get(f"{PATH}/{part}", {"If-Modified-Since": WHEN[0]})
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertNotKept(answer)
            self.assertIsNone(answer.header("vary"))


class DerivedTests(case.V1Case):
    """What was pushed by version 2 can be pulled by version 1."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("acme/web", "acme/old"):
            self.push_blob(name, V2_CONFIG)
            self.push_blob(name, TOP.layer)
            self.push_manifest(name, "latest", image(V2_CONFIG, (TOP.layer,)))

    def pull(self, headers: dict[str, str], name: str = "acme/web") -> str:
        """Ask which image is tagged, and for all of it; give its id."""
        found = self.get(f"/v1/repositories/{name}/tags", headers).json["latest"]
        for image_id in self.get(f"/v1/images/{found}/ancestry", headers).json:
            answer = self.get(f"/v1/images/{image_id}/json", headers)
            layer = self.get(f"/v1/images/{image_id}/layer", headers)
            self.assertEqual((answer.status, layer.status), (200, 200))
            self.assertEqual(answer.json["id"], image_id)
            self.assertEqual(answer.header("x-docker-size"), str(len(layer.body)))
            self.assertEqual(layer.body, TOP.layer)
        return str(found)

    def test_with_a_token(self) -> None:
        self.pull(self.token(access="read"))

    def test_without_a_token(self) -> None:
        self.pull({})

    def test_is_not_seen_from_another_repository(self) -> None:
        image_id = self.pull(self.token(access="read"))
        other = self.token("acme/other", "write")
        for part in PARTS:
            answer = self.get(f"/v1/images/{image_id}/{part}", other)
            self.assertSays(answer, 404, "Image not found")

    def test_without_a_token_one_repository_that_has_it_is_enough(self) -> None:
        image_id = self.pull({})
        for name in ("acme/old", "acme/web"):
            self.pull({}, name)
        digest = self.get("/v2/acme/old/manifests/latest").header(
            "docker-content-digest"
        )
        for what in (f"manifests/{digest}", f"blobs/{digest_of(TOP.layer)}"):
            self.assertEqual(self.ask("DELETE", f"/v2/acme/old/{what}").status, 202)
        for part in ("json", "layer", "ancestry"):
            answer = self.get(f"/v1/images/{image_id}/{part}")
            self.assertEqual(answer.status, 200, part)

    def test_goes_with_its_manifest(self) -> None:
        image_id = self.pull({})
        for name in ("acme/old", "acme/web"):
            digest = self.get(f"/v2/{name}/manifests/latest").header(
                "docker-content-digest"
            )
            self.ask("DELETE", f"/v2/{name}/manifests/{digest}")
        answer = self.get(f"/v1/images/{image_id}/json")
        self.assertSays(answer, 404, "Image not found")


class RestartTests(ReadCase):
    def test_images_are_there_after_a_restart(self) -> None:
        self.exchange = Exchange(
            store=self.exchange.store,
            version1=self.settings,
            clock=self.exchange.clock,
        )
        answer = self.get(f"{PATH}/layer", self.read)
        self.assertEqual((answer.status, answer.body), (200, TOP.layer))

    def test_damaged_record_is_no_image(self) -> None:
        store, wait = self.exchange.store, self.exchange.wait
        (key,) = [each for each in self.exchange.stored() if f"{T}/acme/web" in each]
        whole = json.loads(wait(store.get(key, 1 << 20)))
        for data in (
            b"",
            b"{",
            b"[]",
            b'{"json": "\xff"}',
            json.dumps({**whole, "ancestry": []}).encode(),
            json.dumps({**whole, "ancestry": [B, T]}).encode(),
            json.dumps({**whole, "layer": "sha256:x"}).encode(),
            json.dumps({**whole, "compression": "zip"}).encode(),
        ):
            wait(store.put(key, data))
            answer = self.get(f"{PATH}/json", self.read)
            self.assertSays(answer, 404, "Image not found")
