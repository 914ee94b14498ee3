"""Tests of ``txregistry/client/upstreams/asking.py``: what one may do to others."""

from tests.client.upstreams.case import (
    ALPINE,
    DIGEST,
    UpstreamCase,
    error,
    manifest,
    redirect,
)
from tests.storage.playing import LOST, REFUSED, SILENT
from txregistry.client.upstreams.interfaces import Fetched, UpstreamUnavailable
from txregistry.client.upstreams.limits import Limits

CDN = "https://cdn.example/blob"


class OneForAllTests(UpstreamCase):
    """One client asks, again and again, for what has no answer."""

    def unavailable(self) -> UpstreamUnavailable:
        """Expect that there is no manifest at present."""
        work = self.upstream.get_manifest(ALPINE, "latest")
        fault = self.fault(UpstreamUnavailable, work)
        assert isinstance(fault, UpstreamUnavailable)
        return fault

    def other(self) -> Fetched | None:
        """Ask for a manifest of another repository."""
        return self.result(self.upstream.get_manifest("library/busybox", "latest"))

    def test_faults_of_one_repository_are_nobody_elses(self) -> None:
        for status in (408, 500, 503):
            self.play(*[error(status)] * 30, manifest())
            for _ in range(10):
                self.unavailable()
            self.assertIsNotNone(self.other())

    def test_who_sends_us_where_nobody_is(self) -> None:
        for nobody in (REFUSED, SILENT, LOST, error(503), error(403)):
            self.play(*[redirect(CDN), nobody] * 30, manifest())
            for _ in range(10):
                work = self.upstream.open_blob(ALPINE, DIGEST)
                self.fault(UpstreamUnavailable, work)
            self.assertIsNotNone(self.other())

    def test_who_sends_us_where_nobody_may_ask(self) -> None:
        self.play(*[redirect(CDN), error(429)] * 3, manifest())
        self.fault(UpstreamUnavailable, self.upstream.head_blob(ALPINE, DIGEST))
        self.assertIsNotNone(self.other())

    def test_nobody_prolongs_it(self) -> None:
        self.play(
            *[REFUSED] * 5, *[error(500)] * 4, manifest(), limits=Limits(alone=10)
        )
        self.unavailable()
        self.unavailable()
        self.clock.advance(15)
        for _ in range(4):
            self.unavailable()
            self.assertIn("is left alone", self.unavailable().reason)
            self.clock.advance(15)
        self.assertIsNotNone(self.other())

    def test_no_connection_counts_whatever_it_is_about(self) -> None:
        for nobody in (REFUSED, SILENT, LOST):
            self.play(*[nobody] * 5, manifest())
            self.unavailable()
            self.unavailable()
            work = self.upstream.get_manifest("library/busybox", "latest")
            fault = self.fault(UpstreamUnavailable, work)
            self.assertIn("is left alone", fault.reason)
            self.assertIsNotNone(fault.retry_after)
