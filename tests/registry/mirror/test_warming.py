"""Tests of ``txregistry/registry/mirror/warming.py``."""

from typing import Any

from twisted.internet.defer import CancelledError

from tests.registry.content import (
    CONFIG,
    LAYER,
    descriptor,
    encode,
    image,
    index,
    numbered,
)
from tests.registry.mirror import case
from tests.registry.mirror.case import NAME, REMOTE
from tests.registry.mirror.played import HeldReader
from tests.registry.mirror.played1 import PlayedVersion1
from tests.registry.mirror.warming import (
    ARM,
    DOWN,
    INTEL,
    WarmingCase,
    matching,
    tagged,
)
from tests.web.v1.images import BASE, TOP
from txregistry.auth.interfaces import Credentials
from txregistry.model.descriptors import OCI_INDEX, OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.names import Tag
from txregistry.registry.mirror import warming
from txregistry.registry.mirror.platforms import Platforms
from txregistry.registry.mirror.warming import Warming
from txregistry.registry.mirror.warmreport import WarmFault, WarmProgress, WarmReport
from txregistry.registry.mirror.wishes import Wish
from txregistry.registry.repositories import Registry
from txregistry.tasks import at_once


class ImageTests(WarmingCase):
    def test_a_tag_with_all_that_it_names(self) -> None:
        self.upstream.add(REMOTE, image(), "1")
        report = self.warm(tagged("1"))
        size = len(CONFIG) + len(LAYER)
        self.assertEqual(report, WarmReport(images=1, manifests=1, blobs=2, bytes=size))
        self.served(CONFIG, LAYER)
        self.assertEqual(self.tags(NAME), ["1"])

    def test_a_digest(self) -> None:
        digest = self.upstream.add(REMOTE, image())
        report = self.warm(Wish("x", NAME, digest))
        self.assertEqual((report.images, report.blobs), (1, 2))

    def test_what_is_here_is_not_fetched_again(self) -> None:
        self.upstream.add(REMOTE, image(), "1")
        self.warm(tagged("1"))
        self.registry = self.make_registry()
        self.upstream.take()
        report = self.warm(tagged("1"))
        self.assertEqual(report, WarmReport(images=1, manifests=1, present=2))
        self.assertEqual([each[0] for each in self.upstream.take()], ["head"])

    def test_nothing_is_read_back(self) -> None:
        self.upstream.add(REMOTE, image(), "1")

        async def open_blob(*_: object) -> None:
            raise AssertionError

        self.patch(self.registry.blobs, "open", open_blob)
        self.assertEqual(self.warm(tagged("1")).blobs, 2)

    def test_an_index_with_all_its_members(self) -> None:
        members = [numbered(1), index([numbered(2), numbered(3)])]
        for data in (*members, numbered(2), numbered(3)):
            self.upstream.add(REMOTE, data)
        self.upstream.add(REMOTE, index(members), "1")
        report = self.warm(tagged("1"))
        self.assertEqual((report.images, report.manifests, report.blobs), (1, 5, 2))
        for data in (numbered(1), numbered(3)):
            found = self.registry.manifests.find(NAME, Digest.of(data))
            self.assertEqual(self.result(found).data, data)

    def test_members_of_some_platforms(self) -> None:
        members = []
        for number, platform in enumerate((ARM, INTEL)):
            self.upstream.add(REMOTE, numbered(number))
            members.append(
                descriptor(numbered(number), OCI_MANIFEST, platform=platform)
            )
        data = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": members}
        self.upstream.add(REMOTE, encode(data), "1")
        report = self.warm(tagged("1"), platforms=Platforms(["linux/arm64"]))
        self.assertEqual((report.images, report.manifests), (1, 2))
        for number, here in enumerate((True, False)):
            digest = Digest.of(numbered(number))
            work = self.registry.manifests.holds(NAME, digest)
            self.assertIs(self.result(work), here)
        report = self.warm(tagged("1"), platforms=Platforms(["linux/s390x"]))
        self.assertEqual((report.images, report.failed), (0, 1))
        self.assertIn("linux/s390x", report.faults[0].reason)

    def test_layers_that_are_elsewhere_are_not_asked_for(self) -> None:
        foreign = descriptor(
            b"windows", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        )
        self.upstream.add(REMOTE, image(layers=[foreign]), "1")
        report = self.warm(tagged("1"))
        self.assertEqual((report.images, report.blobs), (1, 1))

    def test_a_manifest_that_is_large(self) -> None:
        data = image(annotations={"padding": "x" * 100_000})
        self.upstream.add(REMOTE, data, "1")
        self.assertEqual(self.warm(tagged("1")).images, 1)

    def test_a_blob_that_several_name_is_fetched_once(self) -> None:
        for tag in ("1", "2", "3"):
            self.upstream.add(REMOTE, numbered(int(tag)), tag)
        held = self.upstream.readers[Digest.of(LAYER)] = HeldReader(LAYER, 3)
        work = self.begin(*map(tagged, ("1", "2", "3")))
        self.assertNoResult(work)
        held.release()
        report = self.successResultOf(work)
        self.assertEqual((report.images, report.blobs, report.present), (3, 2, 4))
        self.assertEqual(len(self.asked("open")), 2)

    def test_what_a_client_pulls_is_not_fetched_a_second_time(self) -> None:
        self.upstream.add(REMOTE, image(), "1")
        held = self.upstream.readers[Digest.of(LAYER)] = HeldReader(LAYER, 3)
        pulled = self.registry.mirror.find_blob(NAME, Digest.of(LAYER), whole=True)
        self.result(pulled)
        work = self.begin(tagged("1"))
        held.release()
        self.assertEqual(self.successResultOf(work).images, 1)
        self.assertEqual(len(self.asked("open")), 2)

    def test_an_image_that_is_wished_for_twice_is_one(self) -> None:
        self.upstream.add(REMOTE, image(), "1")
        report = self.warm(tagged("1"), tagged("1"), matching("*"))
        self.assertEqual((report.images, report.manifests), (1, 1))

    def test_not_more_blobs_at_a_time_than_some(self) -> None:
        layers = [b"layer %d" % number for number in range(5)]
        self.layered("1", *layers)
        held = []
        for layer in layers:
            held.append(HeldReader(layer, 3))
            self.upstream.readers[Digest.of(layer)] = held[-1]
        work = self.begin(tagged("1"), parallel=2)
        self.assertEqual(len(self.asked("open")), 3)  # the config is here already
        for each in held:
            each.release()
        self.assertEqual(self.successResultOf(work).blobs, 6)


class TagsTests(WarmingCase):
    def setUp(self) -> None:
        super().setUp()
        for tag in ("3.1", "3.2", "4.0"):
            self.upstream.add(REMOTE, numbered(int(tag[-1])), tag)

    def test_tags_of_a_pattern(self) -> None:
        self.assertEqual(self.warm(matching("3.*")).images, 2)
        self.assertEqual(self.tags(NAME), ["3.1", "3.2"])

    def test_no_such_tag(self) -> None:
        report = self.warm(matching("5.*"))
        self.assertEqual(report.faults, [WarmFault("5.*", "There is no such tag.")])
        self.assertTrue(self.warm(matching("5.*", maybe=True)).is_complete)

    def test_more_tags_than_there_may_be(self) -> None:
        for number in range(1001):
            self.upstream.manifests[REMOTE, f"t{number}"] = image()
        report = self.warm(matching("t*"))
        self.assertEqual((report.images, report.failed), (1000, 1))
        self.assertIn("1000", report.faults[0].reason)

    def test_tags_that_cannot_be_listed(self) -> None:
        self.upstream.fault = DOWN
        report = self.warm(matching("3.*"), tagged("3.1"))
        self.assertEqual((report.images, report.failed), (0, 2))
        self.assertIn("is down", report.faults[0].reason)


class ReferrersTests(WarmingCase):
    def setUp(self) -> None:
        super().setUp()
        self.subject = image()
        self.upstream.add(REMOTE, self.subject, "1")
        self.signature = image(layers=[b"signature"], subject=self.subject)
        self.upstream.add(REMOTE, self.signature)
        self.upstream.add_blob(REMOTE, b"signature")
        self.patch(self.upstream, "referrers", self.referrers)

    async def referrers(
        self, repository: str, digest: Digest, caller: Credentials | None = None
    ) -> bytes | None:
        """See `IUpstream`."""
        del repository, caller
        known = digest == Digest.of(self.subject)
        return index([self.signature] if known else [])

    def test_what_refers_to_an_image(self) -> None:
        report = self.warm(tagged("1"), with_referrers=True)
        self.assertEqual((report.images, report.manifests, report.blobs), (1, 2, 3))
        self.served(b"signature")

    def test_where_that_cannot_be_had_the_image_can(self) -> None:
        self.signature = b"{"
        self.upstream.add(REMOTE, self.signature)
        report = self.warm(tagged("1"), with_referrers=True)
        self.assertEqual((report.failed, report.blobs), (1, 2))
        self.assertIn("cannot be kept", report.faults[0].reason)
        self.served(CONFIG, LAYER)

    def test_unless_it_is_wanted_it_is_not_fetched(self) -> None:
        self.assertEqual(self.warm(tagged("1")).blobs, 2)


class ProgressTests(WarmingCase):
    def test_it_is_told_how_far_it_is(self) -> None:
        layer = b"0123456789" * 10
        self.layered("1", layer)
        self.layered("2", b"another")
        held = self.upstream.readers[Digest.of(layer)] = HeldReader(layer, 50)
        work = self.begin(tagged("1"), tagged("2"))
        latest = self.progress[-1]
        there = 50 + len(CONFIG) + len(b"another")
        self.assertEqual((latest.objects, latest.passed), (5, there))
        assert latest.fraction is not None
        self.assertAlmostEqual(latest.fraction, 0.5 + 52 / 102 / 2, 3)
        held.release()
        self.successResultOf(work)
        passed = len(layer) + len(CONFIG) + len(b"another")
        self.assertEqual(self.progress[-1], WarmProgress(6, passed, 1.0))

    def test_who_hears_may_break_it_off(self) -> None:
        for number in range(20):
            self.upstream.add(REMOTE, numbered(number), f"t{number}")

        def hear(progress: WarmProgress) -> None:
            if progress.objects:
                raise CancelledError

        work = Warming(
            self.registry.mirror, self.registry.referrers, at_once, hear=hear
        )
        self.fails(CancelledError, work.run([matching("t*")]))
        self.assertLess(len(self.asked("get")), 10)

    def test_it_may_be_cancelled(self) -> None:
        self.layered("1", b"0123456789")
        held = HeldReader(b"0123456789", 5)
        self.upstream.readers[Digest.of(b"0123456789")] = held
        for number in range(20):
            self.upstream.add(REMOTE, numbered(number), f"t{number}")
        work = self.begin(tagged("1"), parallel=1)
        self.upstream.take()
        work.cancel()
        self.failureResultOf(work, CancelledError)
        held.release()  # what had begun goes on
        self.served(b"0123456789")


class Version1Tests(case.MirrorCase):
    """The other registry speaks version 1."""

    def make_registry(self, **switches: Any) -> Registry:
        """See `MirrorCase`."""
        self.upstream = self.played = PlayedVersion1()
        return super().make_registry(**switches)

    def test_an_image_is_here_with_all_its_layers(self) -> None:
        self.played.have(REMOTE, "2.0", BASE, TOP)
        work = warming.Warming(
            self.registry.mirror, self.registry.referrers, at_once
        ).run([tagged("2.0"), tagged("3.0")])
        report = self.result(work)
        self.assertEqual((report.images, report.failed), (1, 1))
        self.assertEqual([each.image for each in report.faults], [f"{NAME}:3.0"])
        found = self.result(self.registry.manifests.find(NAME, Tag("2.0")))
        layers = [self.pull_blob(each.digest, NAME) for each in found.parse().blobs[1:]]
        self.assertEqual(layers, [BASE.layer, TOP.layer])
