"""Tests of ``txregistry/web/access.py``: who is known, and who is not."""

import base64
from collections.abc import Mapping

from cryptography import x509

from tests.auth.shown import make
from tests.web import callers
from tests.web.answers import Answer
from tests.web.callers import BASIC, TOKENS, WRONG
from tests.web.exchange import Exchange, lines, logged, request_bytes
from tests.web.v1.case import basic
from tests.web.v1.people import BOB, NOBODY
from txregistry.settings.sections import Auth, Rule, Settings, TokenEndpoint

JUNK = {"Authorization": "Negotiate abc"}


class LogInTests(callers.CallersCase):
    def assertChallenged(self, answer: Answer, *challenges: str) -> None:
        """An answer tells what to send, and that this is a registry."""
        self.assertRefused(answer, 401, "UNAUTHORIZED")
        self.assertEqual(self.challenges(answer), list(challenges))
        version = answer.header("docker-distribution-api-version")
        self.assertEqual(version, "registry/2.0")

    def test_who_shows_nothing_is_told_what_to_show(self) -> None:
        for target in ("/v2/", "/v2", "/v2/_oci/ext/discover"):
            self.assertChallenged(self.get(target), TOKENS)
        self.assertChallenged(self.get("/v2/", NOBODY), TOKENS)

    def test_good_password(self) -> None:
        answer = self.get("/v2/", BOB)
        self.assertEqual((answer.status, answer.json), (200, {}))
        self.assertEqual(self.challenges(answer), [])

    def test_good_token(self) -> None:
        for headers in (BOB, {}):
            self.assertEqual(self.get("/v2/", self.token(headers=headers)).status, 200)

    def test_wrong_password(self) -> None:
        for headers in (WRONG, basic("mallory", "x"), basic("bob", "")):
            self.assertChallenged(self.get("/v2/", headers), TOKENS)

    def test_wrong_token(self) -> None:
        good = self.token(headers=BOB)["Authorization"]
        for text in ("Bearer", "Bearer x", "bearer a.b.c", f"{good}x", f"{good[:-9]}"):
            answer = self.get("/v2/", {"Authorization": text})
            told = [TOKENS]
            if " " in text:
                told[0] += ',error="invalid_token"'
            self.assertChallenged(answer, *told)

    def test_token_that_has_expired(self) -> None:
        token = self.token(headers=BOB)
        self.clock.advance(300 + 9)
        self.assertEqual(self.get("/v2/", token).status, 200)
        self.clock.advance(2)
        challenge = TOKENS + ',error="invalid_token"'
        self.assertChallenged(self.get("/v2/", token), challenge)

    def test_unknown_scheme(self) -> None:
        self.assertChallenged(self.get("/v2/", JUNK), TOKENS)

    def test_two_headers(self) -> None:
        pair = [("Authorization", BOB["Authorization"])]
        answer = self.ask("GET", "/v2/", pair * 2)
        self.assertChallenged(answer, TOKENS)
        self.assertEqual(self.ask("GET", "/v2/", pair).status, 200)

    def test_passwords_that_nobody_can_have(self) -> None:
        headers = [
            basic("bob", "x" * 10_000),
            basic("x" * 10_000, "secret"),
            basic("bob", "sec\x00ret"),
            basic("bob\r\nX-A: b", "secret"),
            basic("bob\x1b[2J", "secret"),
            basic("", "secret") | {"Authorization": "Basic"},
            {"Authorization": "Basic "},
            {"Authorization": "Basic %%%"},
            {"Authorization": "Basic Ym9i"},
            {"Authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()},
            {"Authorization": "Basic Ym9iOnNlY3JldA"},
            {"Authorization": "Basic Ym9iOnNlY3JldA== x"},
        ]
        for each in headers:
            with logged() as events:
                answer = self.get("/v2/", each)
            self.assertChallenged(answer, TOKENS)
            self.assertNotIn("Traceback", "\n".join(lines(events)), each)

    def test_certificate_counts_where_nothing_says_so(self) -> None:
        answer = self.ask("GET", "/v2/", certificate=make("bob"))
        self.assertChallenged(answer, TOKENS)

    def test_client_that_leaves_meanwhile_is_told_nothing(self) -> None:
        self.get("/v2/", WRONG)
        with logged() as events:
            connection = self.exchange.connect()
            connection.send(request_bytes("GET", "/v2/", WRONG))
            self.assertEqual(connection.received, b"")
            connection.drop()
            self.clock.advance(10)
        self.assertEqual([each for each in events if "log_failure" in each], [])


class PasswordsAloneTests(callers.CallersCase):
    auth: Mapping[str, object] = {"endpoint": TokenEndpoint(enabled=False)}

    def test_there_is_one_challenge(self) -> None:
        self.assertEqual(self.challenges(self.get("/v2/")), [BASIC])

    def test_tokens_mean_nothing(self) -> None:
        answer = self.get("/v2/", {"Authorization": "Bearer e30.e30.e30"})
        self.assertRefused(answer, 401, "UNAUTHORIZED")
        self.assertEqual(self.challenges(answer), [BASIC])

    def test_there_is_no_place_for_tokens(self) -> None:
        self.assertRefused(self.get("/auth/token"), 404, "NAME_UNKNOWN")


class CertificatesTests(callers.CallersCase):
    passwords = False
    certificates = True
    auth: Mapping[str, object] = {}
    bob, carol = make("bob"), make("carol")

    def refuse(
        self, answer: Answer, told: str, status: int = 403, code: str = "DENIED"
    ) -> None:
        """Expect a refusal that tells something, and nothing to send."""
        self.assertRefused(answer, status, code)
        self.assertIn(told, answer.json["errors"][0]["message"])
        self.assertEqual(self.challenges(answer), [])

    def test_it_lets_in(self) -> None:
        for target in ("/v2/", "/v2/acme/web/tags/list", "/v2/_catalog"):
            self.assertEqual(self.ask("GET", target, certificate=self.bob).status, 200)

    def test_rules_are_about_its_name(self) -> None:
        answer = self.ask("GET", "/v2/acme/web/tags/list", certificate=self.carol)
        self.refuse(answer, "You may not list acme/web")

    def test_who_has_none_cannot_log_in(self) -> None:
        for target in ("/v2/acme/web/tags/list", "/v2/acme/web/manifests/latest"):
            self.refuse(self.get(target), "Show a client certificate")

    def test_what_is_for_everybody_is_so_without(self) -> None:
        for target in ("/v2/", "/v2/acme/open/tags/list", "/v2/_catalog"):
            self.assertEqual(self.get(target).status, 200, target)

    def test_headers_say_nothing_of_who_somebody_is(self) -> None:
        for headers in (WRONG, BOB, JUNK):
            answer = self.get("/v2/acme/web/tags/list", headers)
            self.refuse(answer, "Show a client certificate")
            answer = self.ask("GET", "/v2/", headers, certificate=self.bob)
            self.assertEqual(answer.status, 200)

    def test_one_that_has_expired_is_none(self) -> None:
        old = make("bob")
        self.clock.advance(10 * 365 * 24 * 3600)
        answer = self.ask("GET", "/v2/", certificate=old)
        self.refuse(answer, "knows nobody by what you show")

    def test_one_without_a_name_is_nobody_s(self) -> None:
        answer = self.ask("GET", "/v2/acme/web/tags/list", certificate=make())
        self.refuse(answer, "There is no name in your client certificate")


class NobodyAnonymousTests(callers.CallersCase):
    """Where certificates only are known, and nothing is for everybody."""

    passwords = False
    certificates = True
    auth: Mapping[str, object] = {}
    rules = (Rule(("authenticated",), ("**",), ("admin",)),)

    def test_who_has_no_certificate_gets_nowhere(self) -> None:
        for target in ("/v2/", "/v2/_catalog", "/v2/acme/open/tags/list"):
            self.assertRefused(self.get(target), 403, "DENIED", target)

    def test_who_has_one_gets_everywhere(self) -> None:
        for target in ("/v2/", "/v2/_catalog", "/v2/acme/open/tags/list"):
            answer = self.ask("GET", target, certificate=make("x"))
            self.assertEqual(answer.status, 200, target)


class NobodyKnownTests(callers.CallersCase):
    """Where nobody can be known, and there are rules."""

    passwords = False
    auth: Mapping[str, object] = {}
    rules = (Rule(("everyone",), ("acme/*",), ("pull",)),)

    def test_rules_are_the_same_for_all(self) -> None:
        for headers in ({}, BOB, JUNK, NOBODY):
            self.assertEqual(self.get("/v2/", headers).status, 200)
            found = self.catalog(headers)
            self.assertEqual(found, ["acme/open", "acme/shared", "acme/web"])
            answer = self.get("/v2/eve/own/tags/list", headers)
            self.assertRefused(answer, 403, "DENIED")
            self.assertEqual(self.challenges(answer), [])

    def test_what_is_private_by_word_is_so_for_nobody(self) -> None:
        """As nobody could be let in again."""
        self.hide("acme/open")
        self.assertEqual(self.get("/v2/acme/open/tags/list").status, 200)

    def test_refusal_says_that_nobody_may(self) -> None:
        answer = self.get("/v2/eve/own/tags/list")
        told = answer.json["errors"][0]["message"]
        self.assertIn("Nobody may list eve/own from here", told)


class OpenTests(callers.CallersCase):
    passwords = False
    auth: Mapping[str, object] = {}
    rules = None

    def test_nothing_is_asked(self) -> None:
        twice = [("Authorization", "x"), ("Authorization", "y")]
        for headers in ({}, BOB, JUNK, twice):
            for target in ("/v2/", "/v2/acme/web/tags/list", "/v2/_catalog"):
                self.assertEqual(self.ask("GET", target, headers).status, 200, target)


class CertificateAtOnceTests(callers.CallersCase):
    """Certificates and passwords: each is enough."""

    certificates = True

    def test_each_lets_in(self) -> None:
        target = "/v2/acme/web/tags/list"
        for headers, certificate in (
            (BOB, None),
            ({}, make("bob")),
            (BOB, make("eve")),
            (NOBODY, make("bob")),
        ):
            answer = self.ask("GET", target, headers, certificate=certificate)
            self.assertEqual(answer.status, 200)

    def test_who_has_neither_is_told_of_the_password(self) -> None:
        answer = self.get("/v2/acme/web/tags/list")
        self.assertRefused(answer, 401, "UNAUTHORIZED")

    def test_wrong_password_is_not_made_good(self) -> None:
        bob: x509.Certificate = make("bob")
        answer = self.ask("GET", "/v2/acme/web/tags/list", WRONG, certificate=bob)
        self.assertRefused(answer, 401, "UNAUTHORIZED")


class WithoutRulesTests(callers.CallersCase):
    """What nobody said that it may be done, may not."""

    rules = ()

    def test_nobody_may_do_anything(self) -> None:
        exchange = Exchange(version2=Settings(auth=Auth(rules=())), clock=self.clock)
        for target in ("/v2/", "/v2/_catalog", "/v2/a/tags/list"):
            self.assertRefused(exchange.ask("GET", target), 403, "DENIED", target)

    def test_known_or_not(self) -> None:
        self.assertRefused(self.get("/v2/acme/web/tags/list", BOB), 403, "DENIED")
        self.assertEqual(self.catalog(BOB), [])
