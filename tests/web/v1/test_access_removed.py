"""Tests of tokens whose holders lost what they had: they are good no longer."""

import os

from tests.temporary import make_folder
from tests.web.exchange import Exchange
from tests.web.v1 import case
from tests.web.v1.case import R, basic
from tests.web.v1.people import HTPASSWD
from txregistry.assembly.admission import make_rules
from txregistry.settings.roles import apply_role
from txregistry.settings.sections import Auth, Htpasswd, Rule, Settings, TokenEndpoint

BOB = basic("bob", "secret")
EVE = basic("eve", "guessed")
ALL = ("push", "delete")
TAGS = "/v2/acme/web/tags/list"


class RemovedTests(case.V1Case):
    def setUp(self) -> None:
        super().setUp()
        self.path = os.path.join(make_folder(self), "htpasswd")
        self.write(HTPASSWD)
        self.settings = self.with_rules(
            Rule(("bob", "eve"), ("acme/**",), ALL),
            Rule(("anonymous",), ("open/**",), ALL),
        )
        self.exchange = Exchange(version1=self.settings, clock=self.exchange.clock)

    def with_rules(self, *rules: Rule) -> Settings:
        """Give settings of some rules."""
        auth = Auth(
            htpasswd=Htpasswd(self.path), endpoint=TokenEndpoint(), rules=tuple(rules)
        )
        return Settings(auth=auth)

    def write(self, lines: bytes) -> None:
        """Write the file of accounts anew, and let the time pass until that is seen."""
        with open(f"{self.path}.new", "wb") as file:
            file.write(lines)
        os.rename(f"{self.path}.new", self.path)
        self.exchange.clock.advance(2)

    def bearer(self) -> dict[str, str]:
        """Get bob a token of version 2."""
        answer = self.get("/auth/token?scope=repository:acme/web:pull", BOB)
        return {"Authorization": f"Bearer {answer.json['token']}"}

    def test_an_account_that_is_gone(self) -> None:
        self.push_v1(headers=BOB)
        token, bearer = self.token(headers=BOB), self.bearer()
        self.assertEqual(self.get(f"{R}/tags", token).status, 200)
        self.assertEqual(self.get(TAGS, bearer).status, 200)
        self.write(HTPASSWD.splitlines(keepends=True)[1])
        self.assertEqual(self.get(f"{R}/tags", token).status, 401)
        self.assertEqual(self.ask("PUT", f"{R}/", token, b"[]").status, 401)
        self.assertEqual(self.get(TAGS, bearer).status, 401)
        self.assertEqual(self.get(f"{R}/tags", self.token(headers=EVE)).status, 200)

    def test_a_cookie_of_an_account_that_is_gone(self) -> None:
        self.push_v1(headers=BOB)
        token = self.token(headers=BOB)
        kept = self.get(f"{R}/tags", token).header("set-cookie") or ""
        cookie = {"Cookie": kept.partition(";")[0]}
        self.assertEqual(self.get(f"{R}/tags", cookie).status, 200)
        self.write(HTPASSWD.splitlines(keepends=True)[1])
        self.assertEqual(self.get(f"{R}/tags", cookie).status, 401)

    def test_a_right_that_is_gone(self) -> None:
        self.push_v1(headers=BOB)
        token, bearer = self.token(headers=BOB), self.bearer()
        admission = self.exchange.admission
        assert admission is not None
        rules = self.with_rules(Rule(("eve",), ("acme/**",), ALL))
        admission.access.rules = make_rules(apply_role(rules))
        self.assertEqual(self.get(f"{R}/tags", token).status, 401)
        self.assertEqual(self.get(TAGS, bearer).status, 403)

    def test_a_repository_that_became_private(self) -> None:
        token = self.push_v1("open/web")
        tags = "/v1/repositories/open/web/tags"
        self.assertEqual(self.get(tags, token).status, 200)
        target = "/v1/repositories/open/web/properties"
        answer = self.ask("PUT", target, token, b'{"access": "private"}')
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.get(tags, token).status, 401)

    def test_what_is_private_is_as_what_is_not_there(self) -> None:
        rules = self.with_rules(
            Rule(("bob",), ("**",), ALL), Rule(("everyone",), ("open/**",), ("pull",))
        )
        self.exchange = Exchange(version1=rules, clock=self.exchange.clock)
        self.push_v1("open/web", headers=BOB)
        self.push_v1("open/seen", headers=BOB)
        target = "/v1/repositories/open/web/properties"
        answer = self.ask("PUT", target, BOB, b'{"access": "private"}')
        self.assertEqual(answer.status, 200)
        for end in ("tags", "images", "properties", "tags/latest", "json"):
            found = [
                self.get(f"/v1/repositories/open/{name}/{end}").status
                for name in ("web", "none", "seen")
            ]
            self.assertEqual(found, [401, 401, 200], end)
