"""The engines pull as real ones do, and put up with as little."""

import json

from tests.integration.engines import case
from tests.integration.engines.case import NAME
from tests.integration.engines.errors import EngineError
from tests.integration.engines.images import FakeImage, make_random
from tests.integration.engines.layers import make_files, make_layer, raw, xz
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.scripted import Answer, Asked

IMAGES = f"/v1/repositories/{NAME}/images"
TAGS = f"/v1/repositories/{NAME}/tags"
LAYER = "/v1/images/{top}/layer"
PLAIN = {"Accept-Ranges": "none"}


class PullTests(case.EngineCase):
    def test_statuses_that_end_it(self) -> None:
        for target, answer, words in (
            (IMAGES, Answer(404), "image acme/web:latest not found"),
            (IMAGES, Answer(401), "Authentication is required."),
            (IMAGES, Answer(500), "Error: Status 500 trying to pull repository"),
            (TAGS, Answer(404), "Repository not found"),
            (TAGS, Answer(500), "Could not reach any registry endpoint"),
            ("/v1/images/{top}/ancestry", Answer(204), "Server error: 204"),
            ("/v1/images/{base}/json", Answer(404), "HTTP code 404"),
            (LAYER, Answer(206), "Server error: Status 206 while fetching image layer"),
        ):
            self.assertPullFails(words, target, answer)

    def test_what_1_12_says(self) -> None:
        for target, answer, words in (
            (IMAGES, Answer(401), "unauthorized: authentication required"),
            (f"{TAGS}/latest", Answer(404), "Tag latest not found in repository"),
            ("/v1/images/{top}/ancestry", Answer(200, []), "empty history for image"),
        ):
            self.assertPullFails(words, target, answer, "1.12.6")

    def test_json_of_another_type(self) -> None:
        for target, body in (
            (IMAGES, {}),
            (IMAGES, [None]),
            (IMAGES, [{"id": 1}]),
            (TAGS, []),
            (TAGS, {"latest": 1}),
            ("/v1/images/{top}/ancestry", {}),
            ("/v1/images/{top}/ancestry", []),
            ("/v1/images/{base}/json", []),
        ):
            self.assertPullFails("", target, Answer(200, body))

    def test_a_tag_must_be_there(self) -> None:
        for release in RELEASES:
            registry = self.serve()
            self.push(registry)
            pull = self.engine(registry, release).pull
            error = self.assertRaises(EngineError, pull, NAME, "none")
            self.assertIn("Tag none not found in repository", str(error))

    def test_the_list_of_images_may_be_empty(self) -> None:
        registry = self.serve()
        self.push(registry)
        registry.tell("GET", IMAGES, Answer(200, []))
        for release in RELEASES:
            if release != "0.10.0":
                self.assertEqual(len(self.pull(registry, release).images), 2)

    def test_0_10_needs_endpoints_a_size_and_a_version(self) -> None:
        self.assertPullFails("any endpoints", IMAGES, Answer(200, []), "0.10.0")
        base = "/v1/images/{base}/json"
        self.assertPullFails("strconv", base, Answer(200, {"id": "a"}), "0.10.0")
        ping = Answer(200, {}, {"X-Docker-Registry-Standalone": "False"})
        self.assertPullFails("Registry server", "/v1/_ping", ping, "0.10.0")

    def test_json_is_asked_for_five_times(self) -> None:
        registry = self.serve()
        base, _ = self.push(registry)
        target = f"/v1/images/{base.id}/json"
        good = Answer(200, base.json)
        registry.tell("GET", target, *(Answer(503),) * 4, good)
        registry.asked.clear()
        self.pull(registry)
        self.assertEqual(len(registry.find("GET", target)), 5)

    def test_the_id_in_the_json_is_the_one_of_the_layer_up_to_1_9(self) -> None:
        for release in ("1.0.0", "1.9.1", "1.12.6"):
            registry = self.serve()
            base, top = self.push(registry)
            other = json.dumps({"id": "f" * 64}).encode()
            registry.tell("GET", f"/v1/images/{base.id}/json", Answer(200, other))
            if release == "1.12.6":
                self.assertEqual(len(self.pull(registry, release).images), 2)
            else:
                self.assertRaises(EngineError, self.pull, registry, release)
                asked = registry.find("GET", f"/v1/images/{'f' * 64}/layer")
                self.assertEqual(len(asked), 1)
            self.assertNotEqual(top.id, base.id)

    def test_short_ids_are_refused_from_1_3_on(self) -> None:
        image = FakeImage("a" * 16, "", b'{"id":"aaaaaaaaaaaaaaaa"}', make_layer({}))
        for release in RELEASES:
            registry = self.serve()
            tags = {"latest": image.id}
            self.engine(registry).push(NAME, [image], tags)
            if release in ("0.10.0", "1.0.0"):
                self.pull(registry, release)
            else:
                self.assertRaises(EngineError, self.pull, registry, release)

    def test_a_layer_must_be_an_archive(self) -> None:
        for body in (b"not at all", b"\x1f\x8b\x08" + bytes(20), b"short"):
            answer = Answer(200, body, PLAIN)
            for release in ("1.0.0", "1.6.2", "1.12.6"):
                self.assertPullFails("", LAYER, answer, release)

    def test_layers_come_packed_in_any_way(self) -> None:
        layers = [make_layer(make_files("a"), pack=pack) for pack in (raw, xz, None)]
        images = make_random("packed", layers)
        registry = self.serve()
        self.engine(registry).push(NAME, images, {"latest": images[-1].id})
        for release in RELEASES:
            pulled = self.pull(registry, release)
            self.assertEqual(pulled.layers, {one.id: one.layer for one in images})
            self.assertEqual(images[0].files.items() - pulled.files.items(), set())

    def test_a_stale_tag_in_the_list_is_pulled(self) -> None:
        registry = self.serve()
        self.push(registry)
        listed = [{"id": "e" * 64, "Tag": "latest"}]
        registry.tell("GET", IMAGES, Answer(200, listed))
        self.assertRaises(EngineError, self.pull, registry)

    def test_the_second_registry_is_asked_if_the_first_fails(self) -> None:
        registry = self.serve()
        _, top = self.push(registry)
        hosts = {"X-Docker-Endpoints": f"{registry.address}, {registry.address}"}
        registry.tell("GET", IMAGES, Answer(200, [], hosts))
        target = f"/v1/images/{top.id}/ancestry"
        good = Answer(200, [top.id, top.parent])
        registry.tell("GET", target, Answer(500), good)
        self.assertEqual(len(self.pull(registry).images), 2)

    def test_tags_are_asked_of_no_other_if_the_first_is_dead(self) -> None:
        registry = self.serve()
        self.push(registry)
        hosts = {"X-Docker-Endpoints": f"127.0.0.1:1,{registry.address}"}
        registry.tell("GET", IMAGES, Answer(200, [], hosts))
        self.assertRaises(EngineError, self.pull, registry)


class CutTests(case.EngineCase):
    def ranges(self, release: str, *cuts: int) -> list[str | None]:
        """Pull with cuts, and give the ranges that were asked of the top layer."""
        registry = self.serve()
        _, top = self.push(registry)
        registry.asked.clear()
        pulled = self.engine(registry, release).pull(NAME, "latest", cut=cuts)
        self.assertEqual(pulled.layers[top.id], top.layer)
        asked = registry.find("GET", f"/v1/images/{top.id}/layer")
        return [one.header("Range") for one in asked]

    def size(self) -> int:
        """Give the length of the top layer."""
        return len(self.push(self.serve())[1].layer)

    def test_resumes_up_to_the_size(self) -> None:
        for release in ("1.0.0", "1.3.3", "1.6.2", "1.9.1", "1.12.6"):
            self.assertEqual(
                self.ranges(release, 20), [None, f"bytes=20-{self.size()}"]
            )

    def test_resumes_twice(self) -> None:
        size = self.size()
        ranges = [None, f"bytes=20-{size}", f"bytes=30-{size}"]
        self.assertEqual(self.ranges("1.6.2", 20, 10), ranges)

    def test_takes_an_empty_416_at_the_end_for_the_end(self) -> None:
        size = self.size()
        self.assertEqual(self.ranges("1.6.2", size), [None, f"bytes={size}-{size}"])

    def test_does_not_ask_for_gzip_with_a_range(self) -> None:
        registry = self.serve()
        _, top = self.push(registry)
        registry.asked.clear()
        self.engine(registry).pull(NAME, "latest", cut=20)
        first, second = registry.find("GET", f"/v1/images/{top.id}/layer")
        self.assertEqual(first.header("Accept-Encoding"), "gzip")
        self.assertIsNone(second.header("Accept-Encoding"))

    def test_wants_206(self) -> None:
        for status, body in ((200, b"rest"), (416, b"{}"), (404, b"")):
            registry = self.serve()
            _, top = self.push(registry)
            good = Answer(200, top.layer, {"Accept-Ranges": "bytes"})
            target = f"/v1/images/{top.id}/layer"
            registry.tell("GET", target, good, Answer(status, body))
            pull = self.engine(registry).pull
            error = self.assertRaises(EngineError, pull, NAME, "latest", cut=20)
            self.assertIn("the server doesn't support byte ranges", str(error))

    def test_without_ranges_it_fails_up_to_1_9_and_begins_again_later(self) -> None:
        for release in RELEASES:
            registry = self.serve()
            _, top = self.push(registry)
            target = f"/v1/images/{top.id}/layer"
            registry.tell("HEAD", target, Answer(404))
            registry.tell("GET", target, Answer(200, top.layer, PLAIN))
            pull = self.engine(registry, release).pull
            if release in ("1.12.6", "17.05.0"):
                self.assertEqual(pull(NAME, "latest", cut=20).layers[top.id], top.layer)
            else:
                error = self.assertRaises(EngineError, pull, NAME, "latest", cut=20)
                self.assertIn("unexpected EOF", str(error))

    def test_resumes_what_the_server_breaks_off(self) -> None:
        registry = self.serve()
        _, top = self.push(registry)
        headers = {"Accept-Ranges": "bytes"}
        broken = Answer(200, top.layer, headers, breaks=100)
        rest = Answer(206, top.layer[100:], headers)
        registry.tell("GET", f"/v1/images/{top.id}/layer", broken, rest)
        self.assertEqual(self.pull(registry).layers[top.id], top.layer)

    def test_chunks_that_never_end_are_broken_off(self) -> None:
        coding = {**PLAIN, "Transfer-Encoding": "chunked"}
        answer = Answer(200, b"5\r\nabcde\r\n", coding)
        self.assertPullFails("unexpected EOF", LAYER, answer)

    def test_gzip_as_a_content_coding_is_undone(self) -> None:
        registry = self.serve()
        _, top = self.push(registry)
        answer = Answer(200, top.layer, {"Content-Encoding": "gzip"})
        registry.tell("GET", f"/v1/images/{top.id}/layer", answer)
        pulled = self.pull(registry)
        self.assertNotEqual(pulled.layers[top.id], top.layer)
        self.assertEqual(pulled.images[top.id].files, top.files)

    def test_1_0_asks_with_head_first(self) -> None:
        registry = self.serve()
        _, top = self.push(registry)
        registry.asked.clear()
        self.pull(registry, "1.0.0")
        asked: list[Asked] = registry.find("HEAD", f"/v1/images/{top.id}/layer")
        self.assertEqual(len(asked), 1)
