"""The engines ask as real ones do, and put up with as little."""

from tests.integration.engines import case
from tests.integration.engines.case import BOB, NAME
from tests.integration.engines.engine import Engine
from tests.integration.engines.errors import EngineError, SpeaksV2
from tests.integration.engines.images import make_images
from tests.integration.engines.releases import RELEASES
from tests.integration.engines.scripted import Answer
from tests.integration.engines.trace import (
    Group,
    Kind,
    Step,
    differences,
    pull_over_http,
    pull_over_https,
    push_over_http,
    push_over_https,
)

V2 = {"Docker-Distribution-Api-Version": "registry/2.0"}
EXISTS = {"error": "Image already exists"}
PUT_IMAGES = f"/v1/repositories/{NAME}/images"
PUT_INDEX = f"/v1/repositories/{NAME}/"
TAGS = f"/v1/repositories/{NAME}/tags"


class TransferTests(case.EngineCase):
    def test_every_release_pulls_what_every_release_pushed(self) -> None:
        for pusher in RELEASES:
            registry = self.serve()
            images = self.push(registry, pusher)
            for puller in RELEASES:
                pulled = self.pull(registry, puller)
                self.assertEqual(
                    pulled.ancestry, tuple(image.id for image in reversed(images))
                )
                self.assertEqual(pulled.jsons, {one.id: one.json for one in images})
                self.assertEqual(pulled.layers, {one.id: one.layer for one in images})

    def test_pushes_again_nothing_that_is_there(self) -> None:
        for release in RELEASES:
            registry = self.serve()
            images = self.push(registry, release)
            again = self.engine(registry, release).push(
                NAME, images, {"new": images[-1].id}
            )
            self.assertEqual((again.sent, again.skipped), ([], []))
            self.assertEqual(len(again.found), 2)

    def test_pulls_all_tags(self) -> None:
        registry = self.serve()
        base, top = self.push(registry)
        self.engine(registry).push(NAME, (base, top), {"old": base.id})
        for release in RELEASES:
            pulled = self.engine(registry, release).pull_all(NAME)
            self.assertEqual(pulled["old"].layers, {base.id: base.layer})
            self.assertEqual(len(pulled["latest"].layers), 2)

    def test_newer_releases_set_one_tag_of_an_image(self) -> None:
        registry = self.serve()
        images = self.push(registry)
        self.engine(registry).push(NAME, images, {"same": images[-1].id})
        self.assertEqual(len(self.engine(registry).pull_all(NAME)), 2)
        self.assertEqual(len(self.engine(registry, "1.12.6").pull_all(NAME)), 1)

    def test_tags_without_a_namespace_are_asked_of_library(self) -> None:
        registry = self.serve()
        images = make_images("solo", "1.6.2")
        engine = self.engine(registry)
        engine.push("solo", images, {"latest": images[-1].id})
        engine.pull("solo", "latest")
        paths = [step.path for step in engine.trace]
        self.assertIn("/v1/repositories/solo/tags/latest", paths)
        self.assertIn("/v1/repositories/library/solo/tags", paths)


class TraceTests(case.EngineCase):
    def assertTrace(self, engine: Engine, expected: list[Group]) -> None:
        """An engine has asked that, and nothing else."""
        self.assertEqual(differences(expected, engine.trace), [])

    def test_push_over_http(self) -> None:
        registry = self.serve()
        base, top = make_images(NAME, "1.6.2", depth=2)
        for release in ("1.5.0", "1.6.2"):
            registry.images.clear()
            engine = self.engine(registry, release)
            engine.push(NAME, (base, top), {"latest": top.id})
            self.assertTrace(engine, push_over_http(base.id, top.id))

    def test_pull_over_http(self) -> None:
        registry = self.serve()
        base, top = self.push(registry)
        engine = self.engine(registry)
        engine.pull(NAME, "latest")
        self.assertTrace(engine, pull_over_http(base.id, top.id))

    def test_push_over_https(self) -> None:
        registry = self.serve(secure=True)
        base, top = make_images(NAME, "1.5.0", depth=2)
        engine = self.engine(registry, "1.5.0", BOB)
        engine.push(NAME, (base, top), {"latest": top.id})
        self.assertTrace(engine, push_over_https(base.id, top.id))

    def test_pull_over_https(self) -> None:
        registry = self.serve(secure=True)
        base, top = self.push(registry)
        engine = self.engine(registry, "1.5.0", BOB)
        engine.pull(NAME, "latest")
        self.assertTrace(engine, pull_over_https(base.id, top.id))

    def test_a_step_too_many_and_one_too_few_are_told(self) -> None:
        one, other = Step("GET", "/a"), Step("GET", "/b")
        self.assertEqual(
            differences([(one,)], [other]),
            ["- GET /a [-] 200", "+ GET /b [-] 200"],
        )


class DiscoveryTests(case.EngineCase):
    def discovery(self, release: str, *, secure: bool = False) -> list[str]:
        """Pull, and give what was asked before the index was."""
        registry = self.serve(secure=secure)
        self.push(registry)
        engine = self.engine(registry, release)
        engine.pull(NAME, "latest")
        steps = [f"{step.method} {step.path}" for step in engine.trace]
        return steps[: steps.index(f"GET {PUT_IMAGES}")]

    def test_over_http(self) -> None:
        ping, probe = "/v1/_ping", "/v2/"
        manifest = f"GET /v2/{NAME}/manifests/latest"
        hellos = [f"HELLO {probe}", f"HELLO {ping}"]
        for release, expected in {
            "1.0.0": [f"HELLO {ping}", f"GET {ping}"],
            "1.3.3": [f"HELLO {ping}", f"GET {ping}"],
            "1.6.2": [*hellos, f"GET {probe}", f"GET {ping}"],
            "1.9.1": [f"HELLO {probe}", f"GET {probe}", *hellos],
            "1.12.6": [f"HELLO {probe}", f"GET {probe}", manifest, f"HELLO {ping}"],
            "17.05.0": [f"HELLO {probe}", f"GET {probe}", manifest, f"HELLO {ping}"],
        }.items():
            self.assertEqual(self.discovery(release), expected, release)

    def test_over_https(self) -> None:
        ping, probe = "GET /v1/_ping", "GET /v2/"
        for release, expected in {
            "1.0.0": [ping, ping],
            "1.6.2": [probe, ping, ping],
            "1.9.1": [probe, probe, ping],
            "1.12.6": [probe, f"GET /v2/{NAME}/manifests/latest", ping],
        }.items():
            self.assertEqual(self.discovery(release, secure=True), expected, release)

    def test_the_header_of_version_2_is_obeyed_from_1_5_on(self) -> None:
        for release in RELEASES:
            registry = self.serve()
            self.push(registry)
            registry.tell("GET", "/v2/", Answer(200, {}, V2))
            if release in ("0.10.0", "1.0.0", "1.3.3"):
                self.pull(registry, release)
            else:
                self.assertRaises(SpeaksV2, self.pull, registry, release)

    def test_with_404_the_header_is_obeyed_from_1_9_on(self) -> None:
        for release in ("1.6.2", "1.9.1", "1.12.6"):
            registry = self.serve()
            self.push(registry)
            registry.tell("GET", "/v2/", Answer(404, {}, V2))
            if release == "1.6.2":
                self.pull(registry, release)
            else:
                self.assertRaises(SpeaksV2, self.pull, registry, release)

    def test_without_the_header_no_status_matters(self) -> None:
        for status in (200, 401, 405, 500, 503):
            registry = self.serve()
            self.push(registry)
            registry.tell("GET", "/v2/", Answer(status))
            for release in ("1.5.0", "1.9.1", "1.12.6"):
                self.pull(registry, release)

    def test_1_12_takes_a_manifest_for_version_2(self) -> None:
        registry = self.serve()
        self.push(registry)
        registry.tell("GET", f"/v2/{NAME}/manifests/latest", Answer(200, {}))
        self.assertRaises(SpeaksV2, self.pull, registry, "1.12.6")
        self.pull(registry, "1.9.1")

    def test_1_12_does_not_fall_back_after_other_errors_of_version_2(self) -> None:
        error = Answer(404, {"errors": [{"code": "UNSUPPORTED"}]})
        registry = self.serve()
        self.push(registry)
        registry.tell("GET", f"/v2/{NAME}/manifests/latest", error)
        self.assertRaises(EngineError, self.pull, registry, "1.12.6")

    def test_1_12_offers_every_layer_by_version_2(self) -> None:
        registry = self.serve()
        self.push(registry, "1.12.6")
        offered = registry.find("POST", f"/v2/{NAME}/blobs/uploads/")
        self.assertEqual(len(offered), 2)
        self.assertEqual(offered[0].header("Content-Length"), "0")


class PushTests(case.EngineCase):
    def test_statuses_that_end_it(self) -> None:
        for method, target, status in (
            ("PUT", PUT_INDEX, 202),
            ("PUT", PUT_INDEX, 401),
            ("PUT", "/v1/images/{base}/json", 201),
            ("PUT", "/v1/images/{base}/json", 204),
            ("PUT", "/v1/images/{base}/layer", 201),
            ("PUT", "/v1/images/{top}/checksum", 204),
            ("PUT", f"{TAGS}/latest", 204),
            ("PUT", PUT_IMAGES, 200),
            ("PUT", PUT_IMAGES, 201),
        ):
            for release in RELEASES:
                words = "" if status == 401 else f" {status} "
                self.assertPushFails(words, method, target, Answer(status), release)

    def test_statuses_that_do_not(self) -> None:
        registry = self.serve()
        registry.tell("PUT", f"{TAGS}/latest", Answer(201))
        self.push(registry)

    def test_the_index_must_name_endpoints(self) -> None:
        answer = Answer(200, "", {"X-Docker-Token": "t"})
        for release in RELEASES:
            self.assertPushFails("any endpoints", "PUT", PUT_INDEX, answer, release)

    def test_the_index_must_give_a_token_up_to_1_6(self) -> None:
        for release in ("1.0.0", "1.6.2", "1.9.1"):
            registry = self.serve()
            endpoints = {"X-Docker-Endpoints": registry.address}
            registry.tell("PUT", PUT_INDEX, Answer(200, "", endpoints))
            if release == "1.9.1":
                self.push(registry, release)
            else:
                self.assertRaises(EngineError, self.push, registry, release)

    def test_an_image_that_exists_is_skipped_whatever_the_status(self) -> None:
        for status in (409, 400, 418):
            registry = self.serve()
            images = make_images(NAME, "1.6.2", depth=2)
            target = f"/v1/images/{images[0].id}/json"
            registry.tell("PUT", target, Answer(status, EXISTS))
            tags = {"latest": images[1].id}
            pushed = self.engine(registry).push(NAME, images, tags)
            self.assertEqual(pushed.skipped, [images[0].id])

    def test_an_error_must_be_an_object_of_strings(self) -> None:
        for more in (["a"], 1, {"a": "b"}, True):
            answer = Answer(409, {**EXISTS, "more": more})
            self.assertPushFails(
                "cannot unmarshal", "PUT", "/v1/images/{base}/json", answer
            )

    def test_an_error_may_have_nothing_behind_it(self) -> None:
        body = b'{"error": "Image already exists"} {}'
        self.assertPushFails(
            "HTTP code 409", "PUT", "/v1/images/{base}/json", Answer(409, body)
        )

    def test_existing_is_no_excuse_for_layer_and_checksum(self) -> None:
        for part, words in (
            ("layer", "Received HTTP code 409 while uploading layer"),
            ("checksum", "Image already exists"),
        ):
            target = f"/v1/images/{{base}}/{part}"
            self.assertPushFails(words, "PUT", target, Answer(409, EXISTS))

    def test_401_over_http(self) -> None:
        words = "Docker will not send auth headers over HTTP"
        self.assertPushFails(words, "PUT", "/v1/images/{base}/json", Answer(401))

    def test_a_list_of_images_is_sent_again_where_307_leads(self) -> None:
        registry = self.serve()
        there = {"Location": f"http://{registry.address}/v1/repositories/acme/moved/"}
        registry.tell("PUT", PUT_INDEX, Answer(307, headers=there))
        self.push(registry)
        (announced,) = registry.find("PUT", "/v1/repositories/acme/moved/")
        self.assertIn(b'"Tag":"latest"', announced.body)

    def test_a_list_of_images_becomes_get_after_302(self) -> None:
        registry = self.serve()
        there = {"Location": "/v1/elsewhere"}
        registry.tell("PUT", PUT_INDEX, Answer(302, headers=there))
        self.assertRaises(EngineError, self.push, registry)
        self.assertEqual(len(registry.find("GET", "/v1/elsewhere")), 1)


class PortTests(case.EngineCase):
    def test_a_port_with_tls_is_told(self) -> None:
        registry = self.serve(secure=True)
        engine = Engine("1.6.2", registry.address)
        self.assertRaises(EngineError, engine.pull, NAME, "latest")

    def test_nobody_listens(self) -> None:
        registry = self.serve()
        for release in RELEASES:
            engine = Engine(release, "127.0.0.1:1")
            self.assertRaises(EngineError, engine.pull, NAME, "latest")
        self.assertEqual(registry.asked, [])

    def test_kinds_of_authorization(self) -> None:
        registry = self.serve()
        self.push(registry, "1.3.3")
        engine = self.engine(registry, "1.3.3")
        registry.tell("GET", PUT_IMAGES, Answer(200, []))
        engine.pull(NAME, "latest")
        self.assertEqual(engine.trace[-1].authorization, Kind.BARE)
