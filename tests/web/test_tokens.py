"""Tests of ``txregistry/web/tokens.py``."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.auth.shown import make
from tests.web import callers
from tests.web.callers import BASIC, NOW, WRONG
from tests.web.exchange import Headers, lines, logged
from tests.web.v1.case import basic
from tests.web.v1.people import BOB, EVE, NOBODY
from txregistry.settings.sections import Rule, TokenEndpoint


def claims(answer: Any) -> dict[str, Any]:
    """Read what a token says, without looking at its signature."""
    part = answer.json["token"].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return found


class TokenCase(callers.CallersCase):
    def granted(self, *scopes: str, headers: Headers = ()) -> dict[str, list[str]]:
        """Ask for a token, and say what it is good for."""
        answer = self.ask_token(*scopes, headers=headers)
        self.assertEqual(answer.status, 200, answer.body)
        access = claims(answer)["access"]
        names = [f"{each['type']}:{each['name']}" for each in access]
        self.assertEqual(len(set(names)), len(names))
        return {name: each["actions"] for name, each in zip(names, access, strict=True)}


class AnswerTests(TokenCase):
    def test_it_says_what_clients_read(self) -> None:
        answer = self.ask_token("repository:acme/web:pull", headers=BOB)
        self.assertEqual(answer.status, 200)
        found = answer.json
        self.assertEqual(found["token"], found["access_token"])
        self.assertEqual(found["expires_in"], 300)
        self.assertEqual(found["issued_at"], "2025-06-15T15:06:40Z")
        self.assertEqual(
            set(found), {"token", "access_token", "expires_in", "issued_at"}
        )

    def test_nobody_keeps_it(self) -> None:
        for headers in (BOB, {}):
            answer = self.ask_token(headers=headers)
            self.assertEqual(answer.header("cache-control"), "no-store")
            self.assertIsNone(answer.header("etag"))

    def test_token_says_who_and_how_long(self) -> None:
        found = claims(self.ask_token(headers=BOB))
        self.assertEqual(
            (found["sub"], found["iss"], found["aud"], found["iat"], found["exp"]),
            ("bob", "txregistry", "txregistry", NOW, NOW + 300),
        )
        self.assertEqual(claims(self.ask_token())["sub"], "")

    def test_no_two_are_the_same(self) -> None:
        first, second = (self.ask_token(headers=BOB).json["token"] for _ in "12")
        self.assertNotEqual(first, second)

    def test_what_else_clients_send_is_of_no_matter(self) -> None:
        more = {"account": "eve", "client_id": "x", "offline_token": "true"}
        answer = self.ask_token(headers=BOB, service="other", **more)
        self.assertEqual(claims(answer)["sub"], "bob")

    def test_it_is_not_posted(self) -> None:
        answer = self.ask("POST", "/auth/token", BOB, b"grant_type=password")
        self.assertRefused(answer, 405, "UNSUPPORTED")


class GrantTests(TokenCase):
    def test_it_is_good_for_what_one_may(self) -> None:
        for scope, actions in (
            ("pull", ["pull"]),
            ("pull,push", ["pull", "push"]),
            ("push", ["pull", "push"]),
            ("delete", ["delete"]),
            ("list", ["list"]),
            ("*", ["pull", "push", "delete"]),
        ):
            found = self.granted(f"repository:acme/web:{scope}", headers=BOB)
            self.assertEqual(found, {"repository:acme/web": actions}, scope)

    def test_part_of_what_is_asked_for_is_enough(self) -> None:
        for scope in ("pull,push,delete", "*"):
            found = self.granted(f"repository:acme/shared:{scope}", headers=EVE)
            self.assertEqual(found, {"repository:acme/shared": ["pull"]})

    def test_nothing_is_good_as_well(self) -> None:
        for scopes in (
            (),
            ("",),
            ("repository:acme/web:pull,push",),
            ("repository:acme/absent:pull",),
            ("repository:UPPER:pull", "plugin:x:pull", "junk", ":::", "repository:a:"),
        ):
            for headers in (EVE, {}):
                self.assertEqual(self.granted(*scopes, headers=headers), {})

    def test_several(self) -> None:
        wanted = {
            "repository:acme/shared": ["pull"],
            "repository:eve/a": ["pull", "push"],
            "repository:eve/b": ["pull"],
        }
        three = ("repository:eve/a:push", "repository:eve/b:pull")
        last = "repository:acme/shared:pull,push"
        for scopes in (
            (*three, last),
            (" ".join((*three, last)),),
            (" ".join(three), last),
            (*three, last, three[0], "repository:eve/a:pull"),
        ):
            self.assertEqual(self.granted(*scopes, headers=EVE), wanted)

    def test_many(self) -> None:
        scopes = [f"repository:eve/{'x' * 200}{each}:pull,push" for each in range(60)]
        answer = self.ask_token(" ".join(scopes), headers=EVE)
        self.assertEqual(answer.status, 200)
        self.assertEqual(len(claims(answer)["access"]), 30)
        token = {"Authorization": f"Bearer {answer.json['token']}"}
        self.assertEqual(self.get("/v2/", token).status, 200)

    def test_nobody_has_the_rights_of_everybody(self) -> None:
        scopes = ("repository:acme/open:pull,push", "repository:acme/web:pull")
        for headers in ({}, NOBODY):
            found = self.granted(*scopes, headers=headers)
            self.assertEqual(found, {"repository:acme/open": ["pull"]})

    def test_catalog(self) -> None:
        for headers in (BOB, {}):
            found = self.granted("registry:catalog:*", headers=headers)
            self.assertEqual(found, {"registry:catalog": ["*"]})
        self.assertEqual(self.granted("registry:catalog:pull", headers=BOB), {})
        self.assertEqual(self.granted("registry:other:*", headers=BOB), {})

    def test_catalog_is_not_for_who_may_do_nothing(self) -> None:
        self.rule(Rule(("bob",), ("**",), ("admin",)))
        self.assertEqual(self.granted("registry:catalog:*"), {})
        found = self.granted("registry:catalog:*", headers=EVE)
        self.assertEqual(found, {"registry:catalog": ["*"]})

    def test_everything_to_who_administers(self) -> None:
        self.rule(Rule(("bob",), ("**",), ("admin",)))
        for scope in ("*", "pull,push,delete,*"):
            found = self.granted(f"repository:acme/web:{scope}", headers=BOB)
            self.assertEqual(found, {"repository:acme/web": ["*"]})


class RefusalTests(TokenCase):
    def refuse(self, headers: Headers) -> None:
        """Expect a refusal that tells to send a password."""
        with logged() as events:
            answer = self.ask_token("repository:acme/open:pull", headers=headers)
        self.assertRefused(answer, 401, "UNAUTHORIZED")
        self.assertEqual(self.challenges(answer), [BASIC])
        self.assertNotIn("Traceback", "\n".join(lines(events)))

    def test_wrong_password(self) -> None:
        self.refuse(WRONG)
        self.refuse(basic("mallory", "x"))
        self.refuse(basic("bob", "x" * 10_000))

    def test_what_cannot_be_read(self) -> None:
        for text in ("Basic", "Basic x", "Negotiate abc", "Bearer x", "x"):
            self.refuse({"Authorization": text})
        self.refuse([("Authorization", BOB["Authorization"])] * 2)

    def test_token_for_a_token(self) -> None:
        for headers in (BOB, {}):
            self.refuse(self.token("repository:acme/open:pull", headers=headers))

    def test_too_many_groups_for_a_token(self) -> None:
        self.certificates = True
        self.exchange = self.serve(self.make_settings())
        few = make("carol", units=["team"])
        many = make("carol", units=[f"{each}{'x' * 900}" for each in range(20)])
        answer = self.ask("GET", "/auth/token", certificate=few)
        self.assertEqual(claims(answer)["groups"], ["team"])
        with logged() as events:
            answer = self.ask("GET", "/auth/token", certificate=many)
        self.assertRefused(answer, 403, "DENIED")
        self.assertNotIn("Traceback", "\n".join(lines(events)))


class UseTests(TokenCase):
    TAGS = "/v2/acme/web/tags/list"

    def test_it_lets_do_what_it_is_good_for(self) -> None:
        token = self.token("repository:acme/web:pull", headers=BOB)
        self.assertEqual(self.get(self.TAGS, token).status, 200)
        self.assertEqual(self.get("/v2/acme/web/manifests/latest", token).status, 200)

    def test_it_lets_do_nothing_else(self) -> None:
        token = self.token("repository:acme/web:pull", headers=BOB)
        for method, target in (
            ("GET", "/v2/acme/shared/tags/list"),
            ("POST", "/v2/acme/web/blobs/uploads/"),
            ("DELETE", "/v2/acme/web/manifests/latest"),
            ("GET", "/v2/_catalog"),
        ):
            body = b"" if method == "POST" else None
            answer = self.ask(method, target, token, body)
            self.assertRefused(answer, 401, "UNAUTHORIZED", target)

    def test_everything_is_for_everything(self) -> None:
        token = self.token("repository:acme/web:*", headers=BOB)
        answer = self.ask("POST", "/v2/acme/web/blobs/uploads/", token, b"")
        self.assertEqual(answer.status, 202)
        target = "/v2/acme/web/manifests/latest"
        self.assertEqual(self.ask("DELETE", target, token).status, 202)

    def test_it_ends(self) -> None:
        token = self.token("repository:acme/web:pull", headers=BOB)
        self.clock.advance(300 + 61)
        self.assertRefused(self.get(self.TAGS, token), 401, "UNAUTHORIZED")

    def test_it_is_worth_what_the_rules_say_now(self) -> None:
        token = self.token("repository:acme/web:pull", headers=BOB)
        assert self.exchange.admission is not None
        before = self.exchange.admission.access
        self.rule(Rule(("bob",), ("acme/other",), ("pull",)))
        assert self.exchange.admission is not None
        before.rules = self.exchange.admission.access.rules
        answer = self.get(self.TAGS, token)
        self.assertRefused(answer, 403, "DENIED")  # another token would not help

    def test_it_is_good_on_every_node_of_the_same_key(self) -> None:
        token = self.token("repository:acme/web:pull", headers=BOB)
        self.exchange = self.serve(self.make_settings())
        self.assertEqual(self.get(self.TAGS, token).status, 200)

    def test_it_says_what_its_owner_belongs_to(self) -> None:
        self.certificates = True
        self.exchange = self.serve(self.make_settings())
        self.rule(Rule(("@team",), ("acme/*",), ("pull",)))
        carol = make("carol", units=["team"])
        target = "/auth/token?scope=repository:acme/web:pull"
        answer = self.ask("GET", target, certificate=carol)
        token = {"Authorization": f"Bearer {answer.json['token']}"}
        self.assertEqual(self.get(self.TAGS, token).status, 200)


class NamedTests(TokenCase):
    auth: Mapping[str, Any] = {
        "endpoint": TokenEndpoint(service="registry.example", issuer="acme")
    }

    def test_service_and_issuer_are_those_of_the_settings(self) -> None:
        told = self.challenges(self.get("/v2/"))[0]
        self.assertIn('service="registry.example"', told)
        found = claims(self.ask_token(headers=BOB))
        self.assertEqual((found["iss"], found["aud"]), ("acme", "registry.example"))
        self.assertEqual(self.get("/v2/", self.token(headers=BOB)).status, 200)
