"""Tests of ``txregistry/client/upstreams/registry1sessions.py`` and ``showing.py``."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.client.upstreams import registry1case
from tests.client.upstreams.case import US, document, error, redirect
from tests.client.upstreams.registry1case import (
    NONE,
    REFUSED,
    REGISTRY,
    TEAM,
    TOKEN,
    R,
    T,
    gives,
    listed,
)
from tests.storage.playing import REFUSED as NO_CONNECTION
from tests.storage.playing import PlayedAgent, Reply
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.client.upstreams.logins import Login
from txregistry.model.names import Tag

LATEST = Tag("latest")
TAG = document(str(T))
ONCE = Patience(attempts=1)
SHOWN = f"Token {TOKEN}"


class Changed:
    """Who we are, as somebody says it anew who was refused.

    Args:
        logins: What is said, one after the other.
    """

    def __init__(self, *logins: Login) -> None:
        self._logins = list(logins)

    async def get(self) -> Login | None:
        """See `LoginSource`."""
        return self._logins[0]

    def forget(self) -> None:
        """See `LoginSource`."""
        if len(self._logins) > 1:
            self._logins.pop(0)


class Held(PlayedAgent):
    """Make requests when one says so."""

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        super().__init__(replies)
        self._held: list[tuple[Deferred[Any], tuple[Any, ...]]] = []

    def request(self, *request: Any) -> Deferred[Any]:
        """See ``IAgent``."""
        answered: Deferred[Any] = Deferred()
        self._held.append((answered, request))
        return answered

    def release(self) -> None:
        """Let those be made that wait."""
        held, self._held = self._held, []
        for answered, request in held:
            _ = super().request(*request).chainDeferred(answered)
        self.flush()


class StandaloneTests(registry1case.SessionsCase):
    """The registry is its own Index."""

    def test_nothing_is_shown(self) -> None:
        self.play1(listed(), TAG, TAG)
        for _ in range(2):
            self.assertEqual(self.find(), T)
        self.assertEqual(self.shown(), ["", "", ""])
        self.assertEqual(self.agent.asked[0].header("x-docker-token"), "true")
        tag = f"{R}/tags/latest"
        self.assertEqual(self.targets(), [f"{R}/images", tag, tag])

    def test_who_we_are_is_shown_at_once(self) -> None:
        self.play1(listed(), TAG, login=US)
        self.find()
        self.assertEqual(self.shown(), [US.basic, US.basic])

    def test_identity_tokens_are_not_shown(self) -> None:
        self.play1(listed(), TAG, login=Login("<token>", "secret"))
        self.find()
        self.assertEqual(self.shown(), ["", ""])

    def test_token_of_its_own_is_shown(self) -> None:
        self.play1(gives(endpoints="index.example"), TAG, login=US)
        self.find()
        self.assertEqual(self.shown(), [US.basic, SHOWN])

    def test_server_in_front_that_wants_a_password(self) -> None:
        basic = error(401, www_authenticate='Basic realm="x"')
        self.play1(gives(endpoints=""), basic, TAG, TAG, login=US)
        for _ in range(2):
            self.assertEqual(self.find(), T)
        self.assertEqual(self.shown(), [US.basic, SHOWN, US.basic, US.basic])

    def test_no_list_of_images(self) -> None:
        self.play1(NONE, TAG)
        self.assertEqual(self.find(), T)
        self.play1(NONE, error(404))
        self.assertIsNone(self.find())

    def test_below_a_path(self) -> None:
        self.play1(
            gives(endpoints="index.example"), TAG, home=f"{registry1case.HOME}/x/"
        )
        self.find()
        self.assertEqual(self.targets(), [f"/x{R}/images", f"/x{R}/tags/latest"])

    def test_nobody_lets_us_in(self) -> None:
        for login, count in ((None, 1), (US, 1)):
            self.play1(*[REFUSED] * 5, login=login)
            self.fails(UpstreamRefused)
            self.assertEqual(len(self.agent.asked), count)

    def test_password_that_was_changed(self) -> None:
        newer = Login("us", "newer")
        self.play1(REFUSED, listed(), TAG, login=Changed(US, newer))
        self.assertEqual(self.find(), T)
        self.assertEqual(self.shown(), [US.basic, newer.basic, newer.basic])

    def test_answers_that_are_none(self) -> None:
        for reply in (
            error(400),
            error(418),
            Reply(body=b"<html>", headers={"Content-Type": "text/html"}),
            document({"images": []}),
            document([str(T)]),
            document([{"checksum": "x"}]),
            Reply(body=b"[" * 9999, headers={"Content-Type": "a/b"}),
        ):
            self.play1(reply)
            self.fails(UpstreamWrong)


class IndexTests(registry1case.SessionsCase):
    """An Index says where the content is."""

    def test_token_is_shown_there(self) -> None:
        self.play1(gives(), registry=(TAG, TAG), login=US)
        for _ in range(2):
            self.assertEqual(self.find(), T)
        self.assertEqual(self.shown(), [US.basic])
        self.assertEqual(self.shown_there(), [SHOWN, SHOWN])
        self.assertEqual(
            {each.header("host") for each in self.service.asked}, {REGISTRY}
        )
        self.assertEqual(self.befriended, [REGISTRY])

    def test_spellings_of_tokens(self) -> None:
        for text in (SHOWN, f"Token {SHOWN}", f" {TOKEN} "):
            self.play1(gives(text), registry=(TAG,))
            self.find()
            self.assertEqual(self.shown_there(), [SHOWN])

    def test_no_token(self) -> None:
        for token in ("", "Token ", " "):
            self.play1(gives(token), registry=(TAG,), login=US)
            self.find()
            self.assertEqual(self.shown_there(), [""])

    def test_tokens_that_are_none(self) -> None:
        for text in ("a\tb", "é", "x" * 5000):
            self.play1(gives(text), registry=())
            self.assertIn("a token that is none", self.fails(UpstreamWrong))

    def test_who_we_are_is_not_told_there(self) -> None:
        self.play1(gives(), gives(), registry=(REFUSED, REFUSED), login=US)
        self.fails(UpstreamRefused)
        self.assertEqual(self.shown_there(), [SHOWN])

    def test_token_that_is_over_is_had_anew(self) -> None:
        other = 'signature=z,repository="team/app",access=read'
        self.play1(gives(), gives(other), registry=(TAG, REFUSED, TAG, TAG))
        for _ in range(3):
            self.assertEqual(self.find(), T)
        self.assertEqual(
            self.shown_there(), [SHOWN, SHOWN, f"Token {other}", f"Token {other}"]
        )

    def test_many_whose_token_is_over_need_one_anew(self) -> None:
        registry = Held((TAG, *[REFUSED] * 5, *[TAG] * 5))
        self.play1(gives(), gives("other"), others={REGISTRY: registry})
        works = []
        for count in (1, 5):
            works += [
                Deferred.fromCoroutine(self.upstream1.find_tag(TEAM, LATEST))
                for _ in range(count)
            ]
            self.agent.flush()
            registry.release()
        registry.release()
        for each in works:
            self.assertEqual(self.successResultOf(each), T)
        self.assertEqual(len(self.agent.asked), 2)

    def test_token_is_not_had_anew_for_ever(self) -> None:
        self.play1(gives(), gives(), registry=(TAG, REFUSED, REFUSED))
        self.find()
        self.fails(UpstreamRefused)
        self.assertEqual(len(self.agent.asked), 2)

    def test_token_is_not_used_for_long(self) -> None:
        self.play1(gives(), gives(), registry=(TAG, TAG, TAG))
        self.find()
        self.clock.advance(500)
        self.find()
        self.assertEqual(len(self.agent.asked), 1)
        self.clock.advance(200)
        self.find()
        self.assertEqual(len(self.agent.asked), 2)

    def test_token_is_for_one_repository(self) -> None:
        self.play1(gives(), gives("other"), registry=(TAG, TAG))
        self.find()
        self.find("team/other")
        self.assertEqual(self.shown_there(), [SHOWN, "Token other"])

    def test_many_who_ask_need_one_token(self) -> None:
        self.play1(gives(), registry=(TAG,) * 5)
        works = [
            Deferred.fromCoroutine(self.upstream1.find_tag(TEAM, LATEST))
            for _ in range(5)
        ]
        for _ in range(20):
            self.agent.flush()
            self.service.flush()
        for each in works:
            self.assertEqual(self.successResultOf(each), T)
        self.assertEqual(len(self.agent.asked), 1)

    def test_repositories_are_not_remembered_without_end(self) -> None:
        count = 100
        self.play1(*[gives()] * count, registry=(TAG,) * count)
        for number in range(count):
            self.find(f"team/app{number}")
        self.assertLess(len(self.upstream1._sessions._kept), 70)

    def test_registries_one_after_the_other(self) -> None:
        second = PlayedAgent((TAG,))
        self.play1(
            gives(endpoints=f"{REGISTRY}, second.example:5000"),
            registry=(NO_CONNECTION,),
            others={"second.example": second},
            patience=ONCE,
        )
        done = Deferred.fromCoroutine(self.upstream1.find_tag(TEAM, LATEST))
        for _ in range(5):
            self.agent.flush()
            second.flush()
        self.assertEqual(self.successResultOf(done), T)
        (asked,) = second.asked
        self.assertEqual(asked.header("host"), "second.example:5000")
        self.assertEqual(asked.header("authorization"), SHOWN)

    def test_none_of_them_answers(self) -> None:
        self.play1(
            gives(endpoints=f"{REGISTRY},index.example"),
            NO_CONNECTION,
            registry=(NO_CONNECTION,),
            patience=ONCE,
        )
        self.fails(UpstreamUnavailable)

    def test_a_registry_that_fails_is_left_alone_and_the_index_is_not(self) -> None:
        self.play1(
            gives(),
            gives(),
            registry=(NO_CONNECTION,) * 2,
            patience=ONCE,
            limits=Limits(failures=2),
        )
        for _ in range(2):
            self.fails(UpstreamUnavailable)
        self.assertIn("is left alone", self.fails(UpstreamUnavailable))
        self.assertIn("is left alone", self.fails(UpstreamUnavailable, "team/other"))
        self.assertEqual(len(self.agent.asked), 2)

    def test_places_that_are_none(self) -> None:
        for text in (
            "https://registry.example/v1/",
            "registry.example/v1",
            "us:secret@registry.example",
            "registry.example:99999",
            "registry.example?x",
            "a b",
            "\\x",
        ):
            self.play1(gives(endpoints=text), registry=())
            self.assertIn("where nothing can be", self.fails(UpstreamWrong))

    def test_redirects_are_followed_as_a_stranger(self) -> None:
        self.play1(
            gives(),
            registry=(redirect(f"{registry1case.HOME}/elsewhere"),),
        )
        self.play_on(TAG)
        self.assertEqual(self.find(), T)
        self.assertEqual(self.shown(), ["", ""])

    def test_plain_text_is_not_gone_to(self) -> None:
        self.play1(gives(), registry=(redirect("http://registry.example/x"),))
        self.assertIn("nothing is kept secret", self.fails(UpstreamWrong))


class OneForAllTests(registry1case.SessionsCase):
    def test_faults_of_one_repository_are_nobody_elses(self) -> None:
        self.play1(listed(), *[error(500)] * 30, listed(), TAG)
        for _ in range(10):
            self.fails(UpstreamUnavailable)
        self.assertEqual(self.find("team/other"), T)
