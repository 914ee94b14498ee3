"""Tests of ``txregistry/client/upstreams/authorization.py``: on behalf of others."""

from typing import Any

from tests.client.upstreams.authorizing import ALICE, BOB, AuthorizationCase, caller
from tests.client.upstreams.case import (
    ALPINE,
    BASIC,
    US,
    challenge,
    error,
    manifest,
    token,
)
from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import (
    UpstreamUnavailable,
)
from txregistry.client.upstreams.limits import Limits


class CallerTests(AuthorizationCase):
    def test_password_of_the_caller_is_shown_and_not_ours(self) -> None:
        self.play(BASIC, manifest(), login=US)
        self.get(ALICE)
        self.assertEqual(self.shown(), ["", ALICE.authorization])

    def test_token_is_the_callers(self) -> None:
        self.play(challenge(), token(), manifest(), login=US)
        self.get(ALICE)
        self.assertEqual(self.shown(), ["", ALICE.authorization, "Bearer t1"])
        self.assertEqual(self.query(self.agent.asked[1])["account"], ["alice"])

    def test_tokens_are_not_mixed(self) -> None:
        self.play(
            challenge(),
            token("ours"),
            manifest(),
            token("alices"),
            manifest(),
            token("bobs"),
            manifest(),
            token("anybodys"),
            manifest(),
            *[manifest()] * 4,
            login=US,
        )
        callers = (None, ALICE, BOB, Credentials())
        for who in callers * 2:
            self.get(who)
        bearers = [text for text in self.shown() if text.startswith("Bearer")]
        names = ["Bearer ours", "Bearer alices", "Bearer bobs", "Bearer anybodys"]
        self.assertEqual(bearers, names * 2)

    def test_another_password_is_somebody_else(self) -> None:
        self.play(challenge(), token(), manifest(), error(401))
        self.get(ALICE)
        self.refused(caller("alice", "guessed"))

    def test_who_shows_nothing_is_nobody(self) -> None:
        self.play(challenge(), token(), manifest(), login=US)
        self.get(Credentials())
        self.assertEqual(self.shown(), ["", "", "Bearer t1"])

    def test_what_is_for_this_registry_is_not_passed_on(self) -> None:
        for text in ("Bearer ours-only", "Token x", "Negotiate y"):
            self.play(challenge(), token(), manifest(), login=US)
            self.get(Credentials(text))
            self.assertEqual(self.shown(), ["", "", "Bearer t1"])

    def test_malformed_credentials_are_refused_unasked(self) -> None:
        self.play(manifest(), login=US)
        for text in ("Basic", "Basic !", "Basic YQ==", "Basic " + "YTpi" * 2000):
            self.refused(Credentials(text))
        self.assertEqual(self.agent.left, 1)

    def test_refusal_of_one_is_nobody_elses(self) -> None:
        self.play(challenge(), error(401), token(), manifest(), login=US)
        self.refused(ALICE)
        self.get()

    def test_who_asks_too_much_waits_and_nobody_else(self) -> None:
        self.play(error(429, retry_after="30"), manifest(), manifest(), login=US)
        work = self.upstream.get_manifest(ALPINE, "latest", ALICE)
        self.fault(UpstreamUnavailable, work)
        self.get(BOB)
        self.get()
        work = self.upstream.get_manifest(ALPINE, "latest", ALICE)
        self.fault(UpstreamUnavailable, work)

    def test_budget_of_a_caller_is_not_ours(self) -> None:
        fields: dict[str, Any] = {
            "ratelimit_limit": "9;w=1",
            "ratelimit_remaining": "1;w=1",
        }
        self.play(manifest(**fields))
        self.get(ALICE)
        self.assertIsNone(self.upstream.budget())

    def test_no_more_tokens_are_kept_than_there_is_room_for(self) -> None:
        self.play(
            challenge(),
            token("ours"),
            manifest(),
            *[token(), manifest()] * 20,
            manifest(),
            limits=Limits(tokens=5),
        )
        self.get()
        for number in range(20):
            self.get(caller(str(number)))
        authorization: Any = self.upstream._asking._authorization
        self.assertEqual(len(authorization._of_others), 5)
        self.get()
        self.assertEqual(self.shown()[-1], "Bearer ours")

    def test_what_is_kept_does_not_tell_who_they_are(self) -> None:
        self.play(challenge(), token(), manifest())
        self.get(ALICE)
        authorization: Any = self.upstream._asking._authorization
        kept = authorization._of_others._kept
        self.assertNotIn("alice", repr(kept))
        self.assertNotIn("their-secret", repr(kept))
