"""Tests of ``txregistry/client/upstreams/asking.py``: redirects, and asking again."""

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from tests.client.upstreams.case import (
    ALPINE,
    BLOB,
    DIGEST,
    HOME,
    NAME,
    UpstreamCase,
    blob,
    document,
    error,
    manifest,
    redirect,
)
from tests.storage.playing import LOST, REFUSED, SILENT, Reply
from txregistry.client.upstreams.interfaces import (
    Budget,
    Fetched,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience

CDN = "https://cdn.example/blob?signature=hunter2"


class AskingCase(UpstreamCase):
    """Ask for a manifest, or a blob."""

    def get(self) -> Fetched | None:
        """Ask for a manifest."""
        return self.result(self.upstream.get_manifest(ALPINE, "latest"))

    def open(self) -> bytes:
        """Ask for a blob."""
        opened = self.result(self.upstream.open_blob(ALPINE, DIGEST))
        assert opened is not None
        return self.read(opened.reader)

    def unavailable(self) -> UpstreamUnavailable:
        """Expect that there is no manifest at present."""
        work = self.upstream.get_manifest(ALPINE, "latest")
        fault = self.fault(UpstreamUnavailable, work)
        assert isinstance(fault, UpstreamUnavailable)
        return fault

    def wrong(self) -> str:
        """Expect that the upstream is wrong about a blob, and give how."""
        return self.fault(UpstreamWrong, self.upstream.open_blob(ALPINE, DIGEST)).reason


class RedirectTests(AskingCase):
    def test_upstream_may_send_elsewhere(self) -> None:
        for status in (301, 302, 303, 307, 308):
            self.play(redirect(CDN, status), blob())
            self.assertEqual(self.open(), BLOB)
            self.assertEqual(self.hosts(), ["registry-1.docker.io", "cdn.example"])
            self.assertEqual(self.agent.asked[1].target, "/blob?signature=hunter2")

    def test_method_stays(self) -> None:
        for status in (301, 302, 303, 307, 308):
            self.play(redirect(CDN, status), Reply(headers={"Content-Type": "a/b"}))
            self.result(self.upstream.head_blob(ALPINE, DIGEST))
            self.assertEqual([each.method for each in self.agent.asked], ["HEAD"] * 2)

    def test_path_may_be_relative(self) -> None:
        self.play(redirect("/x/y?z=1"), blob())
        self.open()
        self.assertEqual(self.agent.asked[1].target, "/x/y?z=1")
        self.assertEqual(self.hosts()[1], "registry-1.docker.io")

    def test_five_in_a_row_are_followed(self) -> None:
        hops = [redirect(f"https://h{number}.example/") for number in range(5)]
        self.play(*hops, blob())
        self.assertEqual(self.open(), BLOB)

    def test_six_are_not(self) -> None:
        hops = [redirect(f"https://h{number}.example/") for number in range(6)]
        self.play(*hops, blob())
        self.assertIn("without an end", self.wrong())
        self.assertEqual(self.agent.left, 1)

    def test_circles_are_not_followed(self) -> None:
        home = f"{HOME}/v2/{ALPINE}/blobs/{DIGEST}"
        for hops in ([home], [CDN, CDN], [CDN, home], [CDN, "https://b.example/", CDN]):
            self.play(*map(redirect, hops), blob())
            self.assertIn("in circles", self.wrong())
            self.assertEqual(self.agent.left, 1)

    def test_nothing_is_followed_to_where_all_can_read(self) -> None:
        self.play(redirect("http://cdn.example/"), blob())
        self.assertIn("where nothing is kept secret", self.wrong())
        self.play(redirect(CDN), redirect("http://cdn.example/"), blob())
        self.assertIn("where nothing is kept secret", self.wrong())

    def test_upstream_without_secrets_may_send_anywhere(self) -> None:
        self.play(redirect("http://b.example/"), blob(), home="http://a.example")
        self.assertEqual(self.open(), BLOB)

    def test_what_leads_nowhere_is_not_followed(self) -> None:
        for location in ("", "ftp://a/", "https://u:p@a/", "https://a b/", "x" * 9000):
            self.play(redirect(location), blob())
            self.assertIn("where nothing can be", self.wrong())

    def test_redirect_without_a_place(self) -> None:
        self.play(error(307), blob())
        self.assertIn("where nothing can be", self.wrong())

    def test_other_statuses_are_no_redirects(self) -> None:
        for status in (300, 304, 305, 306):
            self.play(error(status, location=CDN), blob())
            self.assertIn(f"answered {status}", self.wrong())

    def test_who_does_not_let_us_in_elsewhere_has_us_ask_again(self) -> None:
        for status in (400, 401, 403, 429):
            self.play(redirect(CDN), error(status), redirect(CDN + "2"), blob())
            self.assertEqual(self.open(), BLOB)
            self.assertEqual(self.agent.asked[2].target, self.agent.asked[0].target)

    def test_absence_elsewhere_is_absence(self) -> None:
        self.play(redirect(CDN), error(404))
        self.assertIsNone(self.result(self.upstream.open_blob(ALPINE, DIGEST)))

    def test_path_of_the_upstream_stays(self) -> None:
        self.play(manifest(), home="https://host.example/registry/")
        self.get()
        target = self.agent.asked[0].target
        self.assertEqual(target, f"/registry/v2/{ALPINE}/manifests/latest")


class AgainTests(AskingCase):
    def test_failure_and_then_an_answer(self) -> None:
        for first in (
            *(error(status) for status in (408, 500, 501, 502, 503, 504, 520, 599)),
            LOST,
            REFUSED,
            SILENT,
            Reply(body=b"{", after="cut", length=9, headers={"Content-Type": "a/b"}),
        ):
            self.play(first, manifest())
            self.assertIsNotNone(self.get())
            self.assertEqual(self.agent.left, 0)
            self.assert_let_go()

    def test_failures_without_an_end(self) -> None:
        self.play(*[error(503)] * 4)
        fault = self.unavailable()
        self.assertEqual(fault.reason, f"The upstream registry {NAME} answered 503.")
        self.assertEqual(self.agent.left, 1)

    def test_no_connection_without_an_end(self) -> None:
        self.play(*[REFUSED] * 4)
        self.assertIn("cannot be asked", self.unavailable().reason)

    def test_silence_without_an_end(self) -> None:
        self.play(*[SILENT] * 4)
        self.assertIn("did not answer in 30 s", self.unavailable().reason)

    def test_each_pause_is_longer(self) -> None:
        self.play(*[REFUSED] * 4, patience=Patience(attempts=4, longest_pause=1.5))
        done = Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))
        for left, pause in ((2, 0.5), (1, 1.0), (0, 1.5)):
            self.clock.advance(pause - 0.01)
            self.assertEqual(self.agent.left, left + 1)
            self.clock.advance(0.01)
            self.assertEqual(self.agent.left, left)
        self.failureResultOf(done, UpstreamUnavailable)

    def test_upstream_says_when_to_ask_again(self) -> None:
        self.play(error(503, retry_after="7"), manifest())
        done = Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))
        self.agent.flush()
        self.clock.advance(6.9)
        self.assertEqual(self.agent.left, 1)
        self.clock.advance(0.1)
        self.agent.flush()
        self.successResultOf(done)

    def test_nobody_waits_for_long(self) -> None:
        self.play(error(503, retry_after="700"), manifest())
        self.assertEqual(self.unavailable().retry_after, 700.0)
        self.assertEqual(self.agent.left, 1)

    def test_lies_are_asked_for_once(self) -> None:
        self.play(document({}, 200, content_type="text/html"), manifest())
        self.fault(UpstreamWrong, self.upstream.get_manifest(ALPINE, "latest"))
        self.assertEqual(self.agent.left, 1)

    def test_who_leaves_stops_it(self) -> None:
        for replies in ((SILENT, manifest()), (REFUSED, manifest())):
            self.play(*replies)
            done = Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))
            self.agent.flush()
            done.cancel()
            self.agent.flush()
            self.failureResultOf(done, CancelledError)
            self.assertEqual(self.agent.left, 1)
            self.assert_let_go()

    def test_who_leaves_in_a_body_stops_it(self) -> None:
        half = Reply(
            body=b"{", after="silence", length=9, headers={"Content-Type": "a/b"}
        )
        for reply in (half, Reply(404, b"{", after="silence", length=9)):
            self.play(reply, manifest())
            done = Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))
            self.agent.flush()
            self.assertNoResult(done)
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.assert_let_go()


class AloneTests(AskingCase):
    LIMITS = Limits(failures=4, alone=10)

    def test_upstream_that_fails_is_left_alone(self) -> None:
        self.play(*[REFUSED] * 4, manifest(), limits=self.LIMITS)
        self.unavailable()
        self.assertIn("cannot be asked", self.unavailable().reason)
        self.assertEqual(self.agent.left, 1)
        fault = self.unavailable()
        self.assertIn("is left alone", fault.reason)
        self.assertEqual(fault.retry_after, 15.0)

    def test_later_it_is_asked_again(self) -> None:
        self.play(*[REFUSED] * 4, manifest(), manifest(), limits=self.LIMITS)
        self.unavailable()
        self.unavailable()
        self.clock.advance(15)
        self.assertIsNotNone(self.get())
        self.assertIsNotNone(self.get())

    def test_try_is_one_request(self) -> None:
        self.play(*[REFUSED] * 6, limits=self.LIMITS)
        self.unavailable()
        self.unavailable()
        self.clock.advance(15)
        self.unavailable()
        self.assertEqual(self.agent.left, 1)

    def test_try_that_is_cancelled_lets_another_one(self) -> None:
        self.play(*[REFUSED] * 4, SILENT, manifest(), limits=self.LIMITS)
        self.unavailable()
        self.unavailable()
        self.clock.advance(15)
        done = Deferred.fromCoroutine(self.upstream.get_manifest(ALPINE, "latest"))
        self.agent.flush()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertIsNotNone(self.get())


class ThrottleTests(AskingCase):
    def test_upstream_wants_us_to_wait(self) -> None:
        self.play(error(429, retry_after="30"), manifest())
        self.assertEqual(self.unavailable().retry_after, 30.0)
        self.clock.advance(29)
        self.assertEqual(self.unavailable().retry_after, 1.0)
        self.assertEqual(self.agent.left, 1)
        self.clock.advance(1)
        self.assertIsNotNone(self.get())

    def test_not_for_ever(self) -> None:
        self.play(error(429, retry_after="999999999"))
        self.assertEqual(self.unavailable().retry_after, 3600.0)

    def test_upstream_does_not_say_how_long(self) -> None:
        self.play(error(429))
        self.assertEqual(self.unavailable().retry_after, 60.0)

    def test_it_is_not_taken_for_a_failure(self) -> None:
        self.play(*[error(429, retry_after="1")] * 20, manifest())
        for _ in range(20):
            self.unavailable()
            self.clock.advance(1)
        self.assertIsNotNone(self.get())


class BudgetTests(AskingCase):
    FIELDS: Final[Mapping[str, Any]] = {
        "ratelimit_limit": "100;w=21600",
        "ratelimit_remaining": "76;w=21600",
    }

    def test_budget_is_known(self) -> None:
        self.play(manifest(**self.FIELDS), manifest())
        self.assertIsNone(self.upstream.budget())
        self.get()
        budget = Budget(100, 76, 21600.0, self.clock.seconds())
        self.assertEqual(self.upstream.budget(), budget)
        self.get()
        self.assertEqual(self.upstream.budget(), budget)

    def test_refusal_tells_it_too(self) -> None:
        fields = {**self.FIELDS, "ratelimit_remaining": "0;w=21600"}
        self.play(error(429, **fields))
        self.unavailable()
        budget = self.upstream.budget()
        assert budget is not None
        self.assertEqual(budget.remaining, 0)

    def test_others_do_not_tell(self) -> None:
        self.play(redirect(CDN), blob(**self.FIELDS))
        self.open()
        self.assertIsNone(self.upstream.budget())


class TurnTests(AskingCase):
    def test_no_more_are_asked_at_once_than_may_be(self) -> None:
        self.play(*[blob()] * 3, limits=Limits(concurrency=2))
        opened = [self.result(self.upstream.open_blob(ALPINE, DIGEST)) for _ in "ab"]
        third = Deferred.fromCoroutine(self.upstream.open_blob(ALPINE, DIGEST))
        self.agent.flush()
        self.assertEqual(self.agent.left, 1)
        assert opened[0] is not None
        self.assertEqual(self.read(opened[0].reader), BLOB)
        self.agent.flush()
        self.assertIsNotNone(self.successResultOf(third))

    def test_blob_that_is_read_is_not_in_the_way_of_questions(self) -> None:
        self.play(blob(), manifest(), limits=Limits(concurrency=1))
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        self.assertIsNotNone(self.get())

    def test_reader_that_is_closed_gives_its_turn_back(self) -> None:
        self.play(
            blob(after="silence", length=900), blob(), limits=Limits(concurrency=1)
        )
        opened = self.result(self.upstream.open_blob(ALPINE, DIGEST))
        assert opened is not None
        self.result(opened.reader.close())
        self.assertEqual(self.open(), BLOB)
        self.assert_let_go()

    def test_nobody_waits_for_ever(self) -> None:
        self.play(blob(), limits=Limits(concurrency=1), patience=Patience(turn=5))
        self.result(self.upstream.open_blob(ALPINE, DIGEST))
        late = Deferred.fromCoroutine(self.upstream.open_blob(ALPINE, DIGEST))
        self.clock.advance(5)
        fault = self.failureResultOf(late, UpstreamUnavailable).value
        self.assertIn("is asked for too much", fault.reason)

    def test_no_more_are_asked_in_a_second_than_may_be(self) -> None:
        self.play(*[manifest()] * 4, limits=Limits(rate=1.0, burst=2))
        self.clock.advance(10)
        began = self.clock.seconds()
        for _ in range(4):
            self.get()
        self.assertEqual(self.clock.seconds() - began, 2.0)


class StatusTests(AskingCase):
    def test_refusal_is_told(self) -> None:
        for status in (401, 403):
            self.play(error(status), manifest())
            work = self.upstream.get_manifest(ALPINE, "latest")
            self.fault(UpstreamRefused, work)
            self.assertEqual(self.agent.left, 1)

    def test_what_nobody_understands_is_wrong(self) -> None:
        for status in (201, 204, 206, 400, 402, 405, 406, 418, 451):
            self.play(error(status), manifest())
            work = self.upstream.get_manifest(ALPINE, "latest")
            self.assertIn(f"{status}", self.fault(UpstreamWrong, work).reason)

    def test_no_secret_is_told_or_logged(self) -> None:
        for replies in (
            [redirect(CDN), error(404)],
            [redirect(CDN), *[error(500), redirect(CDN)] * 3],
            [redirect(CDN), redirect(CDN)],
            [redirect(CDN), redirect("http://u:hunter2@x/")],
            [redirect(CDN), LOST, redirect(CDN), LOST, redirect(CDN), LOST],
        ):
            self.play(*replies)
            with capturedLogs() as logs:
                done = self.settle(self.upstream.open_blob(ALPINE, DIGEST))
            _ = done.addErrback(lambda failure: failure.getTraceback())
            told = self.successResultOf(done)
            self.assertNotIn("hunter2", f"{logs} {told}")

    def test_nothing_is_asked_after_the_end(self) -> None:
        self.play(manifest())
        self.result(self.upstream.close())
        self.assertIn("is not asked any more", self.unavailable().reason)
        self.assertEqual(self.agent.left, 1)
