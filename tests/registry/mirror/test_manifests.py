"""Tests of ``txregistry/registry/mirror/manifests.py``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.registry.case import NAME as OURS
from tests.registry.content import image
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    Denied,
    ManifestUnknown,
    UpstreamInvalid,
    UpstreamSilent,
)
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.registry.mirror.manifests import PulledManifest

DATA = image()
DIGEST = Digest.of(DATA)
NEWER = image(annotations={"newer": "yes"})
TAG = Tag("latest")
DOWN = UpstreamUnavailable("other.example", "is down")


class ManifestsCase(case.MirrorCase):
    def setUp(self) -> None:
        super().setUp()
        self.upstream.add(REMOTE, DATA, "latest")

    def find(
        self, reference: Reference = TAG, name: RepositoryName = NAME
    ) -> PulledManifest:
        """Pull a manifest."""
        return self.result(self.registry.mirror.find_manifest(name, reference))

    def begin(self, reference: Reference = TAG) -> Deferred[PulledManifest]:
        """Begin to pull a manifest."""
        return self.finish(self.registry.mirror.find_manifest(NAME, reference))

    def unknown(self, reference: Reference = TAG) -> None:
        """Expect that there is none."""
        work = self.registry.mirror.find_manifest(NAME, reference)
        self.fails(ManifestUnknown, work)

    def asked(self) -> list[Any]:
        """Say what the other registry was asked, without names."""
        return [(each[0], each[2]) for each in self.upstream.take()]


class TagTests(ManifestsCase):
    def test_is_fetched_and_kept(self) -> None:
        found = self.find()
        self.assertEqual((found.manifest.data, found.age), (DATA, 0.0))
        self.assertEqual(found.manifest.digest, DIGEST)
        self.assertEqual(self.asked(), [("get", "latest")])
        kept = self.result(self.registry.manifests.find(NAME, TAG))
        self.assertEqual(kept.data, DATA)

    def test_is_not_asked_for_again_for_a_while(self) -> None:
        self.find()
        self.upstream.take()
        self.clock.advance(59)
        self.assertEqual(self.find().age, 59.0)
        self.assertEqual(self.asked(), [])

    def test_is_looked_at_again_later(self) -> None:
        self.find()
        self.upstream.take()
        self.clock.advance(61)
        self.assertEqual(self.find().age, 0.0)
        self.assertEqual(self.asked(), [("head", "latest")])
        self.clock.advance(1)
        self.find()
        self.assertEqual(self.asked(), [])

    def test_is_fetched_again_when_it_moved(self) -> None:
        self.find()
        self.upstream.add(REMOTE, NEWER, "latest")
        self.clock.advance(61)
        self.upstream.take()
        self.assertEqual(self.find().manifest.data, NEWER)
        self.assertEqual(self.asked(), [("head", "latest"), ("get", "latest")])

    def test_is_unknown_when_it_is_gone(self) -> None:
        self.find()
        self.upstream.manifests.clear()
        self.clock.advance(61)
        self.unknown()

    def test_what_never_was_is_not_asked_for_again_for_a_while(self) -> None:
        none = Tag("none")
        for _ in range(2):
            self.unknown(none)
        self.assertEqual(self.asked(), [("get", "none")])
        self.upstream.add(REMOTE, DATA, "none")
        self.clock.advance(11)
        self.assertEqual(self.find(none).manifest.data, DATA)

    def test_many_who_ask_are_one_who_asks(self) -> None:
        self.upstream.waiting = Deferred()
        asking = [self.begin() for _ in range(20)]
        self.upstream.waiting.callback(None)
        for each in asking:
            self.assertEqual(self.successResultOf(each).manifest.data, DATA)
        self.assertEqual(self.asked(), [("get", "latest")])

    def test_who_leaves_does_not_stop_it(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.upstream.waiting = waiting
        leaves, stays = self.begin(), self.begin()
        leaves.cancel()
        self.failureResultOf(leaves, CancelledError)
        waiting.callback(None)
        self.assertEqual(self.successResultOf(stays).manifest.data, DATA)

    def test_a_tag_that_has_to_stay_stays(self) -> None:
        self.find()
        self.upstream.add(REMOTE, NEWER, "latest")
        self.clock.advance(61)

        async def point(*_: object) -> None:
            raise Denied("It stays.")

        self.patch(self.registry.tags, "point", point)
        self.assertEqual(self.find().manifest.data, DATA)

    def test_other_repositories_are_not_asked_for(self) -> None:
        self.push_blobs()
        self.push(DATA, TAG, OURS)
        found = self.find(name=OURS)
        self.assertEqual((found.manifest.data, found.age), (DATA, None))
        self.assertEqual(self.asked(), [])


class DigestTests(ManifestsCase):
    def test_is_fetched_and_kept(self) -> None:
        self.assertEqual(self.find(DIGEST).manifest.data, DATA)
        self.clock.advance(10_000)
        found = self.find(DIGEST)
        self.assertEqual((found.manifest.data, found.age), (DATA, None))
        self.assertEqual(self.asked(), [("get", str(DIGEST))])

    def test_is_kept_by_the_digest_that_was_asked_for(self) -> None:
        digest = Digest.of(DATA, "sha512")
        self.upstream.manifests[REMOTE, str(digest)] = DATA
        for _ in range(2):
            self.assertEqual(self.find(digest).manifest.digest, digest)

    def test_who_refers_to_it_is_listed(self) -> None:
        referrer = image(subject=DATA, artifactType="application/x")
        digest = self.upstream.add(REMOTE, referrer)
        self.find(digest)
        page = self.result(
            self.registry.referrers.page(NAME, DIGEST, limit=9, room=1 << 20)
        )
        self.assertEqual([each.digest for each in page.descriptors], [digest])

    def test_what_never_was_is_not_asked_for_again_for_a_while(self) -> None:
        for _ in range(2):
            self.unknown(Digest.of(b"none"))
        self.assertEqual(len(self.asked()), 1)


class FaultTests(ManifestsCase):
    def test_what_is_here_is_given_where_the_other_is_down(self) -> None:
        self.find()
        self.clock.advance(100)
        self.upstream.fault = DOWN
        found = self.find()
        self.assertEqual(
            (found.manifest.data, found.age, found.fault), (DATA, 100.0, DOWN.reason)
        )

    def test_what_is_here_is_given_after_a_restart(self) -> None:
        self.find()
        self.registry = self.make_registry()
        self.upstream.fault = DOWN
        self.assertEqual(self.find().manifest.data, DATA)

    def test_what_is_not_here_is_not_had(self) -> None:
        self.upstream.fault = DOWN
        for reference in (TAG, DIGEST):
            work = self.registry.mirror.find_manifest(NAME, reference)
            error = self.fails(UpstreamSilent, work)
            self.assertIn("other.example", error.message)
            self.assertIn("is down", error.message)

    def test_what_cannot_be_used_is_not_had(self) -> None:
        for fault in (
            UpstreamRefused("other.example", "401"),
            UpstreamWrong("other.example", "nonsense"),
        ):
            self.upstream.fault = fault
            work = self.registry.mirror.find_manifest(NAME, TAG)
            self.fails(UpstreamInvalid, work)

    def test_what_is_no_manifest_is_not_kept(self) -> None:
        for data in (b"<html>", b"{}", b'{"schemaVersion":1}'):
            self.upstream.manifests[REMOTE, "latest"] = data
            work = self.registry.mirror.find_manifest(NAME, TAG)
            self.fails(UpstreamInvalid, work)
        self.assertEqual(self.keys(), ())

    def test_who_could_have_what_is_here_does_not_wait_for_long(self) -> None:
        self.find()
        self.upstream.add(REMOTE, NEWER, "latest")
        self.clock.advance(61)
        waiting: Deferred[None] = Deferred()
        self.upstream.waiting = waiting
        asking = Deferred.fromCoroutine(self.registry.mirror.find_manifest(NAME, TAG))
        self.assertNoResult(asking)
        self.clock.advance(3)
        found = self.successResultOf(asking)
        self.assertEqual((found.manifest.data, found.age), (DATA, 64.0))
        self.assertIn("too long", found.fault)
        waiting.callback(None)  # it went on, and was of use
        self.upstream.take()
        self.assertEqual(self.find().manifest.data, NEWER)
        self.assertEqual(self.asked(), [])

    def test_offline_nobody_is_asked(self) -> None:
        self.find()
        self.upstream.take()
        self.registry = self.make_registry(offline=True)
        found = self.find()
        self.assertEqual((found.manifest.data, bool(found.fault)), (DATA, True))
        self.unknown(Tag("none"))
        self.assertEqual(self.asked(), [])
