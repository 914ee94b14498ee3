"""Tests of tags, their properties, and what else is kept of repositories."""

import json
from typing import ClassVar

from tests.web.answers import Answer
from tests.web.exchange import Exchange
from tests.web.v1 import case
from tests.web.v1.case import LISTED, R
from tests.web.v1.images import BASE, TOP, B, T, V1Image, document, layer_of
from tests.web.v1.people import DOCKER_1_5

TAGS = f"{R}/tags"
DEFAULTS = {
    "last_update": None,
    "docker_version": None,
    "docker_go_version": None,
    "kernel": None,
    "os": "linux",
    "arch": "amd64",
}
SET_BY_1_5 = {
    "last_update": 1_700_000_000,
    "docker_version": "1.5.0",
    "docker_go_version": "go1.4.1",
    "kernel": "3.13.0",
    "os": "linux",
    "arch": "amd64",
}
UNKNOWN = "/v1/repositories/acme/none"
BAD_TAG = "Invalid tag name (must match [A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
GOOD_TAGS = (
    *("a", "A", "0", "_", "1.0", "a-b", "a_b", "a.b", "x" * 128, "latest.", "a--b"),
    *("tags", "images", "json", "properties", "auth", "layer", "access", "list"),
)
BAD_TAGS = (
    "-a",
    ".a",
    "x" * 129,
    "a:b",
    "a%20b",
    "a%0A",
    "a@b",
    "%2e%2e",
    "a+b",
    "a~b",
)
NO_IDS = (
    *(b"", b"x", b"1", b"null", b"{}", b"[]", b'""', b'"x"', b"[" * 4000),
    *(b'"' + T.encode(), T.encode(), b'"%s\\n"' % T.encode(), b'"%s"x' % T.encode()),
    *(b'"%s"' % B.upper().encode(), b'["%s"]' % T.encode(), b'"\xff"'),
)


class TagsCase(case.V1Case):
    """A registry where everybody may do everything, with one image on another."""

    def setUp(self) -> None:
        super().setUp()
        self.write = self.push_v1()
        self.put_tag("latest", T, {**self.write, **DOCKER_1_5})
        self.read = self.token(access="read")
        self.removal = self.token(access="delete")

    def put(self, tag: str, body: bytes | None = None) -> Answer:
        """Set a tag."""
        data = json.dumps(T).encode() if body is None else body
        return self.ask("PUT", f"{TAGS}/{tag}", self.write, data)

    def delete(self, path: str) -> Answer:
        """Delete something."""
        return self.ask("DELETE", path, self.removal)

    def assertIsTrue(self, answer: Answer) -> None:
        """An answer says that all is well, and no more."""
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(answer.header("cache-control"), "no-cache")


class ListTests(TagsCase):
    def test_lists_all(self) -> None:
        self.put_tag("base", B, self.write)
        answer = self.get(TAGS, self.read)
        self.assertEqual((answer.status, answer.json), (200, {"base": B, "latest": T}))

    def test_is_an_object_without_tags_too(self) -> None:
        self.delete(f"{TAGS}/latest")
        answer = self.get(TAGS, self.read)
        self.assertEqual((answer.status, answer.body), (200, b"{}"))

    def test_unknown_repository(self) -> None:
        answer = self.get(f"{UNKNOWN}/tags")
        self.assertSays(answer, 404, "Repository not found")

    def test_announced_repository_is_none_yet(self) -> None:
        self.announce("acme/none")
        answer = self.get(f"{UNKNOWN}/tags")
        self.assertSays(answer, 404, "Repository not found")

    def test_is_not_to_be_kept(self) -> None:
        for path in (TAGS, f"{TAGS}/latest", f"{TAGS}/latest/json", f"{R}/json"):
            answer = self.get(path, self.read)
            for name, value in (
                ("cache-control", "no-cache"),
                ("pragma", "no-cache"),
                ("expires", "-1"),
                ("content-type", "application/json"),
            ):
                self.assertEqual(answer.header(name), value, path)


class GetTests(TagsCase):
    def test_is_an_id(self) -> None:
        answer = self.get(f"{TAGS}/latest", self.read)
        self.assertEqual((answer.status, answer.body), (200, f'"{T}"'.encode()))

    def test_unknown(self) -> None:
        for tag in ("none", "Latest", *BAD_TAGS):
            answer = self.get(f"{TAGS}/{tag}", self.read)
            self.assertSays(answer, 404, "Tag not found")

    def test_of_an_unknown_repository(self) -> None:
        answer = self.get(f"{UNKNOWN}/tags/latest")
        self.assertSays(answer, 404, "Tag not found")


class PutTests(TagsCase):
    def test_sets_and_moves(self) -> None:
        for image_id in (T, B, T):
            self.assertIsTrue(self.put_tag("new", image_id, self.write))
            answer = self.get(f"{TAGS}/new", self.read)
            self.assertEqual(answer.json, image_id)

    def test_good_names(self) -> None:
        """Also those at which other routes end."""
        for tag in GOOD_TAGS:
            self.assertIsTrue(self.put(tag))
            answer = self.get(f"{TAGS}/{tag}", self.read)
            self.assertEqual((answer.status, answer.json), (200, T), tag)
            answer = self.get(f"{TAGS}/{tag}/json", self.read)
            self.assertEqual((answer.status, answer.json["os"]), (200, "linux"), tag)
        self.assertEqual(
            sorted(self.get(TAGS, self.read).json), sorted({"latest", *GOOD_TAGS})
        )
        for tag in GOOD_TAGS:
            self.assertIsTrue(self.delete(f"{TAGS}/{tag}"))
        self.assertEqual(self.get(TAGS, self.read).json, {"latest": T})

    def test_bad_names(self) -> None:
        before = self.exchange.stored()
        for tag in BAD_TAGS:
            self.assertSays(self.put(tag), 400, BAD_TAG)
        self.assertEqual(self.exchange.stored(), before)

    def test_bad_ids(self) -> None:
        before = self.exchange.stored()
        for body in NO_IDS:
            self.assertSays(self.put("new", body), 400, "Invalid data")
        self.assertEqual(self.exchange.stored(), before)

    def test_unknown_image(self) -> None:
        before = self.exchange.stored()
        for image_id in ("f" * 64, "f" * 16):
            answer = self.put_tag("new", image_id, self.write)
            self.assertSays(answer, 404, "Image not found")
        self.assertEqual(self.exchange.stored(), before)

    def test_image_in_progress(self) -> None:
        image = V1Image("c" * 64, document("c" * 64), layer_of(c_txt="c"))
        for step in (self.put_json, self.put_layer):
            step(image, self.write)
            answer = self.put_tag("new", image.image_id, self.write)
            self.assertSays(answer, 404, "Image not found")

    def test_large_body(self) -> None:
        answer = self.put("new", b" " * 5000)
        self.assertEqual((answer.status, list(answer.json)), (413, ["error"]))

    def test_is_the_tag_of_version_2(self) -> None:
        self.put("new")
        answer = self.get("/v2/acme/web/tags/list")
        self.assertEqual(answer.json["tags"], ["latest", "new"])
        self.ask("DELETE", "/v2/acme/web/manifests/new")
        answer = self.get(f"{TAGS}/new", self.read)
        self.assertSays(answer, 404, "Tag not found")


class DeleteTests(TagsCase):
    def test_one(self) -> None:
        self.put("new")
        self.assertIsTrue(self.delete(f"{TAGS}/new"))
        self.assertEqual(self.get(TAGS, self.read).json, {"latest": T})
        self.assertSays(self.delete(f"{TAGS}/new"), 404, "Tag not found: new")

    def test_unknown(self) -> None:
        for tag in ("none", "a:b"):
            answer = self.delete(f"{TAGS}/{tag}")
            self.assertSays(answer, 404, f"Tag not found: {tag}")
        before = self.exchange.stored()
        self.delete(f"{TAGS}/none")
        self.assertEqual(self.exchange.stored(), before)

    def test_of_an_unknown_repository(self) -> None:
        token = self.token("acme/none", "delete")
        answer = self.ask("DELETE", f"{UNKNOWN}/tags/latest", token)
        self.assertSays(answer, 404, "Tag not found: latest")

    def test_image_stays(self) -> None:
        self.delete(f"{TAGS}/latest")
        for image in (BASE, TOP):
            answer = self.get(f"/v1/images/{image.image_id}/layer", self.read)
            self.assertEqual((answer.status, answer.body), (200, image.layer))

    def test_properties_go_with_it(self) -> None:
        self.delete(f"{TAGS}/latest")
        answer = self.get(f"{TAGS}/latest/json", self.read)
        self.assertEqual(answer.json, DEFAULTS)
        self.put("latest")
        self.assertNotEqual(self.get(f"{TAGS}/latest/json", self.read).json, SET_BY_1_5)


class DeleteRepositoryTests(TagsCase):
    PATHS: ClassVar = (f"{R}/", R, TAGS)

    def test_tags_and_lists_are_gone_and_the_flag_stays(self) -> None:
        for path in self.PATHS:
            self.setUp()
            self.ask("PUT", f"{R}/properties", self.write, b'{"access": "private"}')
            self.assertIsTrue(self.delete(path))
            answer = self.get(TAGS, self.read)
            self.assertSays(answer, 404, "Repository not found")
            self.assertSays(self.get(f"{R}/images"), 404, "images not found")
            answer = self.get(f"{TAGS}/latest/json", self.read)
            self.assertEqual(answer.json, DEFAULTS)
            answer = self.get(f"{R}/properties", self.read)
            self.assertEqual(answer.json, {"access": "private"})  # the images stay

    def test_second_time_there_is_nothing(self) -> None:
        for path in self.PATHS:
            self.setUp()
            self.delete(path)
            for each in self.PATHS:
                self.assertSays(self.delete(each), 404, "Repository not found")

    def test_images_stay(self) -> None:
        self.delete(f"{R}/")
        answer = self.get(f"/v1/images/{T}/layer", self.read)
        self.assertEqual((answer.status, answer.body), (200, TOP.layer))

    def test_can_be_pushed_again(self) -> None:
        self.delete(f"{R}/")
        token = self.announce()
        self.assertSays(self.put_json(TOP, token), 409, "Image already exists")
        self.assertIsTrue(self.put_tag("latest", T, token))
        self.assertEqual(self.get(TAGS, self.read).json, {"latest": T})

    def test_what_was_only_announced(self) -> None:
        self.announce("acme/none")
        token = self.token("acme/none", "delete")
        self.assertIsTrue(self.ask("DELETE", f"{UNKNOWN}/", token))
        answer = self.ask("DELETE", f"{UNKNOWN}/", token)
        self.assertSays(answer, 404, "Repository not found")

    def test_those_nested_in_it_stay(self) -> None:
        self.push_v1("acme/web/sub")
        self.put("sub")
        self.delete(f"{R}/")
        answer = self.get("/v1/repositories/acme/web/sub/tags")
        self.assertEqual(answer.json, {"latest": T})


class PropertiesTests(TagsCase):
    def test_come_from_who_set_the_tag(self) -> None:
        for path in (f"{TAGS}/latest/json", f"{R}/json"):
            answer = self.get(path, self.read)
            self.assertEqual((answer.status, answer.json), (200, SET_BY_1_5), path)

    def test_engines_from_1_11_on_say_more(self) -> None:
        agent = {
            "User-Agent": "docker/1.12.6 go/go1.6.4 git-commit/78d1802 "
            "kernel/4.4.0-x os/linux arch/arm "
            "UpstreamClient(Docker-Client/1.12.6 \\(windows\\))"
        }
        self.put_tag("new", T, {**self.write, **agent})
        answer = self.get(f"{TAGS}/new/json", self.read)
        self.assertEqual(
            answer.json,
            {
                **SET_BY_1_5,
                "docker_version": "1.12.6",
                "docker_go_version": "go1.6.4",
                "kernel": "4.4.0-x",
                "arch": "arm",
            },
        )

    def test_others_say_nothing(self) -> None:
        for agent in ("curl/8", "", "docker/", "x" * 5000, "docker/\x7f", "os/ arch/ "):
            self.put_tag("new", T, {**self.write, "User-Agent": agent})
            answer = self.get(f"{TAGS}/new/json", self.read)
            self.assertEqual(
                answer.json, {**DEFAULTS, "last_update": 1_700_000_000}, agent
            )

    def test_unknown_tag_has_the_usual_ones(self) -> None:
        for path in (
            f"{TAGS}/none/json",
            f"{UNKNOWN}/tags/latest/json",
            f"{UNKNOWN}/json",
        ):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.json), (200, DEFAULTS), path)

    def test_tag_that_cannot_be_has_none(self) -> None:
        self.assertSays(self.get(f"{TAGS}/-x/json", self.read), 404, "Tag not found")

    def test_damaged_ones_are_the_usual_ones(self) -> None:
        (key,) = [each for each in self.exchange.stored() if "/_tags/" in each]
        for data in (b"", b"[]", b'{"os": 1}', b'{"os": "\xff"}', b"{" * 5000):
            self.exchange.wait(self.exchange.store.put(key, data))
            answer = self.get(f"{TAGS}/latest/json", self.read)
            self.assertEqual(answer.json, DEFAULTS)


class AfterRestartTests(TagsCase):
    def test_all_is_there(self) -> None:
        self.exchange = Exchange(
            store=self.exchange.store,
            version1=self.settings,
            clock=self.exchange.clock,
        )
        self.assertEqual(self.get(TAGS, self.read).json, {"latest": T})
        self.assertEqual(self.get(f"{R}/json", self.read).json, SET_BY_1_5)
        answer = self.get(f"{R}/images", self.read)
        self.assertEqual(
            {each["id"] for each in answer.json}, {each["id"] for each in LISTED}
        )
