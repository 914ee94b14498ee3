"""Tests of ``txregistry/client/upstreams/authorization.py``: what harms only itself."""

from typing import Any

from tests.client.upstreams.authorizing import ALICE, AuthorizationCase, caller
from tests.client.upstreams.case import (
    ALPINE,
    REALM,
    US,
    challenge,
    error,
    manifest,
    redirect,
    token,
)
from tests.storage.playing import REFUSED, SILENT
from txregistry.client.upstreams.challenges import Challenge
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.limits import Limits

OTHER = "library/busybox"
THIRD = "library/debian"
ELSEWHERE = "https://nobody.example/token"


class BadRealmTests(AuthorizationCase):
    def unavailable(self) -> None:
        """Expect that there is nothing at present."""
        work = self.upstream.get_manifest(ALPINE, "latest")
        self.fault(UpstreamUnavailable, work)

    def test_realm_that_is_none_is_not_remembered(self) -> None:
        for realm in ("file:///etc/passwd", "http://auth.docker.io/token", ""):
            self.play(challenge(realm=realm), manifest(), manifest(), login=US)
            self.wrong()
            self.get(name=OTHER)
            self.get()
            self.assertEqual(self.shown(), ["", "", ""])

    def test_service_that_is_away_is_not_remembered(self) -> None:
        for away in (REFUSED, SILENT, error(503)):
            self.play(*[challenge(), away] * 3, *[manifest()] * 2, login=US)
            self.unavailable()
            self.get(name=OTHER)
            self.get()
            self.assertEqual(self.shown()[-2:], ["", ""])

    def test_service_that_is_none_is_not_remembered(self) -> None:
        for answer in (error(404), redirect(ELSEWHERE), token("")):
            self.play(challenge(), answer, *[manifest()] * 2, login=US)
            self.wrong()
            self.get(name=OTHER)
            self.get()
            self.assertEqual(self.shown()[-2:], ["", ""])

    def test_next_question_tells_the_right_one(self) -> None:
        self.play(
            challenge(realm=ELSEWHERE), error(404), challenge(), token(), manifest()
        )
        self.wrong()
        self.get()
        self.assertEqual(self.hosts()[-2:], ["auth.docker.io", "registry-1.docker.io"])

    def test_service_that_fails_later_is_forgotten(self) -> None:
        for answer in (REFUSED, error(404), error(503)):
            self.play(challenge(), token(), manifest(), answer, *[manifest()] * 2)
            self.get()
            self.get(name=OTHER)
            self.get(name=THIRD)
            self.assertEqual(self.shown()[-2:], ["", ""])

    def test_service_that_fails_after_a_token_ends_is_forgotten(self) -> None:
        self.play(challenge(), token(), manifest(), REFUSED, *[manifest()] * 2)
        self.get()
        self.clock.advance(60)
        self.get()
        self.get()
        self.assertEqual(self.shown()[-2:], ["", ""])

    def test_service_that_knows_only_one_repository_is_in_nobodys_way(self) -> None:
        for status in (400, 401, 403):
            self.play(challenge(), token(), manifest(), error(status), manifest())
            self.get()
            self.get(name=OTHER)
            self.assertEqual(self.shown()[-1], "")

    def test_service_that_lets_us_ask_no_more_is_in_nobodys_way(self) -> None:
        self.play(
            challenge(realm=ELSEWHERE),
            error(429, retry_after="30"),
            challenge(),
            token(),
            manifest(),
            challenge(realm=ELSEWHERE),
            token(),
            manifest(),
        )
        for left in (30.0, 20.0, 10.0):
            work = self.upstream.get_manifest(ALPINE, "latest")
            self.assertEqual(self.fault(UpstreamUnavailable, work).retry_after, left)
            if left == 30:
                self.get(name=OTHER)
            self.clock.advance(10)
        self.assertEqual(self.agent.left, 3)

    def test_known_service_that_lets_us_ask_no_more_may_be_another_ones(self) -> None:
        self.play(challenge(), token(), manifest(), error(429), manifest())
        self.get()
        self.get(name=OTHER)
        self.assertEqual(self.shown()[-1], "")

    def test_other_services_are_those_of_others(self) -> None:
        self.play(
            challenge(realm=ELSEWHERE),
            error(401),
            challenge(),
            token(),
            manifest(),
            manifest(),
        )
        self.refused()
        self.get(name=OTHER)
        self.get(name=OTHER)
        self.assertNotIn("nobody.example", self.hosts()[2:])

    def test_refusal_is_not_for_ever(self) -> None:
        self.play(challenge(), error(401), error(401), manifest())
        self.refused()
        self.refused()
        self.get()
        self.assertEqual(self.shown()[-1], "")

    def test_upstream_is_not_left_alone_for_it(self) -> None:
        self.play(
            *[challenge(realm=ELSEWHERE), REFUSED] * 9,
            manifest(),
            limits=Limits(failures=2),
        )
        for _ in range(3):
            self.unavailable()
        self.get(name=OTHER)

    def test_no_more_are_remembered_than_there_is_room_for(self) -> None:
        self.play()
        authorization: Any = self.upstream._asking._authorization
        for number in range(2000):
            authorization._learn(f"library/x{number}", Challenge("bearer", REALM))
        self.assertEqual(len(authorization._own), 1024)
        self.assertEqual(
            {id(each) for each in authorization._own.values()},
            {id(authorization._known)},
        )


class NameOfACallerTests(AuthorizationCase):
    def test_no_name_of_a_caller_makes_a_token_of_a_password(self) -> None:
        who = caller("<token>")
        self.play(challenge(), error(401), login=US)
        self.refused(who)
        asked = self.agent.asked[1]
        self.assertEqual((asked.method, asked.body), ("GET", b""))
        self.assertEqual(asked.header("authorization"), who.authorization)

    def test_such_a_name_may_be_let_in(self) -> None:
        who = caller("<token>")
        basic = error(401, www_authenticate='Basic realm="x"')
        self.play(basic, manifest(), manifest(), login=US)
        self.get(who)
        self.get(ALICE)
        self.assertEqual(self.shown(), ["", who.authorization, ALICE.authorization])
