"""Tests of who may do what: tokens, cookies, Basic, and nothing at all."""

import json
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import ClassVar

from tests.web.answers import Answer
from tests.web.exchange import Exchange
from tests.web.v1 import case, people
from tests.web.v1.case import JSON, LISTED, R, basic
from tests.web.v1.images import BASE, TOP, V1Image, document, layer_of
from tests.web.v1.people import (
    BASIC_CHALLENGE,
    BOB,
    EVE,
    NOBODY,
    UNAUTHORIZED,
    bent,
)
from txregistry.settings import Index, Rule, Settings, Version1

IMAGE = f"/v1/images/{TOP.image_id}"
TAGS = f"{R}/tags"
WANTED = {"X-Docker-Token": "true"}
OTHER = V1Image("e" * 64, document("e" * 64, BASE.image_id), layer_of(d_txt="four"))
HOUR = 3600


class TokenTests(people.PeopleCase):
    """Nobody but bob may do anything in ``acme/web``."""

    def setUp(self) -> None:
        super().setUp()
        self.write = self.push_v1(headers=BOB)
        self.read = self.token(access="read", headers=BOB)

    def reads(self, headers: dict[str, str] | tuple[tuple[str, str], ...]) -> bool:
        """Say whether something can be read of the repository and of an image."""
        statuses = set()
        for path in (TAGS, f"{IMAGE}/json", f"{IMAGE}/ancestry", f"{IMAGE}/layer"):
            answer = self.get(path, headers)
            if answer.status != 200:
                self.assertSays(answer, 401, UNAUTHORIZED)
                self.assertEqual(answer.header("www-authenticate"), "Token")
            statuses.add(answer.status)
        self.assertEqual(len(statuses), 1, statuses)
        return statuses == {200}

    def test_token_as_it_was_given(self) -> None:
        self.assertTrue(self.reads(self.read))

    def test_nothing_is_not_enough(self) -> None:
        self.assertFalse(self.reads({}))

    def test_scheme_may_be_there_twice(self) -> None:
        """So it is where the token had one already that an engine was given."""
        self.assertTrue(self.reads(bent(self.read, scheme="Token Token")))

    def test_scheme_may_be_in_any_case(self) -> None:
        for scheme in ("token", "TOKEN", "tOKEN token"):
            self.assertTrue(self.reads(bent(self.read, scheme=scheme)), scheme)

    def test_blanks_may_follow_commas(self) -> None:
        """Engines up to 0.7 join several values so."""
        self.assertTrue(self.reads(bent(self.read, ",", ", ")))

    def test_bare_scheme_is_anonymous(self) -> None:
        """Docker 1.5 sends it where it was given no token."""
        for text in ("Token", "Token ", "token"):
            self.assertFalse(self.reads({"Authorization": text}))

    def test_bare_scheme_is_as_good_as_nothing(self) -> None:
        self.push_v1("acme/open", headers=BOB)
        for headers in ({"Authorization": "Token"}, NOBODY, {}):
            answer = self.get("/v1/repositories/acme/open/tags", headers)
            self.assertEqual(answer.status, 200)

    def test_forged_signature(self) -> None:
        text = self.read["Authorization"]
        place = text.index('",') - len('",repository="acme/web')
        signature = text.index(",repository")
        for at in (signature - 1, signature - 20, place % signature, 30):
            letter = "A" if text[at] != "A" else "B"
            forged = text[:at] + letter + text[at + 1 :]
            self.assertFalse(self.reads({"Authorization": forged}), forged)

    def test_made_up_signature(self) -> None:
        for signature in ("x", "1", "1.2.3.4", "....", "0" * 64, "1...", "\\x00"):
            token = f'Token signature={signature},repository="acme/web",access=read'
            self.assertFalse(self.reads({"Authorization": token}), token)

    def test_widened_access(self) -> None:
        for access in ("write", "delete"):
            bad = bent(self.read, "access=read", f"access={access}")
            self.assertFalse(self.reads(bad), access)
            answer = self.put_tag("new", TOP.image_id, bad)
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertIsNone(answer.header("set-cookie"))
            answer = self.ask("DELETE", f"{R}/tags/latest", bad)
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_narrowed_access_is_forged_as_well(self) -> None:
        self.assertFalse(self.reads(bent(self.write, "access=write", "access=read")))

    def test_unknown_access_means_none(self) -> None:
        for access in (
            "",
            "all",
            "READ",
            "read;write",
            "admin",
            "write ",
            "read/write",
        ):
            bad = bent(self.read, "access=read", f"access={access}")
            self.assertFalse(self.reads(bad), access)

    def test_missing_access_means_none(self) -> None:
        self.assertFalse(self.reads(bent(self.read, ",access=read", "")))

    def test_widened_repository(self) -> None:
        for name in ("acme/*", "acme", "**", "", "acme/web/../web", "acme/other"):
            bad = bent(self.read, "acme/web", name)
            self.assertFalse(self.reads(bad), name)

    def test_other_repository(self) -> None:
        self.push_v1("eve/own", headers=EVE)
        for access in ("read", "write", "delete"):
            other = self.token("eve/own", access, EVE)
            answer = self.get(TAGS, other)
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertNotEqual(self.put_tag("x", TOP.image_id, other).status, 200)

    def test_repository_next_to_it(self) -> None:
        self.push_v1("acme/web/sub", headers=BOB)
        for name in ("acme/web/sub",):
            other = self.token(name, "read", BOB)
            self.assertSays(self.get(TAGS, other), 401, UNAUTHORIZED)

    def test_malformed(self) -> None:
        for text in (
            "Token x",
            "Token signature=x",
            'Token repository="acme/web",access=read',
            "Token =,=,=",
            "Token ,,,",
            'Token signature="x",repository="acme/web",access=read',
            "Token signature:x,repository:acme/web,access:read",
            self.read["Authorization"].replace('"', ""),
            self.read["Authorization"] + ",",
            self.read["Authorization"] + ",access=read",
            self.read["Authorization"] + ',repository="acme/web"',
            self.read["Authorization"] + ",more=x",
            self.read["Authorization"] + "x",
            self.read["Authorization"].replace("Token ", "Token\t"),
            self.read["Authorization"].replace("Token ", "Token  "),
            self.read["Authorization"].replace("Token ", "Token Token Token "),
            self.read["Authorization"].replace(",", ";"),
            self.read["Authorization"].replace(",", " ,"),
            self.read["Authorization"].replace("signature", "Signature"),
            self.read["Authorization"].replace("acme", "\xe4cme"),
        ):
            self.assertFalse(self.reads({"Authorization": text}), text)

    def test_order_of_fields_does_not_matter(self) -> None:
        signature, repository, access = (
            self.read["Authorization"].removeprefix("Token ").split(",")
        )
        text = f"Token {access},{repository},{signature}"
        self.assertTrue(self.reads({"Authorization": text}))

    def test_other_schemes(self) -> None:
        for scheme in ("Bearer", "Digest", "Tokens", "Tok", "Signature", "Token,"):
            self.assertFalse(self.reads(bent(self.read, scheme=scheme)), scheme)

    def test_two_headers_are_refused(self) -> None:
        """Who stands before us could have looked at the other one."""
        good = ("Authorization", self.read["Authorization"])
        for other in (good, ("Authorization", "Basic Og=="), ("authorization", "x")):
            self.assertFalse(self.reads((good, other)))
            self.assertFalse(self.reads((other, good)))

    def test_long_header(self) -> None:
        for filler in (" " * 10_000, "x" * 10_000, ",x=y" * 2500):
            text = self.read["Authorization"] + filler + "."
            self.assertFalse(self.reads({"Authorization": text}))
        self.assertFalse(self.reads({"Authorization": "Token " + "x" * 10_000}))
        self.assertFalse(self.reads({"Authorization": "Basic " + "QUFB" * 2500}))

    def test_expires(self) -> None:
        for access, lifetime in (("read", HOUR), ("write", 12 * HOUR)):
            token = self.token(access=access, headers=BOB)
            self.exchange.clock.advance(lifetime - 1)
            self.assertTrue(self.reads(token))
            self.exchange.clock.advance(1)
            self.assertFalse(self.reads(token))

    def test_serves_as_often_as_wanted(self) -> None:
        for _ in range(20):
            self.assertTrue(self.reads(self.read))

    def test_serves_several_at_once(self) -> None:
        """Docker 1.5 looks for five images at a time."""
        connections = [self.exchange.connect() for _ in range(5)]
        for connection in connections:
            connection.send(
                f"GET {IMAGE}/json HTTP/1.1\r\nHost: x\r\nAuthorization: "
                f"{self.write['Authorization']}\r\n\r\n".encode()
            )
        for connection in connections:
            self.assertEqual(connection.answer().status, 200)
            connection.drop()

    def test_token_for_writing_may_read(self) -> None:
        """In the original it could not, and each question of a push was refused."""
        self.assertTrue(self.reads(self.write))
        for path in (TAGS, f"{IMAGE}/json", f"{IMAGE}/layer"):
            self.assertEqual(self.ask("HEAD", path, self.write).status, 200)

    def test_token_for_reading_may_ask_for_heads(self) -> None:
        for path in (TAGS, f"{IMAGE}/json", f"{IMAGE}/layer", f"{R}/images"):
            answer = self.ask("HEAD", path, self.read)
            self.assertEqual((answer.status, answer.body), (200, b""), path)
            answer = self.ask("HEAD", path)
            self.assertEqual((answer.status, answer.body), (401, b""), path)

    def test_token_for_reading_writes_nothing(self) -> None:
        before = self.exchange.stored()
        for answer in (
            self.put_json(OTHER, self.read),
            self.put_layer(OTHER, self.read),
            self.put_checksum(OTHER, self.read),
            self.put_tag("new", TOP.image_id, self.read),
            self.ask("PUT", f"{R}/properties", self.read, b'{"access": "private"}'),
            self.ask("PUT", f"{R}/", self.read, b"[]"),
            self.ask("PUT", f"{R}/images", self.read, b"[]"),
            self.ask("DELETE", f"{R}/tags/latest", self.read),
            self.ask("DELETE", f"{R}/", self.read),
        ):
            self.assertSays(answer, 401, UNAUTHORIZED)
        self.assertEqual(self.exchange.stored(), before)

    def test_token_for_deleting_only_deletes(self) -> None:
        token = self.token(access="delete", headers=BOB)
        self.assertFalse(self.reads(token))
        self.assertSays(self.put_tag("a", TOP.image_id, token), 401, UNAUTHORIZED)
        self.assertSays(self.put_json(OTHER, token), 401, UNAUTHORIZED)
        self.assertEqual(self.ask("DELETE", f"{R}/tags/latest", token).status, 200)

    def test_token_for_writing_deletes_nothing(self) -> None:
        for path in (f"{R}/tags/latest", f"{R}/tags", f"{R}/", R):
            answer = self.ask("DELETE", path, self.write)
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_registry_gives_no_token(self) -> None:
        """Docker 1.7 takes any that it sees for the one to use from there on."""
        for headers in (BOB, self.write, self.read):
            for method, path in (
                ("GET", TAGS),
                ("GET", f"{TAGS}/latest"),
                ("GET", f"{R}/json"),
                ("GET", f"{IMAGE}/json"),
                ("GET", f"{IMAGE}/ancestry"),
                ("GET", f"{IMAGE}/layer"),
                ("GET", f"{IMAGE}/files"),
                ("GET", f"{R}/properties"),
                ("GET", "/v1/_ping"),
                ("GET", "/v1/nothing"),
                ("PUT", f"{IMAGE}/json"),
                ("DELETE", f"{TAGS}/none"),
            ):
                body = b"" if method == "PUT" else None
                answer = self.ask(method, path, {**headers, **WANTED}, body)
                self.assertIsNone(answer.header("x-docker-token"), path)
                self.assertEqual(answer.all("x-docker-endpoints"), [], path)

    def test_index_takes_the_same_tokens(self) -> None:
        self.assertEqual(self.get(f"{R}/images", self.read).status, 200)
        bad = bent(self.read, "access=read", "access=write")
        answer = self.get(f"{R}/images", bad)
        self.assertSays(answer, 401, UNAUTHORIZED)
        self.assertEqual(answer.header("www-authenticate"), BASIC_CHALLENGE)

    def test_who_asks_is_found_out_before_the_id_is_read(self) -> None:
        for headers in ({}, NOBODY, {"Authorization": "Token x"}):
            answer = self.get("/v1/images/none/json", headers)
            self.assertSays(answer, 401, UNAUTHORIZED)


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


class OneNameTests(people.PeopleCase):
    """``solo`` and ``library/solo`` are one repository."""

    FORMS: ClassVar = ("solo", "library/solo")

    def test_everywhere(self) -> None:
        for pushed in self.FORMS:
            self.setUp()
            write = self.push_v1(pushed, headers=BOB)
            for asked in self.FORMS:
                root = f"/v1/repositories/{asked}"
                read = self.token(asked, "read", BOB)
                for headers in (read, write, BOB):
                    for path in ("tags", "tags/latest", "images", "json", "properties"):
                        answer = self.get(f"{root}/{path}", headers)
                        self.assertEqual(answer.status, 200, (pushed, asked, path))
                    answer = self.get(f"{IMAGE}/json", headers)
                    self.assertEqual(answer.status, 200, (pushed, asked))

    def test_token_of_one_is_good_for_the_other(self) -> None:
        for given, used in (self.FORMS, self.FORMS[::-1]):
            self.setUp()
            write = self.push_v1(given, headers=BOB)
            answer = self.put_tag("more", TOP.image_id, write, used)
            self.assertEqual(answer.status, 200)
            answer = self.get(f"/v1/repositories/{given}/tags", write)
            self.assertEqual(sorted(answer.json), ["latest", "more"])

    def test_token_may_be_respelled(self) -> None:
        write = self.push_v1("solo", headers=BOB)
        tags = "/v1/repositories/solo/tags"
        for name in self.FORMS:
            text = write["Authorization"].replace("library/solo", "solo")
            headers = {"Authorization": text.replace('"solo"', f'"{name}"')}
            self.assertEqual(self.get(tags, headers).status, 200, name)

    def test_deleted_by_one_it_is_gone_from_the_other(self) -> None:
        self.push_v1("solo", headers=BOB)
        token = self.token("library/solo", "delete", BOB)
        answer = self.ask("DELETE", "/v1/repositories/library/solo/", token)
        self.assertEqual(answer.status, 200)
        answer = self.get("/v1/repositories/solo/tags", BOB)
        self.assertSays(answer, 404, "Repository not found")

    def test_privacy_is_of_both(self) -> None:
        write = self.push_v1("solo", headers=BOB)
        target = "/v1/repositories/library/solo/properties"
        self.ask("PUT", target, write, b'{"access": "private"}')
        answer = self.get("/v1/repositories/solo/properties", BOB)
        self.assertEqual(answer.json, {"access": "private"})

    def test_version_2_has_it_once(self) -> None:
        token = self.push_v1("library/solo", headers=BOB)
        self.put_tag("more", TOP.image_id, token, "solo")
        answer = self.get("/v2/_catalog")
        self.assertEqual(answer.json, {"repositories": ["solo"]})

    def test_longer_names_are_others(self) -> None:
        self.push_v1("acme/solo", headers=BOB)
        answer = self.get("/v1/repositories/solo/tags", BOB)
        self.assertSays(answer, 404, "Repository not found")


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


class StandaloneCase(case.V1Case):
    """A registry to which clients come back without a token."""

    settings = Settings(v1=Version1(standalone=True))
    who: ClassVar[dict[str, str]] = NOBODY

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
        self.who: ClassVar = {}
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


class RulesWithoutAccountsTests(case.V1Case):
    """Rules about everybody, where nobody has an account."""

    settings = Settings(
        index=Index(access=(Rule(("everyone",), ("acme/**",), ("pull", "push")),))
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
