"""Every route of Docker Registry API v1: method, who may, and what it answers.

The table is that of the specification's checklist: one row a route, ticked by asking it
as somebody who may and as somebody who may not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.temporary import make_file
from tests.web.exchange import Exchange
from tests.web.v1.case import LISTED, R, V1Case, basic
from tests.web.v1.images import BASE, TOP
from txregistry.settings.sections import Auth, Htpasswd, Rule, Settings

BOB = basic("bob", "secret")
HTPASSWD = b"bob:$2b$04$VTbCk0x3PKFuMjpVPxNvletOwCf/btYPtHxIaT/aoh8ske9IISxMK\n"
"""What ``htpasswd -B`` makes of BOB, with the least work."""
IMAGES = json.dumps(LISTED).encode()
CHALLENGES = {
    "Token",
    'Basic realm="auth required"',
    'Basic realm="auth required",Token',
}
LAYER = f"/v1/images/{TOP.image_id}"
PRIVATE = f"/v1/private_images/{TOP.image_id}"
NEW = "/v1/images/" + "d" * 64

NONE, READ, WRITE, DELETE, BASIC = ("none", "read", "write", "delete", "basic")


@dataclass(frozen=True)
class Row:
    """A row of the checklist.

    Attributes:
        method: The method.
        path: The path.
        needs: What has to be sent.
        status: The answer's status to who sends it.
        body: A body to send.
    """

    method: str
    path: str
    needs: str
    status: int = 200
    body: bytes | None = None


ROWS = (
    Row("GET", "/v1/_ping", NONE),
    Row("GET", "/_ping", NONE),
    Row("GET", "/v1/_status", BASIC),
    Row("GET", "/_status", BASIC),
    Row("GET", "/", NONE),
    Row("PUT", f"{NEW}/json", WRITE, body=b'{"id": "' + b"d" * 64 + b'"}'),
    Row("PUT", f"{NEW}/layer", WRITE, 404, b"x"),
    Row("PUT", f"{NEW}/checksum", WRITE, 412, b""),
    Row("GET", f"{LAYER}/json", READ),
    Row("GET", f"{LAYER}/json", WRITE),
    Row("GET", f"{LAYER}/layer", READ),
    Row("GET", f"{LAYER}/layer", WRITE),
    Row("GET", f"{LAYER}/ancestry", READ),
    Row("GET", f"{LAYER}/ancestry", WRITE),
    Row("GET", f"{LAYER}/files", READ),
    Row("GET", f"{LAYER}/diff", READ),
    Row("GET", f"{PRIVATE}/layer", READ, 404),
    Row("GET", f"{PRIVATE}/json", READ, 404),
    Row("GET", f"{PRIVATE}/files", READ, 404),
    Row("GET", f"{R}/tags", READ),
    Row("GET", f"{R}/tags/latest", READ),
    Row("PUT", f"{R}/tags/new", WRITE, body=json.dumps(TOP.image_id).encode()),
    Row("DELETE", f"{R}/tags/latest", DELETE),
    Row("DELETE", f"{R}/tags", DELETE),
    Row("GET", f"{R}/tags/latest/json", READ),
    Row("GET", f"{R}/json", READ),
    Row("GET", f"{R}/properties", READ),
    Row("PUT", f"{R}/properties", WRITE, body=b'{"access": "private"}'),
    Row("DELETE", f"{R}/", DELETE),
    Row("DELETE", R, DELETE),
    Row("DELETE", f"{R}/", BASIC),
    Row("PUT", f"{R}/", BASIC, body=IMAGES),
    Row("PUT", R, BASIC, body=IMAGES),
    Row("PUT", f"{R}/images", BASIC, 204, b"[]"),
    Row("PUT", f"{R}/images", WRITE, 204, b"[]"),
    Row("GET", f"{R}/images", BASIC),
    Row("GET", f"{R}/images", READ),
    Row("GET", f"{R}/images", WRITE),
    Row("GET", f"{R}/images", DELETE),
    Row("DELETE", f"{R}/images", BASIC, 204),
    Row("GET", "/v1/users", BASIC),
    Row("GET", "/v1/users/", BASIC),
    Row("POST", "/v1/users", NONE, 401, b"{}"),
    Row("POST", "/v1/users/", NONE, 401, b"{}"),
    Row("PUT", "/v1/users/bob/", BASIC, 403, b"{}"),
    Row("GET", "/v1/search?q=web", BASIC),
    Row("PUT", f"{R}/auth", DELETE, body=b""),
    Row("GET", f"{R}/layer/{TOP.image_id}/access", READ),
    Row("GET", f"{R}/layer/{TOP.image_id}/access", WRITE),
)


class RouteTests(V1Case):
    """A registry with an account, and a repository that only it may see."""

    def setUp(self) -> None:
        super().setUp()
        path = make_file(self, "htpasswd", HTPASSWD)
        rule = Rule(who=("bob",), repositories=("**",), may=("admin",))
        auth = Auth(htpasswd=Htpasswd(path), rules=(rule,))
        self.exchange = Exchange(
            version1=Settings(auth=auth), clock=self.exchange.clock
        )

    def credentials(self, needs: str) -> Mapping[str, str]:
        """Give what a row needs."""
        if needs == NONE:
            return {}
        if needs == BASIC:
            return BOB
        return self.token(access=needs, headers=BOB)

    def test_answers_who_may(self) -> None:
        for row in ROWS:
            self.push_again()
            headers = self.credentials(row.needs)
            answer = self.ask(row.method, row.path, headers, row.body)
            self.assertEqual(answer.status, row.status, (row, answer.body))
            self.assertEqual(answer.header("x-docker-registry-version"), "0.9.1", row)
            self.assertIsNone(answer.header("docker-distribution-api-version"), row)

    def test_answers_head_wherever_get(self) -> None:
        self.push_again()
        for row in ROWS:
            if row.method != "GET":
                continue
            headers = self.credentials(row.needs)
            got = self.ask("GET", row.path, headers)
            answer = self.ask("HEAD", row.path, headers)
            self.assertEqual(answer.status, row.status, row)
            self.assertEqual(answer.body, b"", row)
            for name in ("content-type", "content-length", "cache-control"):
                self.assertEqual(answer.header(name), got.header(name), row)

    def test_refuses_who_sends_nothing(self) -> None:
        self.push_again()
        for row in ROWS:
            if row.needs == NONE:
                continue
            answer = self.ask(row.method, row.path, {}, row.body)
            self.assertSays(answer, 401, "Requires authorization")
            self.assertIn(answer.header("www-authenticate"), CHALLENGES)

    def test_refuses_a_token_of_another_repository(self) -> None:
        self.push_again()
        self.announce("acme/other", BOB)
        for row in ROWS:
            if row.needs not in {READ, WRITE, DELETE}:
                continue
            headers = self.token("acme/other", row.needs, BOB)
            answer = self.ask(row.method, row.path, headers, row.body)
            wanted = {401}
            if "images/" in row.path:  # it names no repository: the image is not there
                wanted = {404, 412} if row.method == "GET" else {200, 404, 412}
            self.assertIn(answer.status, wanted, (row, answer.body))

    def test_refuses_a_token_for_less(self) -> None:
        self.push_again()
        for row in ROWS:
            if row.needs in {WRITE, DELETE} and row.method != "GET":
                for access in {READ, WRITE, DELETE} - {row.needs}:
                    headers = self.token(access=access, headers=BOB)
                    answer = self.ask(row.method, row.path, headers, row.body)
                    self.assertEqual(answer.status, 401, (row, access))

    def test_refuses_other_methods(self) -> None:
        for path in ("/v1/_ping", f"{LAYER}/ancestry", f"{R}/tags/a/json"):
            answer = self.ask("POST", path, BOB, b"")
            self.assertEqual(answer.status, 405, path)
            self.assertEqual(list(answer.json), ["error"])

    def test_knows_no_other_paths(self) -> None:
        for path in ("/v1/", "/v1/images", "/v1/images/x/y", "/v1/nothing"):
            answer = self.ask("GET", path, BOB)
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(list(answer.json), ["error"])

    def push_again(self) -> None:
        """Make sure that the images and their tag are there."""
        token = self.announce(headers=BOB)
        for image in (BASE, TOP):
            if self.put_json(image, token).status == 200:
                self.put_layer(image, token)
                self.put_checksum(image, token)
        self.assertEqual(self.put_tag("latest", TOP.image_id, token).status, 200)
