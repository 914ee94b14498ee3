"""Tests of ``txregistry/web/audit.py``: who did what is told, and nothing else."""

from collections.abc import Mapping
from typing import Any

from tests.temporary import make_file
from tests.web.content import LAYER, digest_of
from tests.web.exchange import Exchange, WebCase, request_bytes
from tests.web.v1.case import basic
from tests.web.v1.people import HTPASSWD
from txregistry.settings.sections import Auth, Htpasswd, Rule, Settings, TokenEndpoint
from txregistry.web.audit import AuditTrail

BOB = basic("bob", "secret")
EVE = basic("eve", "guessed")
RULES = (
    Rule(who=("bob",), repositories=("acme/**",), may=("push", "delete")),
    Rule(who=("eve",), repositories=("acme/**",), may=("pull",)),
)
BLOB = digest_of(LAYER)


class AuditCase(WebCase):
    pulls = True

    def setUp(self) -> None:
        auth = Auth(
            htpasswd=Htpasswd(make_file(self, "htpasswd", HTPASSWD)), rules=RULES
        )
        self.records: list[dict[str, Any]] = []
        trail = AuditTrail(self.records.append, pulls=self.pulls)
        settings = Settings(auth=auth)
        self.exchange = Exchange(version1=settings, site={"audit": trail})

    def upload(self, headers: Mapping[str, str] = BOB) -> None:
        """Push a blob in one request."""
        target = f"/v2/acme/web/blobs/uploads/?digest={BLOB}"
        _ = self.ask("POST", target, headers, LAYER)

    def told(self, *names: str) -> list[tuple[Any, ...]]:
        """Give some of what was recorded."""
        return [tuple(each.get(name) for name in names) for each in self.records]


class AuditTests(AuditCase):
    def test_a_push_is_told(self) -> None:
        self.upload()
        (record,) = self.records
        self.assertEqual(
            {name: record[name] for name in record if name != "time"},
            {
                "who": "bob",
                "from": "192.168.1.1",
                "did": "push",
                "route": "begin_upload",
                "method": "POST",
                "outcome": "done",
                "status": 201,
                "sent": 0,
                "received": len(LAYER),
                "repository": "acme/web",
                "digest": BLOB,
            },
        )
        self.assertRegex(
            record["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00\Z"
        )

    def test_steps_of_a_push_are_not(self) -> None:
        begun = self.ask("POST", "/v2/acme/web/blobs/uploads/", BOB, b"")
        target = begun.header("location") or ""
        self.assertEqual(self.ask("PATCH", target, BOB, LAYER).status, 202)
        self.assertEqual(self.records, [])
        done = self.ask("PUT", f"{target}?digest={BLOB}", BOB, b"")
        self.assertEqual(done.status, 201)
        self.assertEqual(
            self.told("route", "outcome", "digest"), [("finish_upload", "done", BLOB)]
        )

    def test_a_mount_tells_from_where(self) -> None:
        self.upload()
        target = f"/v2/acme/other/blobs/uploads/?mount={BLOB}&from=acme/web"
        self.assertEqual(self.ask("POST", target, BOB, b"").status, 201)
        self.assertEqual(
            self.told("repository", "digest", "mounted from")[1:],
            [("acme/other", BLOB, "acme/web")],
        )

    def test_refusals_are_told(self) -> None:
        self.upload(EVE)
        _ = self.get(f"/v2/acme/web/blobs/{BLOB}")
        _ = self.get("/v2/")
        self.assertEqual(
            self.told("who", "did", "outcome", "status", "repository"),
            [
                ("eve", "push", "refused", 403, "acme/web"),
                (None, "pull", "refused", 401, "acme/web"),
                (None, "log-in", "refused", 401, None),
            ],
        )

    def test_who_was_tried_is_told(self) -> None:
        for target in ("/v2/", "/v2/acme/web/tags/list", "/v1/users/"):
            connection = self.exchange.connect()
            connection.send(request_bytes("GET", target, basic("bob", "wrong")))
            while not connection.received:
                self.exchange.clock.advance(1)
                connection.settle()
        self.assertEqual(
            self.told("who", "tried", "outcome"), [(None, "bob", "refused")] * 3
        )

    def test_what_is_not_there_has_failed(self) -> None:
        _ = self.get("/v2/acme/web/manifests/v1", EVE)
        self.assertEqual(
            self.told("who", "did", "outcome", "status", "tag"),
            [("eve", "pull", "failed", 404, "v1")],
        )

    def test_log_ins_and_what_is_for_everybody_are_not(self) -> None:
        for target in ("/v2/", "/v1/_ping", "/v1/users/"):
            self.assertEqual(self.get(target, BOB).status, 200)
        self.assertEqual(self.records, [])

    def test_version_1_is_told(self) -> None:
        _ = self.ask("PUT", "/v1/repositories/acme/web/", BOB, b"[]")
        _ = self.get("/v1/repositories/acme/web/tags/v1", EVE)
        self.assertEqual(
            self.told("who", "did", "outcome", "repository", "tag"),
            [
                ("bob", "push", "done", "acme/web", None),
                ("eve", "pull", "failed", "acme/web", "v1"),
            ],
        )

    def test_a_token_of_version_1_tells_whose_it_is(self) -> None:
        wanted = {"X-Docker-Token": "true", **BOB}
        answer = self.ask("PUT", "/v1/repositories/acme/web/", wanted, b"[]")
        token = {"Authorization": f"Token {answer.header('x-docker-token')}"}
        _ = self.get(f"/v1/images/{'a' * 64}/json", token)
        self.assertEqual(
            self.told("who", "did", "outcome")[1:], [("bob", "pull", "failed")]
        )


class WritesOnlyTests(AuditCase):
    pulls = False

    def test_reading_is_not_told_but_where_it_is_refused(self) -> None:
        self.upload()
        self.assertEqual(self.get(f"/v2/acme/web/blobs/{BLOB}", EVE).status, 200)
        self.assertEqual(self.get("/v2/_catalog", EVE).status, 200)
        self.assertEqual(self.get("/v2/eve/own/tags/list", EVE).status, 403)
        self.assertEqual(
            self.told("did", "outcome"), [("push", "done"), ("list", "refused")]
        )


class TokenTests(AuditCase):
    def setUp(self) -> None:
        super().setUp()
        auth = Auth(
            htpasswd=Htpasswd(make_file(self, "htpasswd", HTPASSWD)),
            endpoint=TokenEndpoint(),
            rules=RULES,
        )
        trail = AuditTrail(self.records.append, pulls=True)
        self.exchange = Exchange(version1=Settings(auth=auth), site={"audit": trail})

    def test_a_wrong_password_for_a_token_is_told(self) -> None:
        answer = self.get("/auth/token", basic("eve", ""))
        self.assertEqual(answer.status, 401)
        self.assertEqual(
            self.told("did", "tried", "outcome"), [("log-in", "eve", "refused")]
        )

    def test_a_token_that_is_given_is_not(self) -> None:
        self.assertEqual(self.get("/auth/token", BOB).status, 200)
        self.assertEqual(self.records, [])
