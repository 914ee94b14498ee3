"""Tests of ``txregistry/client/upstreams/tokens.py``."""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.client.upstreams.authorizing import AuthorizationCase, Changing
from tests.client.upstreams.case import (
    ALPINE,
    BASIC,
    REALM,
    US,
    challenge,
    document,
    error,
    manifest,
    redirect,
    token,
)
from tests.storage.playing import Reply
from txregistry.client.upstreams.interfaces import (
    UpstreamUnavailable,
)
from txregistry.client.upstreams.logins import Login
from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.tokens import Errand, Token, TokenCache


class RealmTests(AuthorizationCase):
    def test_secrets_are_not_sent_where_all_can_read(self) -> None:
        for realm in (
            "http://auth.docker.io/token",
            "ftp://auth.docker.io/token",
            "https://u:p@auth.docker.io/",
            "/token",
            "",
        ):
            self.play(challenge(realm=realm), token(), login=US)
            self.assertIn("where no secret should be sent", self.wrong())
            self.assertEqual(self.agent.left, 1)

    def test_upstream_without_secrets_may_do_so(self) -> None:
        for realm in ("http://auth.example/token", REALM):
            self.play(
                challenge(realm=realm), token(), manifest(), home="http://a.example"
            )
            self.get()

    def test_service_that_sends_elsewhere_is_not_followed(self) -> None:
        for login in (US, Login("<token>", "x")):
            self.play(
                challenge(), redirect("https://evil.example/"), token(), login=login
            )
            self.assertIn("answers 307 where it should give tokens", self.wrong())
            self.assertEqual(self.agent.left, 1)

    def test_service_that_refuses(self) -> None:
        for status in (400, 401, 403):
            self.play(challenge(), error(status), login=US)
            self.assertIn("gives no token for these credentials", self.refused())

    def test_credentials_that_are_refused_are_looked_up_again(self) -> None:
        new = Login("us", "new")
        self.play(challenge(), error(401), token(), manifest(), login=Changing(US, new))
        self.get()
        self.assertEqual(self.shown(), ["", US.basic, new.basic, "Bearer t1"])

    def test_service_that_fails_and_then_does_not(self) -> None:
        self.play(challenge(), error(503), challenge(), token(), manifest())
        self.get()

    def test_service_that_fails(self) -> None:
        self.play(*[challenge(), error(503)] * 3)
        work = self.upstream.get_manifest(ALPINE, "latest")
        fault = self.fault(UpstreamUnavailable, work)
        self.assertIn("answers 503 where it should give tokens", fault.reason)

    def test_service_that_lets_us_ask_no_more(self) -> None:
        self.play(challenge(), error(429, retry_after="30"), manifest())
        work = self.upstream.get_manifest(ALPINE, "latest")
        self.assertEqual(self.fault(UpstreamUnavailable, work).retry_after, 30.0)
        work = self.upstream.get_manifest(ALPINE, "latest")
        self.assertEqual(self.fault(UpstreamUnavailable, work).retry_after, 30.0)
        self.assertEqual(self.agent.left, 1)

    def test_what_is_no_token(self) -> None:
        for reply in (
            document({}),
            document([]),
            document({"token": ""}),
            document({"token": 7}),
            document({"token": "a b"}),
            document({"token": "a\r\nX: y"}),
            document({"token": "é"}),
            document({"token": "x" * 40_000}),
            Reply(body=b"{", headers={"Content-Type": "application/json"}),
            Reply(body=b"[" * 60_000, headers={"Content-Type": "application/json"}),
            Reply(
                body=b'{"token": "\xff"}', headers={"Content-Type": "application/json"}
            ),
            Reply(body=b"x" * 70_000, headers={"Content-Type": "application/json"}),
            Reply(body=b'{"token": "t"}', headers={"Content-Type": "text/html"}),
        ):
            self.play(challenge(), reply, manifest())
            self.wrong()
            self.assertEqual(self.agent.left, 1)

    def test_no_secret_is_told_or_logged(self) -> None:
        for replies in (
            [challenge(), error(401)],
            [challenge(), *[error(500)] * 3],
            [challenge(), token("our-secret"), challenge()],
            [challenge(realm="https://x:our-secret@y/")],
            [challenge(), document({"token": "our-secret é"})],
            [challenge(), redirect("https://our-secret.example/")],
            [BASIC, BASIC],
        ):
            for login in (US, Login("<token>", "our-secret")):
                self.play(*replies, *[error(401)] * 3, login=login)
                with capturedLogs() as logs:
                    done = self.settle(self.upstream.get_manifest(ALPINE, "latest"))
                failure = self.failureResultOf(done)
                said = f"{logs} {failure.getTraceback()} {failure.value!r}"
                self.assertNotIn("our-secret", said)
                self.assertNotIn(US.basic, said)


class TokenCacheTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.cache = TokenCache(self.clock, 2)

    def errand(self, scope: str) -> Errand:
        """Want a token."""
        return Errand(Place.parse(REALM), "x", scope)

    def keep(self, scope: str, who: bytes = b"") -> None:
        """Keep a token."""
        self.cache.keep(who, self.errand(scope), Token(f"of {scope}", 10))

    def get(self, scope: str, who: bytes = b"") -> str | None:
        """Look for a token."""
        found = self.cache.get(who, self.errand(scope))
        return None if found is None else found.text

    def test_token_is_for_who_and_what_it_is(self) -> None:
        self.keep("a", b"alice")
        self.assertEqual(self.get("a", b"alice"), "of a")
        for scope, who in (("b", b"alice"), ("a", b"bob"), ("a", b"")):
            self.assertIsNone(self.get(scope, who))

    def test_token_ends(self) -> None:
        self.keep("a")
        self.clock.advance(10)
        self.assertIsNone(self.get("a"))
        self.assertEqual(len(self.cache), 0)

    def test_last_that_was_used_stays(self) -> None:
        self.keep("a")
        self.keep("b")
        self.get("a")
        self.keep("c")
        found = [self.get(scope) for scope in "abc"]
        self.assertEqual(found, ["of a", None, "of c"])

    def test_secret_is_not_shown(self) -> None:
        self.assertNotIn("hunter2", repr(Token("hunter2", 1)))
