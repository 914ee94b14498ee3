"""Tests of who may do what, by the token that they send."""

from tests.web.v1 import people
from tests.web.v1.case import R
from tests.web.v1.images import BASE, TOP, V1Image, document, layer_of
from tests.web.v1.people import (
    BASIC_CHALLENGE,
    BOB,
    EVE,
    NOBODY,
    UNAUTHORIZED,
    bent,
)

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
