"""Tests of cookies, which stand for a token that was sent before."""

from http.cookies import SimpleCookie

from tests.web.answers import Answer
from tests.web.v1 import people
from tests.web.v1.case import R
from tests.web.v1.images import BASE, TOP, V1Image, document, layer_of
from tests.web.v1.people import (
    BOB,
    NOBODY,
    UNAUTHORIZED,
    bent,
)

IMAGE = f"/v1/images/{TOP.image_id}"
TAGS = f"{R}/tags"
OTHER = V1Image("e" * 64, document("e" * 64, BASE.image_id), layer_of(d_txt="four"))
HOUR = 3600


class CookieTests(people.PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_v1(headers=BOB)
        self.read = self.token(access="read", headers=BOB)

    def cookie(self, answer: Answer) -> dict[str, str]:
        """Give the cookie of an answer back as a header."""
        found: SimpleCookie = SimpleCookie(answer.header("set-cookie") or "")
        return {"Cookie": f"session={found['session'].value}"}

    def test_is_given_on_answers_to_tokens(self) -> None:
        for path in (TAGS, f"{TAGS}/latest", f"{R}/images", f"{R}/properties"):
            self.assertIsNotNone(self.get(path, self.read).header("set-cookie"), path)

    def test_is_given_to_nobody_else(self) -> None:
        for headers in ({}, NOBODY, BOB, {"Authorization": "Token x"}):
            for path in (TAGS, f"{R}/images", f"{IMAGE}/json"):
                answer = self.get(path, headers)
                self.assertIsNone(answer.header("set-cookie"), path)

    def test_is_not_on_what_is_kept_for_ever(self) -> None:
        for path in ("json", "ancestry", "layer", "files", "diff"):
            for headers in (self.read, {**self.read, "If-Modified-Since": "x"}):
                answer = self.get(f"{IMAGE}/{path}", headers)
                self.assertIn(answer.status, {200, 304})
                self.assertIsNone(answer.header("set-cookie"), path)

    def test_says_how_far_it_goes(self) -> None:
        value = self.get(TAGS, self.read).header("set-cookie") or ""
        self.assertRegex(
            value,
            r"\Asession=[A-Za-z0-9._-]+; Path=/v1/; Max-Age=900; HttpOnly; "
            r"SameSite=Strict\Z",
        )

    def test_stands_for_its_token(self) -> None:
        cookie = self.cookie(self.get(TAGS, self.read))
        for path in (TAGS, f"{IMAGE}/json", f"{IMAGE}/layer", f"{R}/images"):
            for more in ({}, {"Authorization": "Token"}, NOBODY):
                self.assertEqual(self.get(path, {**cookie, **more}).status, 200, path)

    def test_may_stand_beside_others(self) -> None:
        cookie = self.cookie(self.get(TAGS, self.read))["Cookie"]
        for text in (f"a=b; {cookie}", f"{cookie}; session2=x", f'a="x"; {cookie}; c'):
            self.assertEqual(self.get(TAGS, {"Cookie": text}).status, 200, text)

    def test_grants_no_more(self) -> None:
        cookie = self.cookie(self.get(TAGS, self.read))
        self.assertSays(self.put_tag("a", TOP.image_id, cookie), 401, UNAUTHORIZED)
        answer = self.ask("DELETE", f"{R}/tags/latest", cookie)
        self.assertSays(answer, 401, UNAUTHORIZED)
        self.assertSays(self.put_json(OTHER, cookie), 401, UNAUTHORIZED)

    def test_is_for_one_repository(self) -> None:
        self.push_v1("acme/other", headers=BOB)
        other = self.token("acme/other", "read", BOB)
        cookie = self.cookie(self.get("/v1/repositories/acme/other/tags", other))
        self.assertSays(self.get(TAGS, cookie), 401, UNAUTHORIZED)
        self.assertSays(self.get(f"{R}/images", cookie), 401, UNAUTHORIZED)

    def test_is_signed(self) -> None:
        value = self.cookie(self.get(TAGS, self.read))["Cookie"]
        said, _, signature = value.removeprefix("session=").partition(".")
        for bad in (
            f"{said}.{'A' * len(signature)}",
            f"{said[:-1]}{'A' if said[-1] != 'A' else 'B'}.{signature}",
            f"{said}.",
            f".{signature}",
            said,
            "",
            "x",
            "x" * 10_000,
            f"{said}.{signature}x",
            f"{said}.{signature}.{signature}",
        ):
            answer = self.get(TAGS, {"Cookie": f"session={bad}"})
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_expires(self) -> None:
        cookie = self.cookie(self.get(TAGS, self.read))
        self.exchange.clock.advance(899)
        self.assertEqual(self.get(TAGS, cookie).status, 200)
        self.exchange.clock.advance(1)
        self.assertSays(self.get(TAGS, cookie), 401, UNAUTHORIZED)

    def test_expires_with_its_token(self) -> None:
        self.exchange.clock.advance(HOUR - 60)
        cookie = self.cookie(self.get(TAGS, self.read))
        self.exchange.clock.advance(60)
        self.assertSays(self.get(TAGS, cookie), 401, UNAUTHORIZED)

    def test_is_never_needed(self) -> None:
        for _ in range(3):
            self.assertEqual(self.get(TAGS, self.read).status, 200)
        self.exchange.clock.advance(901)
        self.assertEqual(self.get(TAGS, self.read).status, 200)

    def test_bad_one_does_no_harm_beside_a_token(self) -> None:
        for value in ("x", "session=", "session=x", "=; ;;"):
            answer = self.get(TAGS, {**self.read, "Cookie": value})
            self.assertEqual(answer.status, 200, value)

    def test_does_not_help_a_bad_token(self) -> None:
        cookie = self.cookie(self.get(TAGS, self.read))
        bad = bent(self.read, "access=read", "access=write")
        self.assertSays(self.get(TAGS, {**cookie, **bad}), 401, UNAUTHORIZED)

    def test_serves_a_whole_push(self) -> None:
        """An engine sends ``Basic Og==`` at the end of its push, and its cookie."""
        write = self.announce(headers=BOB)
        cookie = self.cookie(self.put_json(OTHER, write))
        self.assertEqual(self.put_layer(OTHER, cookie).status, 200)
        self.assertEqual(self.put_checksum(OTHER, cookie).status, 200)
        self.assertEqual(self.put_tag("o", OTHER.image_id, cookie).status, 200)
        answer = self.ask("PUT", f"{R}/images", {**cookie, **NOBODY}, b"[]")
        self.assertEqual(answer.status, 204)
