"""Tests of pushes and pulls without any token."""

import json
from collections.abc import Callable, Mapping

from tests.web.answers import Answer
from tests.web.v1 import case, people
from tests.web.v1.case import JSON, R, basic
from tests.web.v1.images import BASE, TOP, V1Image, document, layer_of
from tests.web.v1.people import (
    BOB,
    EVE,
    NOBODY,
    UNAUTHORIZED,
)
from txregistry.settings.sections import Settings, Version1

IMAGE = f"/v1/images/{TOP.image_id}"
TAGS = f"{R}/tags"
WANTED = {"X-Docker-Token": "true"}
OTHER = V1Image("e" * 64, document("e" * 64, BASE.image_id), layer_of(d_txt="four"))
HOUR = 3600


class StandaloneCase(case.V1Case):
    """A registry to which clients come back without a token."""

    settings = Settings(v1=Version1(standalone=True))
    who: Mapping[str, str] = NOBODY

    def push_without_token(
        self, name: str, images: tuple[V1Image, ...], tag: str = "latest"
    ) -> None:
        """Push as Docker 1.6 does over TLS: with the same on every request."""
        self.begin(name, images)
        for image in images:
            self.push_image_unless_there(image)
        self.finish(name, images, tag)

    def begin(self, name: str, images: tuple[V1Image, ...]) -> None:
        """Announce."""
        listed = json.dumps([{"id": each.image_id} for each in images]).encode()
        target = f"/v1/repositories/{name}/"
        answer = self.ask("PUT", target, {**self.who, **JSON, **WANTED}, listed)
        self.assertEqual(answer.status, 200)

    def push_image_unless_there(self, image: V1Image) -> None:
        """Look for an image, and push it."""
        path = f"/v1/images/{image.image_id}/json"
        if self.get(path, self.who).status != 200:
            self.push_parts(image, self.who)

    def finish(self, name: str, images: tuple[V1Image, ...], tag: str) -> None:
        """Tag, and end."""
        answer = self.put_tag(tag, images[-1].image_id, self.who, name)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        target = f"/v1/repositories/{name}/images"
        self.assertEqual(self.ask("PUT", target, self.who, b"[]").status, 204)

    def pull_without_token(self, name: str, image: V1Image) -> list[bytes]:
        """Pull, and give the layers, the base first."""
        answer = self.get(f"/v1/repositories/{name}/images", {**self.who, **WANTED})
        self.assertEqual(answer.status, 200)
        answer = self.get(f"/v1/repositories/{name}/tags", self.who)
        self.assertEqual(answer.json["latest"], image.image_id)
        path = f"/v1/images/{image.image_id}/ancestry"
        layers = []
        for image_id in reversed(self.get(path, self.who).json):
            document = self.get(f"/v1/images/{image_id}/json", self.who)
            layer = self.get(f"/v1/images/{image_id}/layer", self.who)
            self.assertEqual((document.status, layer.status), (200, 200))
            self.assertEqual(document.header("x-docker-size"), str(len(layer.body)))
            layers.append(layer.body)
        return layers


class AnonymousStandaloneTests(StandaloneCase):
    def test_push_and_pull(self) -> None:
        self.push_without_token("acme/web", (BASE, TOP))
        layers = self.pull_without_token("acme/web", TOP)
        self.assertEqual(layers, [BASE.layer, TOP.layer])

    def test_push_and_pull_with_nothing_at_all(self) -> None:
        """Engines from 1.7 on send no header if they have no account."""
        self.who = {}
        self.push_without_token("acme/web", (BASE, TOP))
        self.assertEqual(len(self.pull_without_token("acme/web", TOP)), 2)

    def test_version_2_has_it_too(self) -> None:
        self.push_without_token("acme/web", (BASE, TOP))
        answer = self.get("/v2/acme/web/manifests/latest")
        self.assertEqual(answer.status, 200)

    def test_second_push_finds_what_is_there(self) -> None:
        self.push_without_token("acme/web", (BASE, TOP))
        self.begin("acme/web", (BASE, OTHER))
        answer = self.get(f"/v1/images/{BASE.image_id}/json", self.who)
        self.assertEqual(answer.status, 200)
        self.push_parts(OTHER, self.who)
        self.finish("acme/web", (BASE, OTHER), "other")
        answer = self.get(TAGS, self.who)
        self.assertEqual(answer.json, {"latest": TOP.image_id, "other": OTHER.image_id})

    def test_push_to_another_repository_pushes_all_again(self) -> None:
        """That something of this id is elsewhere says nothing of what it is."""
        self.push_without_token("acme/web", (BASE, TOP))
        self.begin("acme/other", (BASE, TOP))
        for image in (BASE, TOP):
            answer = self.get(f"/v1/images/{image.image_id}/json", self.who)
            self.assertSays(answer, 404, "Image not found")
            self.push_parts(image, self.who)
        self.finish("acme/other", (BASE, TOP), "latest")
        self.assertEqual(len(self.pull_without_token("acme/other", TOP)), 2)

    def test_cookies_keep_pushes_apart_that_go_on_in_step(self) -> None:
        """Engines return what they are given, and so never meet in one upload."""
        pushes = []
        for name in ("acme/web", "acme/web", "acme/other"):
            target = f"/v1/repositories/{name}/"
            listed = json.dumps([{"id": BASE.image_id}]).encode()
            answer = self.ask("PUT", target, {**self.who, **JSON, **WANTED}, listed)
            cookie = (answer.header("set-cookie") or "").partition(";")[0]
            pushes.append({**self.who, "Cookie": cookie})
        for put in (self.put_json, self.put_layer, self.put_checksum):
            for headers in pushes:
                self.assertEqual(put(BASE, headers).status, 200)
        for name in ("acme/web", "acme/other"):
            self.finish(name, (BASE,), "latest")
            self.assertEqual(self.pull_without_token(name, BASE), [BASE.layer])

    def test_two_pushes_of_one_base_to_two_repositories(self) -> None:
        """Both are announced before either image comes."""
        self.begin("acme/web", (BASE, TOP))
        self.begin("acme/other", (BASE, OTHER))
        self.push_image_unless_there(BASE)
        self.push_image_unless_there(BASE)
        self.push_image_unless_there(TOP)
        self.push_image_unless_there(OTHER)
        self.finish("acme/web", (BASE, TOP), "latest")
        self.finish("acme/other", (BASE, OTHER), "latest")
        self.assertEqual(
            self.pull_without_token("acme/web", TOP), [BASE.layer, TOP.layer]
        )
        self.assertEqual(
            self.pull_without_token("acme/other", OTHER), [BASE.layer, OTHER.layer]
        )

    def test_second_of_two_pushes_comes_while_the_base_is_there(self) -> None:
        self.begin("acme/web", (BASE, TOP))
        self.push_image_unless_there(BASE)
        self.begin("acme/other", (BASE, OTHER))
        self.push_image_unless_there(TOP)
        self.push_image_unless_there(BASE)
        self.push_image_unless_there(OTHER)
        self.finish("acme/other", (BASE, OTHER), "latest")
        self.finish("acme/web", (BASE, TOP), "latest")
        self.assertEqual(len(self.pull_without_token("acme/web", TOP)), 2)
        self.assertEqual(len(self.pull_without_token("acme/other", OTHER)), 2)

    def test_two_pushes_in_step(self) -> None:
        """Each request of one comes before the same of the other."""
        self.begin("acme/web", (BASE,))
        self.begin("acme/other", (BASE,))
        steps: tuple[Callable[[], Answer], ...] = (
            lambda: self.put_json(BASE, self.who),
            lambda: self.put_layer(BASE, self.who),
            lambda: self.put_checksum(BASE, self.who),
        )
        for step in steps[:2]:
            for _ in range(2):
                self.assertEqual(step().status, 200)
        self.assertEqual(steps[2]().status, 200)
        # Both were one upload: the second is told that its work is done.
        self.assertSays(steps[2](), 409, "Cannot set this image checksum")
        for name in ("acme/web", "acme/other"):
            self.assertEqual(
                self.put_tag("a", BASE.image_id, self.who, name).status, 200
            )

    def test_what_nobody_announced_is_not_pushed(self) -> None:
        before = self.exchange.stored()
        self.assertSays(self.put_json(BASE, self.who), 401, UNAUTHORIZED)
        self.assertEqual(self.exchange.stored(), before)

    def test_announcement_ends_with_its_push(self) -> None:
        self.push_without_token("acme/web", (BASE, TOP))
        self.assertSays(self.put_json(OTHER, self.who), 401, UNAUTHORIZED)
        self.assertSays(self.put_json(BASE, self.who), 401, UNAUTHORIZED)

    def test_announcement_is_forgotten_after_an_hour(self) -> None:
        self.begin("acme/web", (BASE,))
        self.exchange.clock.advance(HOUR + 1)
        self.assertSays(self.put_json(BASE, self.who), 401, UNAUTHORIZED)


class KnownStandaloneTests(StandaloneCase, people.PeopleCase):
    version1 = Version1(standalone=True)
    who = BOB

    def test_push_and_pull(self) -> None:
        self.push_without_token("acme/web", (BASE, TOP))
        layers = self.pull_without_token("acme/web", TOP)
        self.assertEqual(layers, [BASE.layer, TOP.layer])

    def test_others_see_nothing(self) -> None:
        self.push_without_token("acme/web", (BASE, TOP))
        for path in (f"{IMAGE}/json", f"{IMAGE}/layer", f"{IMAGE}/ancestry"):
            self.assertSays(self.get(path, EVE), 404, "Image not found")
            self.assertSays(self.get(path, NOBODY), 401, UNAUTHORIZED)
            self.assertSays(self.get(path), 401, UNAUTHORIZED)

    def test_others_do_not_join_a_push(self) -> None:
        self.begin("acme/web", (BASE, TOP))
        self.push_image_unless_there(BASE)
        self.assertSays(self.put_json(TOP, EVE), 401, UNAUTHORIZED)
        self.assertSays(self.put_json(TOP, NOBODY), 401, UNAUTHORIZED)

    def test_bad_password_pushes_nothing(self) -> None:
        self.begin("acme/web", (BASE,))
        before = self.exchange.stored()
        wrong = basic("bob", "wrong")
        path = f"/v1/images/{BASE.image_id}/json"
        answer = self.ask_slowly("PUT", path, wrong, BASE.json)
        self.assertSays(answer, 401, UNAUTHORIZED)
        self.assertEqual(self.exchange.stored(), before)

    def test_tokens_work_as_well(self) -> None:
        self.push_v1("acme/web", headers=BOB)
        token = self.token(access="read", headers=BOB)
        self.assertEqual(self.get(f"{IMAGE}/json", token).status, 200)
