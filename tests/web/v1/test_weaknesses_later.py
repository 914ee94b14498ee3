"""Tests of W9 to W16, the weaknesses that were not about ids and tokens."""

import json
from collections.abc import Mapping

from tests.web.exchange import CHUNKED, Exchange, chunked, request_bytes
from tests.web.v1 import test_weaknesses
from tests.web.v1.case import R, basic
from tests.web.v1.images import B, T, V1Image, document, layer_of
from tests.web.v1.people import BOB, EVE, NOBODY, UNAUTHORIZED
from tests.web.v1.test_weaknesses import IMAGE, PATHS, POISON_OF_C


class LaterWeaknessTests(test_weaknesses.WeaknessCase):
    def test_w09_endpoints_do_not_come_from_the_request(self) -> None:
        for method, path, body in (
            ("PUT", f"{R}/", "[]"),
            ("GET", f"{R}/images", ""),
            ("DELETE", f"{R}/images", ""),
        ):
            answer = self.exchange.ask_raw(
                f"{method} {path} HTTP/1.1\r\nHost: evil.example\r\n"
                f"X-Forwarded-Host: evil.example\r\nX-Docker-Token: true\r\n"
                f"Authorization: {BOB['Authorization']}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            self.assertIn(answer.status, {200, 204})
            self.assertNotIn("evil", str(answer.fields))

    # W10: no limits.

    def test_w10_json_has_a_limit(self) -> None:
        image = V1Image("c" * 64, b" " * (1 << 20) + document("c" * 64), b"")
        self.assertRefusedWithoutTrace(
            413, "PUT", f"/v1/images/{image.image_id}/json", self.bob, image.json
        )

    def test_w10_json_has_a_limit_of_depth(self) -> None:
        deep = b'{"id": "%s", "x": %s}' % (b"c" * 64, b"[" * 50_000 + b"]" * 50_000)
        self.assertRefusedWithoutTrace(
            400, "PUT", f"/v1/images/{'c' * 64}/json", self.bob, deep
        )

    def test_w10_layer_has_a_limit(self) -> None:
        self.exchange = Exchange(
            store=self.exchange.store,
            version1=self.settings,
            clock=self.exchange.clock,
            layer_limit=10_000,
        )
        image = V1Image("c" * 64, document("c" * 64), b"x" * 10_001)
        self.assertEqual(self.put_json(image, self.bob).status, 200)
        before = self.exchange.stored()
        self.assertEqual(self.put_layer(image, self.bob).status, 413)
        self.assertEqual(self.exchange.stored(), before)

    def test_w10_lists_and_tags_have_limits(self) -> None:
        self.assertRefusedWithoutTrace(
            413, "PUT", f"{R}/", BOB, b"[" + b" " * (4 << 20) + b"]"
        )
        for path in (f"{R}/tags/a", f"{R}/properties"):
            self.assertRefusedWithoutTrace(413, "PUT", path, self.bob, b'"' * 5000)
        for tag in ("x" * 129, "-x", ".x"):
            body = json.dumps(T).encode()
            target = f"{R}/tags/{tag}"
            self.assertRefusedWithoutTrace(400, "PUT", target, self.bob, body)

    def test_w10_images_do_not_pile_up_without_end(self) -> None:
        parent = T
        for number in range(125):
            image = V1Image(f"{number:064x}", document(f"{number:064x}", parent), b"xx")
            self.push_parts(image, self.bob)
            parent = image.image_id
        image = V1Image("d" * 64, document("d" * 64, parent), b"xx")
        self.assertEqual(self.put_json(image, self.bob).status, 400)

    # W11: races; another user may continue an upload, or change its parent.

    def test_w11_nobody_else_continues_an_upload(self) -> None:
        image = V1Image("c" * 64, document("c" * 64, B), layer_of(c_txt="c"))
        self.assertEqual(self.put_json(image, self.bob).status, 200)
        for other in (self.eve(), self.token(headers=BOB)):
            answer = self.put_layer(POISON_OF_C, other)
            self.assertSays(answer, 404, "Image not found")
            answer = self.put_checksum(POISON_OF_C, other)
            self.assertSays(answer, 404, "Image not found")
        self.assertEqual(self.put_layer(image, self.bob).status, 200)
        self.assertEqual(self.put_checksum(image, self.bob).status, 200)
        answer = self.get(f"/v1/images/{image.image_id}/layer", self.bob)
        self.assertEqual(answer.body, image.layer)

    def test_w11_nobody_else_changes_a_parent(self) -> None:
        image = V1Image("c" * 64, document("c" * 64, B), layer_of(c_txt="c"))
        another = self.token(headers=BOB)
        self.assertEqual(self.put_json(image, self.bob).status, 200)
        self.assertEqual(self.put_json(POISON_OF_C, another).status, 200)
        self.assertEqual(self.put_layer(image, self.bob).status, 200)
        self.assertEqual(self.put_checksum(image, self.bob).status, 200)
        answer = self.get(f"/v1/images/{image.image_id}/ancestry", self.bob)
        self.assertEqual(answer.json, [image.image_id, B])

    def test_w11_nothing_is_seen_before_all_of_it_is_there(self) -> None:
        image = V1Image("c" * 64, document("c" * 64, B), layer_of(c_txt="c"))
        reader = self.token(access="read", headers=BOB)
        for step in (self.put_json, self.put_layer):
            self.assertEqual(step(image, self.bob).status, 200)
            for part in ("json", "layer", "ancestry"):
                answer = self.get(f"/v1/images/{image.image_id}/{part}", reader)
                self.assertSays(answer, 404, "Image not found")

    # W12: nothing is verified.

    def test_w12_layer_is_verified_before_it_is_there(self) -> None:
        image = V1Image("c" * 64, document("c" * 64), layer_of(c_txt="c"))
        self.put_json(image, self.bob)
        self.put_layer(V1Image(image.image_id, b"", layer_of(c_txt="d")), self.bob)
        answer = self.put_checksum(image, self.bob)
        self.assertSays(answer, 400, "Checksum mismatch")
        answer = self.get(f"/v1/images/{image.image_id}/layer", self.bob)
        self.assertSays(answer, 400, "Image is being uploaded, retry later")

    def test_w12_image_without_checksum_is_never_complete(self) -> None:
        image = V1Image("c" * 64, document("c" * 64), layer_of(c_txt="c"))
        self.put_json(image, self.bob)
        self.put_layer(image, self.bob)
        reader = self.token(access="read", headers=BOB)
        answer = self.get(f"/v1/images/{image.image_id}/layer", reader)
        self.assertSays(answer, 404, "Image not found")

    # W13: path traversal.

    def test_w13_user_strings_lead_nowhere(self) -> None:
        before = self.exchange.stored()
        for text in PATHS:
            for method, path in (
                ("PUT", f"/v1/images/{text}/json"),
                ("PUT", f"/v1/images/{text}/layer"),
                ("GET", f"/v1/images/{text}/json"),
                ("PUT", f"{R}/tags/{text}"),
                ("DELETE", f"{R}/tags/{text}"),
                ("GET", f"{R}/tags/{text}/json"),
                ("PUT", f"/v1/repositories/{text}/"),
                ("PUT", f"/v1/repositories/acme/{text}/images"),
                ("GET", f"/v1/repositories/{text}/tags"),
                ("GET", f"{R}/layer/{text}/access"),
            ):
                headers: Mapping[str, str] = self.bob
                body = json.dumps(T).encode() if method == "PUT" else None
                if path.startswith("/v1/repositories") and "/tags" not in path:
                    headers = BOB
                answer = self.ask(method, path, headers, body)
                self.assertIn(answer.status, {400, 401, 403, 404, 405, 200}, path)
                if answer.status == 200:  # the question: the answer is no
                    self.assertEqual(answer.json, {"access": False}, path)
        self.assertEqual(self.exchange.stored(), before)

    def test_w13_ids_in_lists_lead_nowhere(self) -> None:
        for text in ("../../x", "a/b", "", B.upper(), T + "\n", T[:63], "/" + T[1:]):
            before = self.exchange.stored()
            listed = json.dumps([{"id": text}]).encode()
            answer = self.ask("PUT", f"{R}/", BOB, listed)
            self.assertSays(answer, 400, "Invalid data")
            if not text:
                continue  # as good as no parent
            bad = json.dumps({"id": "c" * 64, "parent": text}).encode()
            answer = self.ask("PUT", f"/v1/images/{'c' * 64}/json", self.bob, bad)
            self.assertSays(answer, 400, "JSON data contains an invalid parent")
            self.assertEqual(self.exchange.stored(), before)

    # W14: downgrade to http, with a password on every request.

    def test_w14_password_is_not_asked_for_beyond_the_index(self) -> None:
        """An engine that reads this sends its password to no other route."""
        answer = self.get("/v1/_ping")
        self.assertEqual(answer.header("x-docker-registry-standalone"), "False")
        for path in (f"{R}/tags", f"{IMAGE}/json", f"{IMAGE}/layer"):
            answer = self.get(path)
            self.assertEqual(answer.header("www-authenticate"), "Token", path)
            self.assertEqual(self.get(path, self.bob).status, 200, path)

    # W15: open routes of users.

    def test_w15_users_routes_are_not_open(self) -> None:
        for method, path in (
            ("GET", "/v1/users/"),
            ("POST", "/v1/users/"),
            ("PUT", "/v1/users/bob/"),
        ):
            for headers in ({}, NOBODY):
                body = None if method == "GET" else b'{"password": "mine"}'
                answer = self.ask(method, path, headers, body)
                self.assertSays(answer, 401, UNAUTHORIZED)

    def test_w15_guessing_is_slow(self) -> None:
        clock = self.exchange.clock
        for number in range(12):
            connection = self.exchange.connect()
            wrong = basic("bob", f"guess{number}")
            connection.send(request_bytes("GET", "/v1/users/", wrong))
            delay = 0 if not number else min(2 ** (number - 1), 8)
            if delay:
                # In steps: it may be waited for twice, for a name and for an address.
                clock.pump([0.125] * (8 * delay - 1))
                self.assertEqual(connection.received, b"", number)
                clock.advance(0.125)
            self.assertEqual(connection.answer().status, 401, number)
            connection.drop()

    def test_w15_unknown_names_are_as_slow(self) -> None:
        for name in ("bob", "mallory"):
            self.assertEqual(self.get("/v1/users/", basic(name, "a")).status, 401)
            connection = self.exchange.connect()
            connection.send(request_bytes("GET", "/v1/users/", basic(name, "b")))
            self.assertEqual(connection.received, b"", name)
            self.exchange.clock.advance(1)
            self.assertEqual(connection.answer().status, 401)
            connection.drop()

    # W16: open search, and _ping that tells too much.

    def test_w16_search_finds_what_one_may_pull_alone(self) -> None:
        for who in ({}, NOBODY, EVE):
            answer = self.get("/v1/search?q=acme", who)
            self.assertEqual(
                (answer.json["num_results"], answer.json["results"]), (0, [])
            )
        self.assertEqual(self.get("/v1/search?q=acme", BOB).json["num_results"], 1)

    def test_w16_ping_tells_nothing(self) -> None:
        for who in ({}, BOB):
            self.assertEqual(self.get("/v1/_ping?debug=1", who).body, b"{}")

    def assertRefusedWithoutTrace(
        self,
        status: int,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """A body is refused, whether or not it says how long it is."""
        before = self.exchange.stored()
        for more, sent in (({}, body), (CHUNKED, chunked(body))):
            answer = self.ask(method, target, {**headers, **more}, sent)
            self.assertEqual(answer.status, status, target)
            self.assertEqual(list(map(type, answer.json.values())), [str], target)
        self.assertEqual(self.exchange.stored(), before)
