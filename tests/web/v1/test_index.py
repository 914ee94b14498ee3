"""Tests of what an Index answers: pushes announced, images listed, tokens given."""

import json

from tests.web.answers import Answer
from tests.web.v1 import case, people
from tests.web.v1.case import JSON, LISTED, R
from tests.web.v1.images import BASE, TOP
from tests.web.v1.people import BASIC_CHALLENGE, BOB, EVE, NOBODY, UNAUTHORIZED

WANTED = {"X-Docker-Token": "true"}
IMAGES = json.dumps(LISTED).encode()
ENDPOINTS = ("reg1.example", "reg2.example:5000", "[2001:db8::1]:5000")
NEW = "d" * 64
BAD_LISTS = (
    (b"", "Error Decoding JSON"),
    (b"[", "Error Decoding JSON"),
    (b"no JSON", "Error Decoding JSON"),
    (b"\xff\xfe[]", "Error Decoding JSON"),
    (b'[{"id": "\xff"}]', "Error Decoding JSON"),
    (b'[{"\xff": 1}]', "Invalid data"),
    (b"[" * 100_000, "Invalid data"),
    (b"{}", "Invalid data"),
    (b"null", "Invalid data"),
    (b'"[]"', "Invalid data"),
    (b"1", "Invalid data"),
    (b"[1]", "Invalid data"),
    (b"[[]]", "Invalid data"),
    (b"[{}]", "Invalid data"),
    (b'[{"id": 1}]', "Invalid data"),
    (b'[{"id": "../../x"}]', "Invalid data"),
    (b'[{"id": "%s\\n"}]' % NEW.encode(), "Invalid data"),
    (b'[{"id": "%s"}]' % NEW.upper().encode(), "Invalid data"),
)
BAD_NAMES = (
    *("acme/..", "../web", "acme/./web", "acme//web", "acme/web//", "Acme/Web"),
    *("acme/we%0Ab", "acme/we%22b", "acme/we,b", "acme/we%20b", "acme/-web", ".acme"),
    *("acme/web%2F..%2Fx", "%2e%2e/web", "acme/" + "x" * 300, "acme/w%C3%A9b"),
)
RESERVED = ("tags", "images", "json", "properties", "auth", "layer")


class AnnounceTests(people.PeopleCase):
    index = {"endpoints": ENDPOINTS}  # noqa: RUF012 - read only

    def put(self, name: str = "acme/web", body: bytes = IMAGES, **more: str) -> Answer:
        """Announce a push as bob."""
        headers = {**BOB, **JSON, **WANTED, **more}
        return self.ask("PUT", f"/v1/repositories/{name}/", headers, body)

    def test_gives_all_that_a_push_needs(self) -> None:
        answer = self.put()
        self.assertEqual((answer.status, answer.body), (200, b'""'))
        token = answer.header("x-docker-token")
        self.assertRegex(
            token or "", r'\Asignature=[!-~]+,repository="acme/web",access=write\Z'
        )
        self.assertEqual(answer.header("www-authenticate"), f"Token {token}")
        self.assertEqual(answer.header("cache-control"), "no-cache")

    def test_slash_may_be_missing(self) -> None:
        answer = self.ask("PUT", R, {**BOB, **WANTED}, IMAGES)
        self.assertEqual((answer.status, answer.body), (200, b'""'))

    def test_endpoints_are_those_of_the_settings_one_a_line(self) -> None:
        """Engines up to 0.10 do not part them at commas."""
        self.assertEqual(self.put().all("x-docker-endpoints"), list(ENDPOINTS))

    def test_endpoints_are_never_what_the_client_calls_us(self) -> None:
        for name in ("Host", "X-Forwarded-Host", "Forwarded", "X-Docker-Endpoints"):
            headers = {**BOB, **WANTED, name: "evil.example"}
            text = "\r\n".join(f"{key}: {value}" for key, value in headers.items())
            host = "" if name == "Host" else "Host: registry.example\r\n"
            answer = self.exchange.ask_raw(
                f"PUT {R}/ HTTP/1.1\r\n{host}{text}\r\n"
                "Content-Length: 2\r\n\r\n[]".encode()
            )
            self.assertEqual(answer.all("x-docker-endpoints"), list(ENDPOINTS), name)

    def test_no_token_unless_one_is_asked_for(self) -> None:
        for headers in ({}, {"X-Docker-Token": "false"}, {"X-Docker-Token": ""}):
            answer = self.ask("PUT", f"{R}/", {**BOB, **headers}, IMAGES)
            self.assertEqual(answer.status, 200)
            self.assertIsNone(answer.header("x-docker-token"))
            self.assertIsNone(answer.header("www-authenticate"))
            self.assertEqual(answer.all("x-docker-endpoints"), list(ENDPOINTS))

    def test_tokens_differ(self) -> None:
        self.assertNotEqual(
            self.put().header("x-docker-token"), self.put().header("x-docker-token")
        )

    def test_tokens_are_not_given_for_tokens(self) -> None:
        """Else who has one could have it for ever."""
        token = self.announce(headers=BOB)
        answer = self.ask("PUT", f"{R}/", {**token, **WANTED}, IMAGES)
        self.assertEqual(answer.status, 200)
        self.assertIsNone(answer.header("x-docker-token"))

    def test_bad_list(self) -> None:
        before = self.exchange.stored()
        for body, error in BAD_LISTS:
            answer = self.put(body=body)
            self.assertSays(answer, 400, error)
            self.assertIsNone(answer.header("x-docker-token"))
            self.assertEqual(self.exchange.stored(), before)

    def test_long_list(self) -> None:
        before = self.exchange.stored()
        many = json.dumps([{"id": f"{each:064x}"} for each in range(20_001)]).encode()
        self.assertSays(self.put(body=many), 400, "Invalid data")
        answer = self.put(body=b" " * (4 * 1024 * 1024 + 1))
        self.assertEqual((answer.status, list(answer.json)), (413, ["error"]))
        self.assertEqual(self.exchange.stored(), before)

    def test_old_list_has_checksums(self) -> None:
        """Engines up to 0.5 send them, and tags."""
        body = json.dumps([{"id": BASE.image_id, "checksum": BASE.payload, "Tag": "a"}])
        self.assertEqual(self.put(body=body.encode()).status, 200)

    def test_who_may_not(self) -> None:
        for headers in ({}, NOBODY, {"Authorization": "Token"}):
            answer = self.ask("PUT", f"{R}/", {**headers, **WANTED}, IMAGES)
            self.assertSays(answer, 401, UNAUTHORIZED)
            self.assertEqual(answer.header("www-authenticate"), BASIC_CHALLENGE)
            self.assertIsNone(answer.header("x-docker-token"))
        answer = self.ask("PUT", f"{R}/", {**EVE, **WANTED}, IMAGES)
        self.assertEqual((answer.status, list(answer.json)), (403, ["error"]))
        self.assertIsNone(answer.header("x-docker-token"))
        self.assertIsNone(answer.header("www-authenticate"))

    def test_who_may_not_leaves_nothing(self) -> None:
        before = self.exchange.stored()
        self.ask("PUT", f"{R}/", EVE, IMAGES)
        self.ask("PUT", f"{R}/", {}, IMAGES)
        self.ask("PUT", f"{R}/images", EVE, IMAGES)
        self.assertEqual(self.exchange.stored(), before)

    def test_names_outside_the_grammar(self) -> None:
        before = self.exchange.stored()
        for name in BAD_NAMES:
            for suffix, body in (("/", IMAGES), ("/images", b"[]"), ("", IMAGES)):
                target = f"/v1/repositories/{name}{suffix}"
                answer = self.ask("PUT", target, {**BOB, **WANTED}, body)
                self.assertIn(answer.status, {400, 404}, target)
                self.assertEqual(list(map(type, answer.json.values())), [str], target)
                self.assertIsNone(answer.header("x-docker-token"), target)
        self.assertEqual(self.exchange.stored(), before)

    def test_last_component_is_not_the_end_of_a_route(self) -> None:
        before = self.exchange.stored()
        for last in RESERVED:
            for target in (
                f"/v1/repositories/acme/{last}/",
                f"/v1/repositories/acme/{last}/images",
            ):
                answer = self.ask("PUT", target, {**BOB, **WANTED}, IMAGES)
                # The last of these is a tag of another repository.
                wanted = 403 if target.endswith("/tags/images") else 400
                self.assertEqual(answer.status, wanted, target)
                self.assertEqual(list(answer.json), ["error"], target)
                self.assertIsNone(answer.header("x-docker-token"), target)
        self.assertEqual(self.exchange.stored(), before)

    def test_other_components_may_be(self) -> None:
        for first in RESERVED:
            answer = self.put(f"acme/{first}/web")
            self.assertEqual(answer.status, 200, first)


class OwnEndpointTests(case.V1Case):
    def test_is_where_the_client_came_in(self) -> None:
        for host in ("registry.example", "evil.example:80"):
            answer = self.exchange.ask_raw(
                f"PUT {R}/ HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\n"
                "Content-Length: 2\r\n\r\n[]".encode()
            )
            endpoint = answer.header("x-docker-endpoints") or ""
            self.assertRegex(endpoint, r"\A[0-9.]+:[0-9]+\Z")


class ImagesTests(people.PeopleCase):
    index = {"endpoints": ENDPOINTS}  # noqa: RUF012 - read only

    def test_lists_what_was_pushed(self) -> None:
        self.push_v1(headers=BOB)
        answer = self.get(f"{R}/images", {**BOB, **WANTED})
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            sorted(each["id"] for each in answer.json),
            sorted([BASE.image_id, TOP.image_id]),
        )

    def test_lists_no_tags(self) -> None:
        """Engines would fetch an image whose tag is gone."""
        self.push_v1(headers=BOB)
        for each in self.get(f"{R}/images", BOB).json:
            self.assertEqual(list(each), ["id"])

    def test_gives_all_that_a_pull_needs(self) -> None:
        self.push_v1(headers=BOB)
        answer = self.get(f"{R}/images", {**BOB, **WANTED})
        token = answer.header("x-docker-token")
        self.assertRegex(
            token or "", r'\Asignature=[!-~]+,repository="acme/web",access=read\Z'
        )
        self.assertEqual(answer.header("www-authenticate"), f"Token {token}")
        self.assertEqual(answer.all("x-docker-endpoints"), list(ENDPOINTS))

    def test_token_is_given_only_if_asked_for(self) -> None:
        self.push_v1(headers=BOB)
        self.assertIsNone(self.get(f"{R}/images", BOB).header("x-docker-token"))

    def test_announced_images_are_listed(self) -> None:
        """A registry elsewhere asks for them before they are there."""
        token = self.announce(headers=BOB)
        answer = self.get(f"{R}/images", token)
        self.assertEqual(
            answer.json, [{"id": BASE.image_id}, {"id": TOP.image_id}], answer.json
        )

    def test_any_token_of_the_repository_may_ask(self) -> None:
        self.push_v1(headers=BOB)
        for access in ("read", "write", "delete"):
            token = self.token(access=access, headers=BOB)
            answer = self.get(f"{R}/images", {**token, **WANTED})
            self.assertEqual(answer.status, 200, access)
            self.assertIsNone(answer.header("x-docker-token"), access)

    def test_no_token_of_another_repository_may(self) -> None:
        self.push_v1(headers=BOB)
        self.push_v1("acme/other", headers=BOB)
        for access in ("read", "write", "delete"):
            token = self.token("acme/other", access, BOB)
            self.assertSays(self.get(f"{R}/images", token), 401, UNAUTHORIZED)

    def test_unknown_repository(self) -> None:
        self.assertSays(self.get(f"{R}/images", BOB), 404, "images not found")

    def test_unknown_repository_is_not_told_from_a_forbidden_one(self) -> None:
        self.push_v1(headers=BOB)
        for name in ("acme/web", "acme/none"):
            target = f"/v1/repositories/{name}/images"
            self.assertSays(self.get(target), 401, UNAUTHORIZED)
            self.assertEqual(self.get(target, EVE).status, 403)

    def test_is_not_kept(self) -> None:
        self.push_v1(headers=BOB)
        answer = self.get(f"{R}/images", BOB)
        self.assertEqual(answer.header("cache-control"), "no-cache")
        self.assertEqual(answer.header("content-type"), "application/json")

    def test_public_repository_needs_nobody(self) -> None:
        self.push_v1("acme/open", headers=BOB)
        target = "/v1/repositories/acme/open/images"
        for headers in ({}, NOBODY, {"Authorization": "Token"}, EVE):
            answer = self.get(target, {**headers, **WANTED})
            self.assertEqual(answer.status, 200)
            self.assertIsNotNone(answer.header("x-docker-token"))


class FinalListTests(people.PeopleCase):
    def put(self, headers: dict[str, str], body: bytes = b"[]") -> Answer:
        """End a push."""
        more = {"X-Docker-Endpoints": "https://reg.example/v1/"}
        return self.ask("PUT", f"{R}/images", {**headers, **more}, body)

    def test_answer_is_204_and_empty(self) -> None:
        self.push_v1(headers=BOB)
        answer = self.put(BOB)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIsNone(answer.header("content-type"))
        self.assertEqual(answer.header("cache-control"), "no-cache")

    def test_token_of_the_push_will_do(self) -> None:
        """Without credentials, Docker 1.7 sends nothing else."""
        answer = self.put(self.announce(headers=BOB))
        self.assertEqual((answer.status, answer.body), (204, b""))

    def test_token_for_less_will_not(self) -> None:
        self.push_v1(headers=BOB)
        for access in ("read", "delete"):
            token = self.token(access=access, headers=BOB)
            self.assertSays(self.put(token), 401, UNAUTHORIZED)

    def test_empty_list_shrinks_nothing(self) -> None:
        self.push_v1(headers=BOB)
        before = self.get(f"{R}/images", BOB).json
        stored = self.exchange.stored()
        self.put(BOB)
        self.assertEqual(self.get(f"{R}/images", BOB).json, before)
        self.assertEqual(self.exchange.stored(), stored)
        self.assertEqual(len(before), 2)

    def test_shorter_list_shrinks_nothing(self) -> None:
        self.push_v1(headers=BOB)
        before = self.get(f"{R}/images", BOB).json
        self.put(BOB, json.dumps([{"id": BASE.image_id}]).encode())
        self.assertEqual(
            sorted(each["id"] for each in self.get(f"{R}/images", BOB).json),
            sorted(each["id"] for each in before),
        )

    def test_bad_list(self) -> None:
        for body, error in BAD_LISTS:
            self.assertSays(self.put(BOB, body), 400, error)

    def test_who_may_not(self) -> None:
        self.assertSays(self.put({}), 401, UNAUTHORIZED)
        self.assertSays(self.put(NOBODY), 401, UNAUTHORIZED)
        self.assertEqual(self.put(EVE).status, 403)


class DeleteImagesTests(people.PeopleCase):
    def test_gives_a_token_and_deletes_nothing(self) -> None:
        self.push_v1(headers=BOB)
        stored = self.exchange.stored()
        answer = self.ask("DELETE", f"{R}/images", {**BOB, **WANTED})
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIn("access=delete", answer.header("x-docker-token") or "")
        self.assertIsNotNone(answer.header("x-docker-endpoints"))
        self.assertIsNotNone(answer.header("www-authenticate"))
        self.assertEqual(self.exchange.stored(), stored)

    def test_who_may_not(self) -> None:
        self.push_v1("acme/shared", headers=BOB)
        target = "/v1/repositories/acme/shared/images"
        self.assertEqual(self.ask("DELETE", target, EVE).status, 403)
        self.assertSays(self.ask("DELETE", target), 401, UNAUTHORIZED)
        token = self.token("acme/shared", "write", BOB)
        self.assertSays(self.ask("DELETE", target, token), 401, UNAUTHORIZED)


class QuestionTests(people.PeopleCase):
    """What a registry elsewhere asks its Index."""

    def setUp(self) -> None:
        super().setUp()
        self.push_v1(headers=BOB)

    def test_delete_token_is_checked(self) -> None:
        token = self.token(access="delete", headers=BOB)
        answer = self.ask("PUT", f"{R}/auth", token, b"")
        self.assertEqual((answer.status, answer.body), (200, b'"OK"'))
        for access in ("read", "write"):
            other = self.token(access=access, headers=BOB)
            answer = self.ask("PUT", f"{R}/auth", other, b"")
            self.assertSays(answer, 401, UNAUTHORIZED)

    def test_access_to_an_image(self) -> None:
        for access in ("read", "write"):
            token = self.token(access=access, headers=BOB)
            for image_id, may in (
                (BASE.image_id, True),
                (TOP.image_id, True),
                (NEW, False),
                ("x", False),
                (BASE.image_id.upper(), False),
            ):
                answer = self.get(f"{R}/layer/{image_id}/access", token)
                self.assertEqual(
                    (answer.status, answer.json), (200, {"access": may}), image_id
                )

    def test_access_is_not_told_to_others(self) -> None:
        target = f"{R}/layer/{BASE.image_id}/access"
        self.assertSays(self.get(target), 401, UNAUTHORIZED)
        self.assertEqual(self.get(target, EVE).status, 403)
        other = self.token("acme/other", "write", BOB)
        self.assertSays(self.get(target, other), 401, UNAUTHORIZED)
