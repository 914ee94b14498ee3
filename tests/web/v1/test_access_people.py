"""Tests of who may do what, by their names, and of what is private."""

import json

from tests.web.exchange import Exchange
from tests.web.v1 import case, people
from tests.web.v1.case import LISTED, R, basic
from tests.web.v1.images import BASE, TOP, V1Image, document, layer_of
from tests.web.v1.people import (
    BOB,
    EVE,
    NOBODY,
    UNAUTHORIZED,
)
from txregistry.settings.sections import Auth, Rule, Settings

IMAGE = f"/v1/images/{TOP.image_id}"
TAGS = f"{R}/tags"
WANTED = {"X-Docker-Token": "true"}
OTHER = V1Image("e" * 64, document("e" * 64, BASE.image_id), layer_of(d_txt="four"))


class BasicTests(people.PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_v1(headers=BOB)
        self.push_v1("acme/shared", headers=BOB)
        self.push_v1("acme/open", headers=BOB)

    def test_empty_name_and_password_are_anonymous(self) -> None:
        tags = "/v1/repositories/acme/open/tags"
        for header in ("Basic Og==", "basic Og==", "BASIC  Og=="):
            answer = self.get(tags, {"Authorization": header})
            self.assertEqual(answer.status, 200, header)
            answer = self.get(TAGS, {"Authorization": header})
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_right_password_may_do_what_is_its_owners(self) -> None:
        self.assertEqual(self.get(TAGS, BOB).status, 200)
        self.assertEqual(self.get(f"{IMAGE}/json", BOB).status, 200)

    def test_wrong_password_is_not_anonymous(self) -> None:
        tags = "/v1/repositories/acme/open/tags"
        for headers in (basic("bob", "wrong"), basic("mallory", "x"), basic("bob", "")):
            answer = self.ask_slowly("GET", tags, headers)
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_malformed(self) -> None:
        for text in (
            "Basic",
            "Basic ",
            "Basic Og",
            "Basic :",
            "Basic Ym9iCg==",
            "Basic %",
        ):
            answer = self.get(TAGS, {"Authorization": text})
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_known_without_the_right_is_told_so(self) -> None:
        shared = "/v1/repositories/acme/shared"
        for method, path, body in (
            ("GET", TAGS, None),
            ("GET", f"{TAGS}/latest", None),
            ("GET", f"{R}/images", None),
            ("PUT", f"{R}/", b"[]"),
            ("PUT", f"{R}/images", b"[]"),
            ("PUT", f"{shared}/", b"[]"),
            ("PUT", f"{shared}/tags/a", json.dumps(TOP.image_id).encode()),
            ("PUT", f"{shared}/properties", b'{"access": "private"}'),
            ("DELETE", f"{shared}/tags/latest", None),
            ("DELETE", f"{shared}/", None),
        ):
            answer = self.ask(method, path, EVE, body)
            self.assertEqual(answer.status, 403, path)
            self.assertEqual(list(map(type, answer.json.values())), [str], path)
            self.assertIsNone(answer.header("www-authenticate"), path)
            answer = self.ask(method, path, NOBODY, body)
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_known_may_do_what_they_may(self) -> None:
        self.assertEqual(self.get("/v1/repositories/acme/shared/tags", EVE).status, 200)

    def test_image_is_seen_where_one_may_look(self) -> None:
        self.assertEqual(self.get(f"{IMAGE}/json", EVE).status, 200)
        self.push_v1("acme/more", (BASE, OTHER), headers=BOB)
        answer = self.get(f"/v1/images/{OTHER.image_id}/json", EVE)
        self.assertSays(answer, 404, "Image not found")
        answer = self.get(f"/v1/images/{'f' * 64}/json", EVE)
        self.assertSays(answer, 404, "Image not found")


class PrivacyTests(people.PeopleCase):
    """Everybody may pull ``acme/open``, until it is private."""

    root = "/v1/repositories/acme/open"

    def setUp(self) -> None:
        super().setUp()
        self.write = self.push_v1("acme/open", headers=BOB)

    def hide(self) -> None:
        """Let it be private."""
        answer = self.ask(
            "PUT", f"{self.root}/properties", self.write, b'{"access": "private"}'
        )
        self.assertEqual((answer.status, answer.body), (200, b"true"))

    def test_flag_is_kept(self) -> None:
        answer = self.get(f"{self.root}/properties")
        self.assertEqual(answer.json, {"access": "public"})
        self.hide()
        answer = self.get(f"{self.root}/properties", BOB)
        self.assertEqual(answer.json, {"access": "private"})

    def test_private_is_for_nobody_unknown(self) -> None:
        self.hide()
        for path in (
            *(f"{self.root}/{each}" for each in ("tags", "tags/latest", "images")),
            *(f"{IMAGE}/{each}" for each in ("json", "layer", "ancestry", "files")),
        ):
            for headers in ({}, NOBODY, {**WANTED}):
                answer = self.get(path, headers)
                self.assertSays(answer, 401, UNAUTHORIZED)
                self.assertIsNone(answer.header("x-docker-token"))
            self.assertEqual(self.get(path, BOB).status, 200, path)

    def test_private_images_are_no_longer_public_for_caches(self) -> None:
        answer = self.get(f"{IMAGE}/json", self.write)
        self.assertIn("public", answer.header("cache-control") or "")
        self.hide()
        answer = self.get(f"{IMAGE}/json", self.write)
        self.assertEqual(answer.header("cache-control"), "private, max-age=31536000")
        self.assertIn("Authorization", answer.header("vary") or "")

    def test_public_again(self) -> None:
        self.hide()
        self.ask("PUT", f"{self.root}/properties", self.write, b'{"access": "public"}')
        self.assertEqual(self.get(f"{self.root}/tags").status, 200)

    def test_private_images_are_for_tokens_of_private_repositories(self) -> None:
        path = f"/v1/private_images/{TOP.image_id}"
        read = self.token("acme/open", "read", BOB)
        for part in ("json", "layer", "files"):
            answer = self.get(f"{path}/{part}", read)
            self.assertSays(answer, 404, "Image not found")
        self.hide()
        for part, public in (("json", "json"), ("layer", "layer"), ("files", "files")):
            answer = self.get(f"{path}/{part}", read)
            self.assertEqual(answer.status, 200, part)
            self.assertEqual(answer.body, self.get(f"{IMAGE}/{public}", read).body)
            self.assertEqual(answer.header("cache-control"), "no-cache", part)
            self.assertEqual(answer.header("pragma"), "no-cache", part)

    def test_private_images_without_a_token(self) -> None:
        self.hide()
        path = f"/v1/private_images/{TOP.image_id}/json"
        self.assertSays(self.get(path, BOB), 404, "Image not found")
        self.assertIn(self.get(path).status, {401, 404})

    def test_private_images_of_another_repository(self) -> None:
        self.hide()
        own = V1Image("e" * 64, document("e" * 64), TOP.layer)
        self.push_v1("eve/own", (own,), headers=EVE)
        token = self.token("eve/own", "read", EVE)
        answer = self.get(f"/v1/private_images/{TOP.image_id}/json", token)
        self.assertSays(answer, 404, "Image not found")


class RulesWithoutAccountsTests(case.V1Case):
    """Rules about everybody, where nobody has an account."""

    settings = Settings(
        auth=Auth(rules=(Rule(("everyone",), ("acme/**",), ("pull", "push")),))
    )

    def test_are_kept(self) -> None:
        self.push_v1("acme/web")
        answer = self.ask("PUT", "/v1/repositories/other/web/", body=b"[]")
        self.assertSays(answer, 401, UNAUTHORIZED)
        answer = self.ask("DELETE", f"{R}/")
        self.assertSays(answer, 401, UNAUTHORIZED)


class ReadOnlyTests(case.V1Case):
    def test_nothing_is_pushed_or_deleted(self) -> None:
        token = self.push_v1()
        delete = self.token(access="delete")
        store, before = self.exchange.store, self.exchange.stored()
        self.exchange = Exchange(
            store=store, version1=self.settings, clock=self.exchange.clock, writes=False
        )
        for answer in (
            self.ask("PUT", f"{R}/", token, json.dumps(LISTED).encode()),
            self.put_json(OTHER, token),
            self.put_layer(OTHER, token),
            self.put_checksum(OTHER, token),
            self.put_tag("a", TOP.image_id, token),
            self.ask("PUT", f"{R}/properties", token, b'{"access": "private"}'),
            self.ask("DELETE", f"{R}/tags/latest", delete),
            self.ask("DELETE", f"{R}/", delete),
        ):
            self.assertEqual(answer.status, 405)
            self.assertEqual(list(map(type, answer.json.values())), [str])
        self.assertEqual(self.exchange.stored(), before)
        self.assertEqual(self.get(TAGS, token).status, 200)

    def test_nothing_is_deleted_where_that_is_switched_off(self) -> None:
        self.push_v1()
        delete = self.token(access="delete")
        self.exchange = Exchange(
            store=self.exchange.store,
            version1=self.settings,
            clock=self.exchange.clock,
            deletes=False,
        )
        for path in (f"{R}/tags/latest", f"{R}/tags", f"{R}/"):
            self.assertEqual(self.ask("DELETE", path, delete).status, 405)
