"""Tests of ``txregistry/settings/roles.py``: what each role lets whom do."""

import io
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import yaml
from twisted.internet.task import Clock

from tests.auth.bearertokens import ED
from tests.temporary import make_file
from tests.web import exchange
from tests.web.content import ABSENT
from tests.web.exchange import Exchange, Headers
from tests.web.v1.case import basic
from txregistry.auth.issuing import BearerIssuer
from txregistry.commands.main import main
from txregistry.model.access import Action, Identity
from txregistry.model.names import RepositoryName
from txregistry.model.tokenscopes import TokenScopes
from txregistry.settings.policies import make_policy
from txregistry.settings.reading import load_settings
from txregistry.settings.roles import apply_role, chosen_rules
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import (
    Auth,
    Certificates,
    Htpasswd,
    Http,
    Index,
    Listener,
    Rule,
    Settings,
    TokenEndpoint,
    TokenService,
    Version1,
)

HTPASSWD: Final = (
    b"bob:$2b$04$VTbCk0x3PKFuMjpVPxNvletOwCf/btYPtHxIaT/aoh8ske9IISxMK\n"
    b"vera:$2b$04$ySmg0rqazfHus9oFYztym.PDZCmWaApvGjfYURGZ5T9sr7G62EaPO\n"
)
SENT: Final[Mapping[str, Headers]] = {
    "": {},
    "bob": basic("bob", "secret"),
    "vera": basic("vera", "guessed"),
}
ACTIONS: Final = ("list", "pull", "push", "delete")
READ: Final = ("list", "pull")
NONE: Final[tuple[str, ...]] = ()
WHERE: Final = ("public/app", "team/app", "private/app", "solo")

_ALL: Final = dict.fromkeys(WHERE, ACTIONS)
_NOTHING: Final = dict.fromkeys(WHERE, NONE)
_READ: Final = dict.fromkeys(WHERE, READ)

TABLE: Final[Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]] = {
    "private": {"": _NOTHING, "bob": _ALL, "vera": _ALL},
    "vendor": {"": {**_NOTHING, "public/app": READ}, "bob": _READ, "vera": _ALL},
    "mirror": {
        "": {**_READ, "private/app": NONE},
        "bob": {**_READ, "private/app": ACTIONS},
        "vera": {**_READ, "private/app": ACTIONS},
    },
    "sponsor": {"": _NOTHING, "bob": _NOTHING, "vera": _NOTHING},
}
"""By role, who asks, and where; vera is in the vendor's group."""

REQUESTS: Final = {
    "list": ("GET", "/v2/{}/tags/list"),
    "pull": ("GET", "/v2/{}/manifests/latest"),
    "push": ("POST", "/v2/{}/blobs/uploads/"),
    "delete": ("DELETE", f"/v2/{{}}/blobs/{ABSENT}"),
}
SERVICE: Final = ("https://auth.example/token", "service", "issuer")


class RolesCase(exchange.WebCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_750_000_000)
        self.exchange = self.inside = Exchange(clock=self.clock)
        for name in WHERE:
            self.push_image(name, "latest")
        self.issuer = BearerIssuer(ED, "issuer", "service", self.clock, str)

    def settings(self, role: str) -> Settings:
        """Give a role what it needs."""
        htpasswd = Htpasswd(make_file(self, "htpasswd", HTPASSWD))
        if role != "sponsor":
            groups: dict[str, tuple[str, ...]] = {"vendor": ("vera",)}
            return Settings(role=role, auth=Auth(htpasswd=htpasswd, groups=groups))
        token = TokenService(*SERVICE, jwks=make_file(self, "k", self.issuer.jwks()))
        return Settings(
            role=role,
            auth=Auth(htpasswd=htpasswd, token=token),
            index=Index(url="https://index.example"),
        )

    def serve(self, settings: Settings) -> None:
        """Let others in to what there is."""
        self.exchange = Exchange(
            version2=settings, store=self.inside.store, clock=self.clock
        )

    def allowed(self, headers: Headers, name: str, action: str) -> bool:
        """Say whether something may be done."""
        method, target = REQUESTS[action]
        body = b"" if method == "POST" else None
        status = self.ask(method, target.format(name), headers, body).status
        return status not in {401, 403}


class TableTests(RolesCase):
    def test_rules(self) -> None:
        for role, callers in TABLE.items():
            policy = make_policy(apply_role(self.settings(role)))
            for who, places in callers.items():
                for name, may in places.items():
                    repository = RepositoryName(name)
                    found = [
                        action
                        for action in ACTIONS
                        if policy.allows(Identity(who), repository, Action(action))
                    ]
                    self.assertEqual(tuple(found), may, (role, who, name))

    def test_version_2(self) -> None:
        for role, callers in TABLE.items():
            self.serve(self.settings(role))
            for who, places in callers.items():
                for name, may in places.items():
                    found = [
                        action
                        for action in ACTIONS
                        if self.allowed(SENT[who], name, action)
                    ]
                    self.assertEqual(tuple(found), may, (role, who, name))

    def test_catalog(self) -> None:
        for role, callers in TABLE.items():
            self.serve(self.settings(role))
            for who, places in callers.items():
                answer = self.get("/v2/_catalog", SENT[who])
                if not who and not any(places.values()):
                    self.assertEqual(answer.status, 401, role)
                    continue
                seen = sorted(name for name, may in places.items() if "list" in may)
                self.assertEqual(answer.json["repositories"], seen, (role, who))

    def test_administration(self) -> None:
        for role, who, may in (
            ("private", "bob", True),
            ("private", "", False),
            ("vendor", "vera", True),
            ("vendor", "bob", False),
            ("mirror", "bob", False),
            ("sponsor", "bob", False),
        ):
            policy = make_policy(apply_role(self.settings(role)))
            found = policy.allows(Identity(who), None, Action.ADMIN)
            self.assertEqual(found, may, (role, who))


class PrivateTests(RolesCase):
    def test_without_accounts_everybody_may_do_everything(self) -> None:
        self.serve(Settings())
        for headers in SENT.values():
            for action in ACTIONS:
                self.assertTrue(self.allowed(headers, "team/app", action))
        self.assertEqual(self.get("/v2/").status, 200)

    def test_any_way_to_be_known_closes_it(self) -> None:
        for auth in (
            Auth(htpasswd=Htpasswd("f")),
            Auth(certificates=Certificates()),
            Auth(token=TokenService(*SERVICE, jwks="f")),
        ):
            (rule,) = apply_role(Settings(auth=auth)).auth.rules or ()
            self.assertEqual(rule.who, ("authenticated",))

    def test_index_elsewhere_closes_it(self) -> None:
        self.serve(Settings(index=Index(url="https://index.example")))
        self.assertRefused(self.get("/v2/"), 403, "DENIED")
        self.assertFalse(self.allowed({}, "team/app", "pull"))

    def test_it_gives_no_tokens_unless_told_so(self) -> None:
        settings = self.settings("private")
        self.serve(settings)
        self.assertEqual(self.get("/auth/token").status, 404)
        auth = msgspec.structs.replace(settings.auth, endpoint=TokenEndpoint())
        self.serve(msgspec.structs.replace(settings, auth=auth))
        self.assertEqual(self.get("/auth/token", SENT["bob"]).status, 200)


class SponsorTests(RolesCase):
    def token(self, *scopes: str) -> Headers:
        """Be given a token by the service."""
        text = self.issuer.issue(Identity("x"), TokenScopes.parse(*scopes))
        return {"Authorization": f"Bearer {text}"}

    def test_tokens_decide(self) -> None:
        self.serve(self.settings("sponsor"))
        token = self.token("repository:team/app:pull,push", "registry:catalog:*")
        found = [each for each in ACTIONS if self.allowed(token, "team/app", each)]
        self.assertEqual(found, ["list", "pull", "push"])
        for action in ACTIONS:
            self.assertFalse(self.allowed(token, "public/app", action))
        answer = self.get("/v2/_catalog", token)
        self.assertEqual(answer.json["repositories"], sorted(WHERE))

    def test_clients_are_sent_to_the_service(self) -> None:
        self.serve(self.settings("sponsor"))
        told = self.get("/v2/team/app/tags/list").all("www-authenticate")[0]
        self.assertEqual(
            told,
            'Bearer realm="https://auth.example/token",service="service",'
            'scope="repository:team/app:pull"',
        )
        self.assertEqual(self.get("/auth/token").status, 404)

    def refuse(self, told: str, **settings: Any) -> None:
        """Expect that it does not start."""
        with self.assertRaises(SettingsError) as raised:
            apply_role(Settings(role="sponsor", **settings))
        self.assertIn("role: 'sponsor' needs", str(raised.exception))
        self.assertIn(told, str(raised.exception))

    TOKEN = Auth(token=TokenService(*SERVICE, jwks="f"))
    ELSEWHERE = Index(url="https://index.example")

    def test_it_needs_who_issues_tokens(self) -> None:
        self.refuse("an Index", auth=self.TOKEN)
        self.refuse("auth.token", index=self.ELSEWHERE)
        accounts = Auth(htpasswd=Htpasswd("f"))
        self.refuse("auth.token", auth=accounts, index=self.ELSEWHERE)

    def test_it_needs_them_for_what_it_speaks_only(self) -> None:
        first, second = Listener("tcp:1", ("v1",)), Listener("tcp:2", ("v2",))
        for settings in (
            Settings(auth=self.TOKEN, v1=Version1(enabled=False)),
            Settings(auth=self.TOKEN, http=Http(apis=("v2",))),
            Settings(auth=self.TOKEN, http=Http(listen=(second,))),
            Settings(index=self.ELSEWHERE, http=Http(apis=("v1",))),
            Settings(index=self.ELSEWHERE, http=Http(listen=(first,))),
        ):
            found = apply_role(msgspec.structs.replace(settings, role="sponsor"))
            self.assertEqual(found.auth.rules, ())
        self.refuse("an Index", auth=self.TOKEN, http=Http(listen=(first, second)))
        self.refuse("auth.token", index=self.ELSEWHERE, http=Http(listen=(second,)))
        http = Http(addr=":1", listen=(first,))
        self.refuse("auth.token", index=self.ELSEWHERE, http=http)


class VendorTests(RolesCase):
    def test_it_needs_somebody_who_can_push(self) -> None:
        with self.assertRaises(SettingsError) as raised:
            apply_role(Settings(role="vendor"))
        self.assertIn("role: 'vendor' needs auth.htpasswd", str(raised.exception))
        self.assertIn("nobody could push", str(raised.exception))

    def test_it_gives_tokens(self) -> None:
        """So that clients pull what is public who have no account."""
        for role in ("vendor", "mirror"):
            self.serve(self.settings(role))
            scope = "repository:public/app:pull"
            answer = self.get(f"/auth/token?scope={scope}")
            token = {"Authorization": f"Bearer {answer.json['token']}"}
            self.assertEqual(self.get("/v2/", token).status, 200)
            self.assertTrue(self.allowed(token, "public/app", "pull"), role)

    def test_tokens_of_elsewhere_take_the_place_of_its_own(self) -> None:
        auth = Auth(token=TokenService(*SERVICE, jwks="f"))
        for role in ("vendor", "mirror"):
            found = apply_role(Settings(role=role, auth=auth)).auth
            self.assertIsNone(found.given_endpoint)


class MirrorTests(RolesCase):
    def test_without_accounts_everybody_pulls_and_nobody_pushes(self) -> None:
        self.serve(Settings(role="mirror"))
        self.assertEqual(self.get("/v2/").status, 200)
        for name in WHERE:
            may = () if name.startswith("private/") else READ
            found = [each for each in ACTIONS if self.allowed({}, name, each)]
            self.assertEqual(tuple(found), may, name)
        answer = self.ask("POST", "/v2/team/app/blobs/uploads/", {}, b"")
        self.assertRefused(answer, 403, "DENIED")
        self.assertEqual(answer.all("www-authenticate"), [])


class OpenTests(RolesCase):
    """A role chooses what is left open, and nothing else."""

    RULES = (Rule(("bob",), ("x",), ("pull",)),)

    def test_rules_that_are_given_stay(self) -> None:
        for role in TABLE:
            settings = self.settings(role)
            auth = msgspec.structs.replace(settings.auth, rules=self.RULES)
            given = msgspec.structs.replace(settings, auth=auth)
            self.assertEqual(apply_role(given).auth.rules, self.RULES)
            self.assertEqual(chosen_rules(given), apply_role(settings).auth.rules)

    def test_endpoint_that_is_given_stays(self) -> None:
        for enabled in (True, False):
            endpoint = TokenEndpoint(enabled=enabled, service="x")
            for role in ("private", "vendor", "mirror"):
                settings = self.settings(role)
                auth = msgspec.structs.replace(settings.auth, endpoint=endpoint)
                found = apply_role(msgspec.structs.replace(settings, auth=auth))
                self.assertEqual(found.auth.endpoint, endpoint)

    def test_twice_is_as_once(self) -> None:
        for role in TABLE:
            once = apply_role(self.settings(role))
            self.assertEqual(apply_role(once), once)


class PrintedTests(RolesCase):
    """``txregistry check-config`` spells out what a role came to."""

    def check(self, text: str) -> str:
        """Check settings, and give what is printed."""
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        self.patch(os, "environ", {})
        main(["check-config", "--config", make_file(self, "c.yml", text.encode())])
        return out.getvalue()

    def test_rules_are_printed(self) -> None:
        document = yaml.safe_load(self.check("role: mirror"))
        self.assertEqual(
            document["auth"]["rules"],
            [
                {
                    "who": ["authenticated"],
                    "repositories": ["private", "private/**"],
                    "may": ["push", "delete"],
                    "from": [],
                },
                {
                    "who": ["everyone"],
                    "repositories": ["private", "private/**"],
                    "may": [],
                    "from": [],
                },
                {
                    "who": ["everyone"],
                    "repositories": ["**"],
                    "may": ["pull"],
                    "from": [],
                },
            ],
        )
        self.assertFalse(document["auth"]["endpoint"]["enabled"])

    def test_what_is_printed_means_the_same(self) -> None:
        path = make_file(self, "htpasswd", HTPASSWD)
        accounts = f"htpasswd: {{path: {path}}}, groups: {{vendor: [vera]}}"
        path = make_file(self, "k", self.issuer.jwks())
        service = f"token: {{realm: 'https://a', service: s, issuer: i, jwks: {path}}}"
        for role, more in (
            ("private", "{}"),
            ("private", f"{{{accounts}}}"),
            ("vendor", f"{{{accounts}}}"),
            ("vendor", f"{{{service}}}"),
            ("mirror", f"{{{accounts}}}"),
            ("sponsor", f"{{{service}}}"),
        ):
            text = f"role: {role}\nauth: {more}\nindex: {{url: 'https://i'}}\n"
            printed = self.check(text)
            self.assertEqual(self.check(printed), printed, role)
            both = [
                load_settings(make_file(self, "c.yml", each.encode()), {})[0]
                for each in (text, printed)
            ]
            self.assertEqual(*both)
