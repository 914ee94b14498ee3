"""Tests of pulling, pushing and deleting manifests."""

from typing import Any

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import (
    ABSENT,
    ABSENT_512,
    CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    LAYER,
    OCI_INDEX,
    OCI_MANIFEST,
    descriptor,
    digest_of,
    image,
    index,
    signature,
)
from tests.web.v2.test_blobs import MALFORMED

_OFF: tuple[dict[str, Any], ...] = ({"deletes": False}, {"writes": False})
BAD_TAGS = ("-x", ".x", "x" * 129, "x%20y", "x%2By", "x%40y", "%C3%A9", "x%0A", "*")
BAD_NAMES = ("A", "a..b", "-a", "a-", "a/", "/a", "a//b", "a/../b", "x" * 241, "a%2F")


class PullTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.push_image("library/app", "latest")
        self.digest = digest_of(self.data)

    def pull(self, reference: str, method: str = "GET", **headers: str) -> Answer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(method, f"/v2/library/app/manifests/{reference}", fields)

    def test_gives_the_bytes(self) -> None:
        for reference in ("latest", self.digest, self.digest.replace(":", "%3A")):
            answer = self.pull(reference)
            self.assertEqual((answer.status, answer.body), (200, self.data), reference)

    def test_describes_them(self) -> None:
        expected = {
            "content-type": OCI_MANIFEST,
            "content-length": str(len(self.data)),
            "docker-content-digest": self.digest,
            "etag": f'"{self.digest}"',
        }
        for reference in ("latest", self.digest):
            for method in ("GET", "HEAD"):
                answer = self.pull(reference, method)
                for name, value in expected.items():
                    self.assertEqual(answer.header(name), value, f"{method} {name}")

    def test_only_a_digest_is_forever(self) -> None:
        tag, digest = self.pull("latest"), self.pull(self.digest)
        self.assertEqual(tag.header("cache-control"), "no-cache")
        self.assertEqual(digest.header("cache-control"), "max-age=31536000, immutable")

    def test_accept_is_not_minded(self) -> None:
        for value in (
            "*/*",
            "application/*",
            OCI_INDEX,
            "",
        ):
            answer = self.pull("latest", Accept=value)
            self.assertEqual(answer.header("content-type"), OCI_MANIFEST, value)
            self.assertEqual(answer.body, self.data, value)

    def test_several_lines_of_accept(self) -> None:
        accept = [("Accept", OCI_INDEX), ("Accept", f"{OCI_MANIFEST}, */*;q=0.1")]
        answer = self.get("/v2/library/app/manifests/latest", accept)
        self.assertEqual(answer.body, self.data)

    def test_ranges_are_not_minded(self) -> None:
        for value in ("bytes=0-1", "bytes=999999-"):
            self.assertEqual(self.pull("latest", Range=value).body, self.data)

    def test_not_modified(self) -> None:
        for reference in ("latest", self.digest):
            for value in (f'"{self.digest}"', f'W/"{self.digest}"', self.digest, "*"):
                for method in ("GET", "HEAD"):
                    answer = self.pull(reference, method, If_None_Match=value)
                    self.assertEqual(answer.status, 304, value)
                    self.assertEqual(answer.header("etag"), f'"{self.digest}"')

    def test_modified(self) -> None:
        answer = self.pull("latest", If_None_Match=f'"{ABSENT}"')
        self.assertEqual(answer.body, self.data)

    def test_unknown_manifests(self) -> None:
        for reference in ("other", "Latest", ABSENT, ABSENT_512, digest_of(LAYER)):
            answer = self.pull(reference)
            self.assertRefused(answer, 404, "MANIFEST_UNKNOWN", reference)

    def test_unknown_repositories(self) -> None:
        for name in ("library", "other", "library/app/more"):
            for reference in ("latest", self.digest):
                answer = self.get(f"/v2/{name}/manifests/{reference}")
                self.assertRefused(answer, 404, "NAME_UNKNOWN", name)

    def test_head_errors_have_no_body(self) -> None:
        for reference in ("other", ABSENT, "-x"):
            answer = self.pull(reference, "HEAD")
            self.assertEqual(answer.body, b"", reference)
            self.assertIn(answer.status, (400, 404), reference)

    def test_bad_references(self) -> None:
        for method in ("GET", "DELETE"):
            for tag in BAD_TAGS:
                answer = self.pull(tag, method)
                self.assertEqual(answer.status, 400, f"{method} {tag}")
                self.assertIn(answer.code, ("TAG_INVALID", "NAME_INVALID"), tag)
            for digest in MALFORMED:
                if ":" in digest and "%0A" not in digest:
                    answer = self.pull(digest, method)
                    self.assertRefused(answer, 400, "DIGEST_INVALID", digest)

    def test_bad_names(self) -> None:
        for name in BAD_NAMES:
            for method in ("GET", "PUT", "DELETE"):
                answer = self.ask(method, f"/v2/{name}/manifests/latest", body=b"{}")
                self.assertRefused(answer, 400, "NAME_INVALID", f"{method} {name}")

    def test_names_of_components_that_routes_use(self) -> None:
        for name in (
            "manifests",
            "blobs",
            "manifests/latest",
            "blobs/uploads",
            "a/manifests/latest/manifests",
            "v2",
            "tags/list",
            "referrers",
            "x" * 240,
            "a/b/c/d/e/f/g/h",
            "a__b/c-----d/e.f_g",
        ):
            data = self.push_image(name, "latest")
            answer = self.get(f"/v2/{name}/manifests/latest")
            self.assertEqual(answer.body, data, name)


class PushTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blob("a", CONFIG)
        self.push_blob("a", LAYER)
        self.data = image()
        self.digest = digest_of(self.data)

    def put(
        self, reference: str, data: bytes, media_type: str | None = OCI_MANIFEST
    ) -> Answer:
        headers = {} if media_type is None else {"Content-Type": media_type}
        return self.ask("PUT", f"/v2/a/manifests/{reference}", headers, data)

    def test_answer(self) -> None:
        for reference in ("latest", self.digest):
            answer = self.put(reference, self.data)
            self.assertEqual((answer.status, answer.body), (201, b""), reference)
            expected = {
                "location": f"/v2/a/manifests/{self.digest}",
                "docker-content-digest": self.digest,
                "content-length": "0",
                "oci-subject": None,
                "oci-tag": None,
            }
            for name, value in expected.items():
                self.assertEqual(answer.header(name), value, f"{reference} {name}")
            location = answer.header("location") or ""
            self.assertEqual(self.get(location).body, self.data, reference)

    def test_every_type(self) -> None:
        self.put("latest", self.data)
        for media_type, data in (
            (OCI_MANIFEST, self.data),
            (DOCKER_MANIFEST, image(media_type=DOCKER_MANIFEST)),
            (OCI_INDEX, index(self.data)),
            (DOCKER_LIST, index(self.data, media_type=DOCKER_LIST)),
            (OCI_INDEX, index()),
            (OCI_MANIFEST, image(layers=())),
        ):
            self.assertEqual(self.put("x", data, media_type).status, 201, media_type)
            answer = self.get("/v2/a/manifests/x")
            self.assertEqual(answer.header("content-type"), media_type)
            self.assertEqual(answer.body, data, media_type)

    def test_ways_to_write_the_type(self) -> None:
        for media_type in (
            OCI_MANIFEST.upper(),
            OCI_MANIFEST + "; charset=utf-8",
            f" {OCI_MANIFEST} ; a=b",
            None,
            "",
        ):
            self.assertEqual(self.put("x", self.data, media_type).status, 201)
            answer = self.get("/v2/a/manifests/x")
            self.assertEqual(answer.header("content-type"), OCI_MANIFEST, media_type)

    def test_streamed(self) -> None:
        headers = {"Content-Type": OCI_MANIFEST, "Transfer-Encoding": "chunked"}
        body = exchange.chunked(self.data[:5], self.data[5:])
        answer = self.ask("PUT", "/v2/a/manifests/latest", headers, body)
        self.assertEqual(answer.status, 201)
        self.assertEqual(self.get("/v2/a/manifests/latest").body, self.data)

    def test_a_tag_is_moved(self) -> None:
        other = image(annotations={"a": "b"})
        self.put("latest", self.data)
        self.put("latest", other)
        self.assertEqual(self.get("/v2/a/manifests/latest").body, other)
        self.assertEqual(self.get(f"/v2/a/manifests/{self.digest}").body, self.data)

    def test_twice_the_same(self) -> None:
        for _ in range(2):
            self.assertEqual(self.put("latest", self.data).status, 201)

    def test_another_digest(self) -> None:
        for digest in (ABSENT, ABSENT_512):
            answer = self.put(digest, self.data)
            self.assertRefused(answer, 400, "DIGEST_INVALID", digest)
            self.assertEqual(self.get(f"/v2/a/manifests/{digest}").status, 404)

    def test_malformed_references(self) -> None:
        for digest in MALFORMED:
            if ":" in digest and "%0A" not in digest:
                answer = self.put(digest, self.data)
                self.assertRefused(answer, 400, "DIGEST_INVALID", digest)
        for tag in BAD_TAGS:
            answer = self.put(tag, self.data)
            self.assertEqual(answer.status, 400, tag)

    def test_sha512(self) -> None:
        digest = digest_of(self.data, "sha512")
        answer = self.put(digest, self.data)
        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.header("docker-content-digest"), digest)
        answer = self.get(answer.header("location") or "")
        self.assertEqual(answer.body, self.data)
        self.assertEqual(answer.header("docker-content-digest"), digest)

    def test_a_tag_says_the_digest_under_which_it_was_pushed(self) -> None:
        digest = digest_of(self.data, "sha512")
        self.put(f"{digest}?tag=long", self.data)
        self.put("short", self.data)
        for tag, expected in (("long", digest), ("short", self.digest)):
            answer = self.get(f"/v2/a/manifests/{tag}")
            self.assertEqual(answer.header("docker-content-digest"), expected)

    def test_tags_beside_a_digest(self) -> None:
        tags = [f"t{number:02}" for number in range(100)]
        query = "&".join(f"tag={tag}" for tag in tags)
        answer = self.put(f"{self.digest}?{query}", self.data)
        self.assertEqual((answer.status, answer.all("oci-tag")), (201, tags))
        self.assertEqual(self.get("/v2/a/tags/list").json["tags"], tags)

    def test_tags_beside_a_tag(self) -> None:
        answer = self.put("x?tag=y&tag=z", self.data)
        self.assertEqual(answer.all("oci-tag"), ["y", "z"])
        self.assertEqual(self.get("/v2/a/tags/list").json["tags"], ["x", "y", "z"])

    def test_one_bad_tag_and_none_is_set(self) -> None:
        for tag in (*BAD_TAGS, ""):
            answer = self.put(f"{self.digest}?tag=good&tag={tag}", self.data)
            self.assertRefused(answer, 400, "TAG_INVALID", tag)
        self.assertEqual(self.get("/v2/a/tags/list").json["tags"], [])

    def test_too_many_tags(self) -> None:
        query = "&".join(f"tag=t{number}" for number in range(101))
        answer = self.put(f"{self.digest}?{query}", self.data)
        self.assertRefused(answer, 414, "TAG_INVALID")
        self.assertEqual(self.get("/v2/a/tags/list").json["tags"], [])

    def test_subject(self) -> None:
        data = signature(self.data)
        for reference in ("latest", digest_of(data)):
            answer = self.put(reference, data)
            self.assertEqual(answer.status, 201, answer.body)
            self.assertEqual(answer.header("oci-subject"), self.digest, reference)

    def test_subject_of_an_index(self) -> None:
        data = index(subject=descriptor(self.data, OCI_MANIFEST))
        answer = self.put("x", data, OCI_INDEX)
        self.assertEqual(answer.header("oci-subject"), self.digest)

    def test_docker_types_have_no_subject(self) -> None:
        data = image(
            media_type=DOCKER_MANIFEST, subject=descriptor(self.data, OCI_MANIFEST)
        )
        answer = self.put("x", data, DOCKER_MANIFEST)
        self.assertEqual((answer.status, answer.header("oci-subject")), (201, None))


class DeleteTests(exchange.WebCase):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.push_image("a", "one", "two")
        self.digest = digest_of(self.data)

    def status(self, reference: str, name: str = "a") -> int:
        return self.ask("HEAD", f"/v2/{name}/manifests/{reference}").status

    def delete(self, reference: str, name: str = "a") -> Answer:
        return self.ask("DELETE", f"/v2/{name}/manifests/{reference}")

    def test_a_tag_only(self) -> None:
        answer = self.delete("one")
        self.assertEqual((answer.status, answer.body), (202, b""))
        found = [self.status(each) for each in ("one", "two", self.digest)]
        self.assertEqual(found, [404, 200, 200])

    def test_a_manifest_and_its_tags(self) -> None:
        self.push_manifest("a", "other", image(annotations={"a": "b"}))
        self.assertEqual(self.delete(self.digest).status, 202)
        found = [self.status(each) for each in ("one", "two", self.digest, "other")]
        self.assertEqual(found, [404, 404, 404, 200])
        self.assertEqual(self.get("/v2/a/tags/list").json["tags"], ["other"])

    def test_by_one_digest_is_by_all(self) -> None:
        long = digest_of(self.data, "sha512")
        self.push_manifest("a", f"{long}?tag=long", self.data)
        self.assertEqual(self.delete(self.digest).status, 202)
        for reference in ("one", "long", long, self.digest):
            self.assertEqual(self.status(reference), 404, reference)

    def test_other_repositories_keep_it(self) -> None:
        self.push_image("b", "one")
        self.delete(self.digest)
        self.assertEqual(self.status("one", "b"), 200)

    def test_a_child_of_an_index(self) -> None:
        self.push_manifest("a", "all", index(self.data), OCI_INDEX)
        self.assertEqual(self.delete(self.digest).status, 202)
        self.assertEqual(self.status("all"), 200)

    def test_blobs_stay(self) -> None:
        self.delete(self.digest)
        answer = self.ask("HEAD", f"/v2/a/blobs/{digest_of(LAYER)}")
        self.assertEqual(answer.status, 200)

    def test_unknown(self) -> None:
        for reference in ("three", ABSENT, ABSENT_512, digest_of(LAYER)):
            answer = self.delete(reference)
            self.assertRefused(answer, 404, "MANIFEST_UNKNOWN", reference)
        for reference in ("one", self.digest):
            answer = self.delete(reference, "nobody")
            self.assertRefused(answer, 404, "NAME_UNKNOWN", reference)

    def test_twice(self) -> None:
        for reference in ("one", self.digest):
            self.assertEqual(self.delete(reference).status, 202)
            answer = self.delete(reference)
            self.assertRefused(answer, 404, "MANIFEST_UNKNOWN", reference)

    def test_can_be_pushed_again(self) -> None:
        self.delete(self.digest)
        self.push_manifest("a", "one", self.data)
        self.assertEqual(self.get("/v2/a/manifests/one").body, self.data)

    def test_switched_off(self) -> None:
        store = self.exchange.store
        for settings in _OFF:
            self.exchange = exchange.Exchange(store=store, **settings)
            for reference in ("one", self.digest):
                answer = self.delete(reference)
                self.assertRefused(answer, 405, "UNSUPPORTED", settings)
                self.assertEqual(answer.header("allow"), "GET, HEAD")
            self.assertEqual(self.status("one"), 200)

    def test_read_only(self) -> None:
        self.exchange = exchange.Exchange(store=self.exchange.store, writes=False)
        kind = {"Content-Type": OCI_MANIFEST}
        answer = self.ask("PUT", "/v2/a/manifests/three", kind, self.data)
        self.assertRefused(answer, 405, "UNSUPPORTED")
        self.assertEqual(self.status("three"), 404)
