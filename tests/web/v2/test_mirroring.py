"""Tests of pulling what another registry has."""

from typing import Any

from tests.registry.content import image
from tests.registry.mirror.played import HeldReader, PlayedUpstream
from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import digest_of
from txregistry.client.upstreams.interfaces import (
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules

DATA = image()
NEWER = image(annotations={"newer": "yes"})
BLOB = b"0123456789" * 100
DOWN = UpstreamUnavailable("docker.io", "is down")
BUSY = UpstreamUnavailable("docker.io", "is not asked", retry_after=7.5)
WRONG = UpstreamWrong("docker.io", "says no")
WARNING = '111 - "Revalidation Failed"'


class MirroringCase(exchange.WebCase):
    """A registry that mirrors ``docker.io``."""

    def setUp(self) -> None:
        super().setUp()
        self.upstream = PlayedUpstream("docker.io")
        self.upstream.add("library/app", DATA, "latest", "old")
        self.blob = str(self.upstream.add_blob("library/app", BLOB))
        self.start()

    def start(self, **settings: Any) -> None:
        """Start anew, with the same content if there is any."""
        rule = MirrorRule(
            self.upstream,
            "docker.io/",
            frozenset({"docker.io"}),
            frozenset({"hub.example"}),
            library=True,
            recheck=60,
        )
        self.exchange = exchange.Exchange(
            mirrored=MirrorRules([rule]), store=self.exchange.store, **settings
        )

    def pulled(self, answer: Answer, data: bytes = DATA) -> None:
        """Expect an answer to be a manifest."""
        self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(answer.header("docker-content-digest"), digest_of(data))


class AddressingTests(MirroringCase):
    def test_by_prefix(self) -> None:
        self.pulled(self.get("/v2/docker.io/library/app/manifests/latest"))
        self.pulled(self.get("/v2/docker.io/app/manifests/latest"))

    def test_by_what_containerd_says(self) -> None:
        self.pulled(self.get("/v2/library/app/manifests/latest?ns=docker.io"))
        answer = self.get(f"/v2/library/app/blobs/{self.blob}?ns=docker.io")
        self.assertEqual((answer.status, answer.body), (200, BLOB))

    def test_by_the_name_of_the_host(self) -> None:
        for host in ("hub.example", "HUB.example:5000"):
            data = exchange.request_bytes("GET", "/v2/app/manifests/latest", host=host)
            self.pulled(self.exchange.ask_raw(data))

    def test_another_registry_is_not_mirrored(self) -> None:
        answer = self.get("/v2/library/app/manifests/latest?ns=ghcr.io")
        self.assertRefused(answer, 404, "NAME_UNKNOWN")

    def test_who_is_quoted_in_the_log_writes_no_line_of_it(self) -> None:
        space = "%1b%5b2J%0d%0a2026-11-27%20forged%c2%9b"
        with exchange.logged() as events:
            self.get(f"/v2/library/app/manifests/latest?ns={space}")
        (line,) = (each for each in exchange.lines(events) if "Refused" in each)
        self.assertTrue(line.isprintable(), line)
        self.assertIn("\\x1b[2J\\r\\n2026-11-27 forged\\x9b", line)

    def test_by_all_ways_it_is_the_same(self) -> None:
        self.get("/v2/library/app/manifests/latest?ns=docker.io")
        self.upstream.take()
        self.pulled(self.get("/v2/docker.io/app/manifests/latest"))
        self.assertEqual(self.upstream.take(), [])

    def test_ours_is_ours(self) -> None:
        self.push_image("library/app", "latest")
        self.assertNotEqual(self.get("/v2/library/app/manifests/latest").body, DATA)


class FreshnessTests(MirroringCase):
    target = "/v2/docker.io/library/app/manifests/latest"

    def test_an_answer_says_how_old_it_is(self) -> None:
        for seconds in ("0", "7"):
            answer = self.get(self.target)
            self.assertEqual(answer.header("age"), seconds)
            self.assertIsNone(answer.header("warning"))
            self.exchange.clock.advance(7)

    def test_an_answer_says_that_it_may_be_old(self) -> None:
        self.get(self.target)
        self.exchange.clock.advance(100)
        self.upstream.fault = DOWN
        answer = self.get(self.target)
        self.pulled(answer)
        self.assertEqual(answer.header("age"), "100")
        self.assertEqual(answer.header("warning"), WARNING)

    def test_what_cannot_be_had_is_a_failure_of_the_other(self) -> None:
        for fault, status in (
            (DOWN, 504),
            (BUSY, 504),
            (WRONG, 502),
        ):
            self.upstream.fault = fault
            for target in (
                self.target,
                f"/v2/docker.io/library/app/blobs/{self.blob}",
            ):
                answer = self.get(target)
                self.assertRefused(answer, status, "UNAVAILABLE")
                self.assertIn(b"docker.io", answer.body)
                again = "8" if fault is BUSY else None
                self.assertEqual(answer.header("retry-after"), again)


class BlobTests(MirroringCase):
    def setUp(self) -> None:
        super().setUp()
        self.target = f"/v2/docker.io/library/app/blobs/{self.blob}"

    def test_is_given_and_kept(self) -> None:
        for _ in range(2):
            answer = self.get(self.target)
            self.assertEqual((answer.status, answer.body), (200, BLOB))
            self.assertEqual(answer.header("content-length"), str(len(BLOB)))
        self.assertEqual([each[0] for each in self.upstream.take()], ["open"])

    def test_is_looked_at_without_being_fetched(self) -> None:
        answer = self.ask("HEAD", self.target)
        self.assertEqual(answer.header("content-length"), str(len(BLOB)))
        self.assertEqual([each[0] for each in self.upstream.take()], ["head blob"])

    def test_a_part_is_passed_through(self) -> None:
        answer = self.get(self.target, {"Range": "bytes=10-19"})
        self.assertEqual((answer.status, answer.body), (206, BLOB[10:20]))
        self.assertEqual(self.exchange.stored(), [])

    def test_a_lie_is_no_whole_answer(self) -> None:
        digest = next(iter(self.upstream.blobs))[1]
        held = self.upstream.readers[digest] = HeldReader(BLOB[::-1], 500)
        connection = self.exchange.connect()
        connection.send(exchange.request_bytes("GET", self.target))
        self.assertIn(b" 200 ", connection.received)
        held.release()
        self.assertTrue(connection.ended)
        self.assertNotIn(BLOB[::-1], connection.received)


class ListTests(MirroringCase):
    def test_tags_are_those_of_the_other(self) -> None:
        answer = self.get("/v2/docker.io/library/app/tags/list")
        self.assertEqual(answer.json["tags"], ["latest", "old"])
        answer = self.get("/v2/docker.io/library/app/tags/list?n=1")
        self.assertEqual(answer.json["tags"], ["latest"])
        self.assertIn("last=latest", answer.header("link") or "")

    def test_tags_are_those_here_where_the_other_is_down(self) -> None:
        self.get("/v2/docker.io/library/app/manifests/old")
        for fault in (DOWN, WRONG):
            self.upstream.fault = fault
            answer = self.get("/v2/docker.io/library/app/tags/list")
            self.assertEqual(answer.json["tags"], ["old"])
            self.assertEqual(answer.header("warning"), WARNING)

    def test_a_whole_list_warns_of_nothing(self) -> None:
        answer = self.get("/v2/docker.io/library/app/tags/list")
        self.assertIsNone(answer.header("warning"))
        answer = self.get(f"/v2/docker.io/library/app/referrers/{digest_of(DATA)}")
        self.assertEqual((answer.status, answer.header("warning")), (200, None))

    def test_no_list_is_not_no_repository(self) -> None:
        for fault, status in ((DOWN, 504), (WRONG, 502)):
            self.upstream.fault = fault
            answer = self.get("/v2/docker.io/library/app/tags/list")
            self.assertRefused(answer, status, "UNAVAILABLE")
            self.assertIn(b"docker.io", answer.body)

    def test_a_list_does_not_end_where_the_other_fails(self) -> None:
        self.get("/v2/docker.io/library/app/manifests/old")
        self.upstream.fault = DOWN
        answer = self.get("/v2/docker.io/library/app/tags/list?last=old")
        self.assertRefused(answer, 504, "UNAVAILABLE")

    def test_no_repository(self) -> None:
        answer = self.get("/v2/docker.io/library/none/tags/list")
        self.assertRefused(answer, 404, "NAME_UNKNOWN")

    def test_offline_tags_are_those_here(self) -> None:
        self.get("/v2/docker.io/library/app/manifests/old")
        self.start(offline=True)
        answer = self.get("/v2/docker.io/library/app/tags/list")
        self.assertEqual(answer.json["tags"], ["old"])
        self.assertEqual(answer.header("warning"), WARNING)
        answer = self.get("/v2/docker.io/library/none/tags/list")
        self.assertRefused(answer, 404, "NAME_UNKNOWN")

    def test_referrers_may_be_missing_where_the_other_is_down(self) -> None:
        self.upstream.fault = DOWN
        answer = self.get(f"/v2/docker.io/library/app/referrers/{digest_of(DATA)}")
        self.assertEqual((answer.status, answer.json["manifests"]), (200, []))
        self.assertEqual(answer.header("warning"), WARNING)


class PushTests(MirroringCase):
    def test_what_is_mirrored_takes_no_pushes(self) -> None:
        for answer in (
            self.ask("POST", "/v2/docker.io/library/app/blobs/uploads/"),
            self.ask("PUT", "/v2/docker.io/library/app/manifests/x", (), DATA),
        ):
            self.assertRefused(answer, 403, "DENIED")
            self.assertIn(b"docker.io", answer.body)

    def test_what_is_ours_does(self) -> None:
        self.push_image("team/app", "latest")
        self.assertEqual(self.get("/v2/team/app/manifests/latest").status, 200)
