"""Tests of lists of what a registry of version 1 has, of which this is a mirror."""

from tests.registry.mirror.played1 import PlayedVersion1
from tests.web.exchange import Exchange
from tests.web.v1 import case
from tests.web.v1.images import BASE, TOP
from txregistry.client.upstreams.interfaces import UpstreamUnavailable, UpstreamWrong
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules

R = "/v1/repositories/old/acme/web"
DOWN = UpstreamUnavailable("old", "is down")
WRONG = UpstreamWrong("old", "gives a list that cannot be read")
TOKEN = {"X-Docker-Token": "true"}


class MirroredCase(case.V1Case):
    def setUp(self) -> None:
        super().setUp()
        self.upstream = PlayedVersion1("old")
        self.upstream.have("acme/web", "latest", BASE, TOP)
        rule = MirrorRule(self.upstream, "old/", recheck=60)
        self.exchange = Exchange(
            version1=self.settings,
            clock=self.exchange.clock,
            mirrored=MirrorRules([rule]),
        )

    def pull(self) -> None:
        """Have the image here."""
        answer = self.ask("GET", "/v2/old/acme/web/manifests/latest")
        self.assertEqual(answer.status, 200, answer.body)
        self.exchange.clock.advance(100)


class TagsTests(MirroredCase):
    def test_they_are_those_of_the_other(self) -> None:
        answer = self.ask("GET", f"{R}/tags")
        self.assertEqual((answer.status, answer.header("warning")), (200, None))
        self.assertEqual(answer.json, {"latest": TOP.image_id})

    def test_where_the_other_fails_those_here_have_to_do(self) -> None:
        self.pull()
        for self.upstream.fault in (DOWN, WRONG):
            for target in (f"{R}/tags", "/v2/old/acme/web/tags/list"):
                answer = self.ask("GET", target)
                self.assertEqual(answer.status, 200, answer.body)
                self.assertIn(b"latest", answer.body)
                self.assertIn("111", answer.header("warning") or "")

    def test_none_that_can_be_had_are_not_none(self) -> None:
        for self.upstream.fault, status in ((DOWN, 504), (WRONG, 502)):
            for target in (f"{R}/tags", "/v2/old/acme/web/tags/list"):
                answer = self.ask("GET", target)
                self.assertEqual(answer.status, status, target)
                self.assertIn(b"upstream registry old", answer.body)

    def test_no_repository(self) -> None:
        answer = self.ask("GET", "/v1/repositories/old/acme/none/tags")
        self.assertEqual(answer.status, 404)


class ImagesTests(MirroredCase):
    def test_none_that_can_be_had_are_not_none(self) -> None:
        self.upstream.fault = DOWN
        answer = self.ask("GET", f"{R}/images", TOKEN)
        self.assertEqual(answer.status, 504, answer.body)

    def test_where_the_other_fails_those_here_have_to_do(self) -> None:
        self.pull()
        self.upstream.fault = DOWN
        answer = self.ask("GET", f"{R}/images", TOKEN)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn(TOP.image_id.encode(), answer.body)
