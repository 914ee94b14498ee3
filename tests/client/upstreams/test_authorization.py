"""Tests of ``txregistry/client/upstreams/authorization.py``: on our own behalf."""

from typing import Any
from urllib.parse import parse_qs

from twisted.internet.defer import CancelledError, Deferred

from tests.client.upstreams.authorizing import AuthorizationCase, Changing
from tests.client.upstreams.case import (
    ALPINE,
    BASIC,
    BLOB,
    DIGEST,
    REALM,
    SCOPE,
    US,
    blob,
    challenge,
    document,
    error,
    manifest,
    redirect,
    token,
)
from tests.storage.playing import SILENT
from txregistry.client.upstreams.interfaces import (
    Fetched,
)
from txregistry.client.upstreams.logins import Login

CDN = "https://cdn.example/blob"


class BasicTests(AuthorizationCase):
    def test_nothing_is_shown_unasked(self) -> None:
        self.play(manifest(), login=US)
        self.get()
        self.assertEqual(self.shown(), [""])

    def test_password_is_shown_to_who_asks(self) -> None:
        self.play(BASIC, manifest(), login=US)
        self.get()
        self.assertEqual(self.shown(), ["", US.basic])

    def test_then_it_is_shown_at_once(self) -> None:
        self.play(BASIC, manifest(), manifest(), login=US)
        self.get()
        self.get()
        self.assertEqual(self.shown(), ["", US.basic, US.basic])

    def test_password_that_is_refused(self) -> None:
        self.play(BASIC, BASIC, login=US)
        self.refused()

    def test_password_that_is_refused_is_looked_up_again(self) -> None:
        new = Login("us", "new")
        self.play(BASIC, manifest(), BASIC, manifest(), login=Changing(US, new))
        self.get()
        self.get()
        self.assertEqual(self.shown(), ["", US.basic, US.basic, new.basic])

    def test_nobody_has_a_password(self) -> None:
        self.play(BASIC)
        self.refused()

    def test_identity_token_is_no_password(self) -> None:
        self.play(BASIC, login=Login("<token>", "x"))
        self.refused()
        self.assertEqual(self.shown(), [""])

    def test_other_schemes_are_not_known(self) -> None:
        for fields in (
            {},
            {"www_authenticate": "Negotiate"},
            {"www_authenticate": '"'},
        ):
            self.play(error(401, **fields), login=US)
            self.refused()
            self.assertEqual(self.shown(), [""])

    def test_nobody_else_is_shown_it(self) -> None:
        self.play(BASIC, redirect(CDN), blob(), login=US)
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        self.assertEqual(self.shown(), ["", US.basic, ""])

    def test_another_port_is_somebody_else(self) -> None:
        elsewhere = "https://registry-1.docker.io:444/"
        self.play(BASIC, redirect(elsewhere), blob(), login=US)
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        self.assertEqual(self.shown(), ["", US.basic, ""])

    def test_upstream_itself_is_on_another_path(self) -> None:
        self.play(BASIC, redirect("/x"), blob(), login=US)
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        self.assertEqual(self.shown(), ["", US.basic, US.basic])

    def test_who_was_elsewhere_comes_back_as_a_stranger(self) -> None:
        home = "https://registry-1.docker.io/x"
        self.play(BASIC, redirect(CDN), redirect(home), blob(), login=US)
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        self.assertEqual(self.shown(), ["", US.basic, "", ""])


class BearerTests(AuthorizationCase):
    def test_anybody_gets_a_token(self) -> None:
        self.play(challenge(), token(), manifest())
        self.get()
        self.assertEqual(self.shown(), ["", "", "Bearer t1"])
        asked = self.agent.asked[1]
        self.assertEqual((asked.method, self.hosts()[1]), ("GET", "auth.docker.io"))
        self.assertEqual(
            self.query(asked),
            {
                "service": ["registry.docker.io"],
                "scope": [SCOPE],
                "client_id": ["txregistry"],
            },
        )

    def test_password_is_shown_to_who_gives_tokens(self) -> None:
        self.play(challenge(), token(), manifest(), login=US)
        self.get()
        self.assertEqual(self.shown(), ["", US.basic, "Bearer t1"])
        self.assertEqual(self.query(self.agent.asked[1])["account"], ["us"])
        self.assertNotIn("our-secret", self.agent.asked[1].target)

    def test_identity_token_is_redeemed(self) -> None:
        login = Login("<token>", "our-secret&x=y")
        self.play(
            challenge(), document({"access_token": "t1"}), manifest(), login=login
        )
        self.get()
        asked = self.agent.asked[1]
        self.assertEqual((asked.method, asked.target), ("POST", "/token"))
        self.assertEqual(
            parse_qs(asked.body.decode()),
            {
                "grant_type": ["refresh_token"],
                "refresh_token": ["our-secret&x=y"],
                "service": ["registry.docker.io"],
                "scope": [SCOPE],
                "client_id": ["txregistry"],
            },
        )
        self.assertEqual(
            asked.header("content-type"), "application/x-www-form-urlencoded"
        )
        self.assertEqual(self.shown(), ["", "", "Bearer t1"])

    def test_token_is_used_again(self) -> None:
        self.play(challenge(), token(), manifest(), manifest(), login=US)
        self.get()
        self.get()
        self.assertEqual(self.shown()[2:], ["Bearer t1", "Bearer t1"])

    def test_token_of_another_repository_is_asked_for_at_once(self) -> None:
        self.play(challenge(), token(), manifest(), token("t2"), manifest())
        self.get()
        self.get(name="library/busybox")
        scope = ["repository:library/busybox:pull"]
        self.assertEqual(self.query(self.agent.asked[3])["scope"], scope)
        self.assertEqual(self.shown()[4], "Bearer t2")

    def test_token_is_used_until_shortly_before_its_end(self) -> None:
        for life, used in ((None, 48), (60, 48), (300, 270), (5, 4)):
            given: dict[str, Any] = {} if life is None else {"expires_in": life}
            self.play(
                challenge(),
                token(**given),
                manifest(),
                manifest(),
                token("t2"),
                manifest(),
            )
            self.get()
            self.clock.advance(used - 0.5)
            self.get()
            self.clock.advance(0.5)
            self.get()
            self.assertEqual(self.shown()[-1], "Bearer t2")

    def test_lifetimes_that_cannot_be(self) -> None:
        lives: list[Any] = [0, -1, "soon", None, [], 1e300]
        for life in lives:
            self.play(challenge(), token(expires_in=life), manifest(), manifest())
            self.get()
            self.clock.advance(47)
            self.get()
            self.assertEqual(self.shown()[-1], "Bearer t1")

    def test_token_that_is_refused_is_renewed_once(self) -> None:
        self.play(
            challenge(), token(), manifest(), challenge(), token("t2"), manifest()
        )
        self.get()
        self.get()
        self.assertEqual(self.shown()[3:], ["Bearer t1", "", "Bearer t2"])

    def test_token_that_is_refused_is_not_shown_again(self) -> None:
        self.play(challenge(), token(), manifest(), challenge(), error(401))
        self.get()
        self.refused()
        self.play_on(token("t2"), manifest())
        self.get()
        self.assertEqual(self.shown()[5:], ["", "Bearer t2"])

    def test_token_that_is_refused_again_is_a_refusal(self) -> None:
        self.play(challenge(), token(), challenge(), manifest())
        self.refused()
        self.assertEqual(self.agent.left, 1)

    def test_token_that_ends_in_the_middle_of_a_pull_is_renewed(self) -> None:
        self.play(challenge(), token(), blob(), challenge(), token("t2"), blob())
        for _ in range(2):
            opened = self.result(self.upstream.open_blob(ALPINE, DIGEST))
            assert opened is not None
            self.assertEqual(self.read(opened.reader), BLOB)
        self.assertEqual(self.shown()[-1], "Bearer t2")
        self.assert_let_go()

    def ask_twice(self) -> "list[Deferred[Fetched | None]]":
        """Ask twice at the same time, for what needs a token that takes its time."""
        self.play(
            *[challenge()] * 3,
            *[manifest()] * 2,
            tokens=(SILENT, token(), token("too many")),
        )
        works = [
            Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))
            for _ in range(2)
        ]
        self.agent.flush()
        self.assertEqual(len(self.service.asked), 1)
        return works

    def wait(self) -> None:
        """Let the token come."""
        for _ in range(400):
            self.agent.flush()
            self.service.flush()
            self.clock.advance(0.25)

    def test_token_is_asked_for_once_by_all_who_wait(self) -> None:
        works = self.ask_twice()
        self.wait()
        for each in works:
            self.successResultOf(each)
        self.assertEqual(self.service.left, 1)
        self.assertEqual(self.shown(), [*[""] * 3, "Bearer t1", "Bearer t1"])

    def test_who_leaves_does_not_take_the_token_along(self) -> None:
        leaving, staying = self.ask_twice()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.wait()
        self.successResultOf(staying)
        self.assertEqual(self.service.left, 1)

    def test_tokens_come_before_passwords(self) -> None:
        both = f'Basic realm="x", Bearer realm="{REALM}",service="y"'
        self.play(error(401, www_authenticate=both), token(), manifest(), login=US)
        self.get()
        self.assertEqual(self.shown()[-1], "Bearer t1")

    def test_no_more_than_to_pull_is_asked_for(self) -> None:
        greedy = f"repository:{ALPINE}:pull,push,delete registry:catalog:*"
        self.play(challenge(scope=greedy), token(), manifest(), login=US)
        self.get()
        self.assertEqual(self.query(self.agent.asked[1])["scope"], [SCOPE])

    def test_scope_may_be_another_than_usual(self) -> None:
        scope = "repository:mirror/alpine:pull"
        self.play(challenge(scope=scope), token(), manifest(), manifest())
        self.get()
        self.get()
        self.assertEqual(self.query(self.agent.asked[1])["scope"], [scope])
        self.assertEqual(self.shown()[-1], "Bearer t1")

    def test_realm_may_have_a_query(self) -> None:
        self.play(challenge(realm=REALM + "?a=b"), token(), manifest())
        self.get()
        self.assertTrue(self.agent.asked[1].target.startswith("/token?a=b&service="))

    def test_host_with_the_tokens_is_a_friend(self) -> None:
        self.play(challenge(), token(), manifest())
        self.get()
        self.assertEqual(self.befriended, ["auth.docker.io"])

    def test_token_is_shown_to_nobody_else(self) -> None:
        self.play(challenge(), token(), redirect(CDN), blob())
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        self.assertEqual(self.shown(), ["", "", "Bearer t1", ""])
