"""Tests of ``txregistry/registry/mirror/warming.py``: faults."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from tests.registry.content import (
    CONFIG,
    LAYER,
    image,
    index,
    numbered,
)
from tests.registry.mirror.case import NAME, REMOTE
from tests.registry.mirror.played import HeldReader
from tests.registry.mirror.warming import (
    DOWN,
    WarmingCase,
    matching,
    tagged,
)
from txregistry.model.digest import Digest
from txregistry.model.names import RepositoryName
from txregistry.registry.mirror import warming
from txregistry.registry.mirror.wishes import Wish
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.storage import keys
from txregistry.storage.interfaces import StorageFull


class FaultTests(WarmingCase):
    def setUp(self) -> None:
        super().setUp()
        self.upstream.add(REMOTE, image(), "good")

    def failed(self, *wishes: Wish, images: int = 1, **more: Any) -> Sequence[str]:
        """Fetch what is good and what is not, and say why that is not here."""
        report = self.warm(*wishes, tagged("good"), **more)
        self.assertEqual(report.images, images)
        self.assertFalse(report.is_complete)
        self.assertEqual(report.failed, len(report.faults))
        return [f"{each.image}: {each.reason}" for each in report.faults]

    def test_no_such_tag(self) -> None:
        (fault,) = self.failed(tagged("none"))
        self.assertTrue(fault.startswith("other/team/app:none: The repository"), fault)

    def test_a_blob_that_is_not_there(self) -> None:
        self.upstream.add(REMOTE, image(layers=[b"gone", LAYER]), "bad")
        (fault,) = self.failed(tagged("bad"))
        self.assertIn("no such blob", fault)
        self.served(CONFIG, LAYER)

    def test_a_member_that_is_not_there(self) -> None:
        self.upstream.add(REMOTE, numbered(1))
        self.upstream.add(REMOTE, index([numbered(0), numbered(1)]), "bad")
        (fault,) = self.failed(tagged("bad"))
        self.assertIn(f"has no manifest {Digest.of(numbered(0))}", fault)
        held = self.registry.manifests.holds(NAME, Digest.of(numbered(1)))
        self.assertTrue(self.result(held))

    def test_a_lie(self) -> None:
        self.layered("bad", b"0123456789")
        self.upstream.lies = {Digest.of(b"0123456789"): b"9876543210"}
        (fault,) = self.failed(tagged("bad"))
        self.assertIn("another digest", fault)
        self.assertNotIn(keys.blob(Digest.of(b"9876543210")), self.keys())

    def test_one_that_breaks_off(self) -> None:
        digest = Digest.of(b"0123456789")
        self.layered("bad", b"0123456789")
        held = self.upstream.readers[digest] = HeldReader(b"0123456789", 5)
        work = self.begin(tagged("bad"), tagged("good"))
        held.fail(DOWN)
        self.upstream.fault = DOWN
        self.clock.pump([30] * 5)
        report = self.successResultOf(work)
        self.assertEqual((report.images, report.failed), (1, 1))
        self.assertIn("is down", report.faults[0].reason)

    def test_a_blob_of_unknown_size_that_is_a_lie(self) -> None:
        self.upstream.tells_size = False
        self.registry = self.make_registry()
        self.layered("bad", b"0123456789")
        self.upstream.lies = {Digest.of(b"0123456789"): b"9876543210"}
        self.assertEqual(len(self.failed(tagged("bad"))), 1)

    def test_a_tag_that_is_here_and_cannot_be_looked_for(self) -> None:
        self.warm(tagged("good"))
        self.registry = self.make_registry()
        self.upstream.fault = DOWN
        (fault,) = self.failed(images=0)
        self.assertIn("is down", fault)

    def test_a_tag_that_is_here_is_waited_for(self) -> None:
        self.warm(tagged("good"))
        self.registry = self.make_registry()
        waiting: Deferred[None] = Deferred()
        self.upstream.waiting = waiting
        work = self.begin(tagged("good"))
        self.clock.advance(5)  # longer than a client waits
        self.assertNoResult(work)
        self.upstream.waiting = None
        waiting.callback(None)
        self.assertEqual(self.successResultOf(work).images, 1)

    def test_a_repository_that_is_none_of_another_registry(self) -> None:
        (fault,) = self.failed(tagged("1", RepositoryName("ours/a")))
        self.assertIn("There is no repository ours/a", fault)
        wish = Wish("*", RepositoryName("ours/a"), TagPatterns(["*"]))
        (fault,) = self.failed(wish)
        self.assertIn("No registry is mirrored here", fault)

    def test_an_image_that_names_too_much(self) -> None:
        self.patch(warming, "_MOST_OBJECTS", 4)
        self.layered("bad", b"one", b"two", b"three")
        (fault,) = self.failed(tagged("bad"))
        self.assertIn("more than 4 manifests and blobs", fault)
        self.served(b"two")
        self.assertNotIn(keys.blob(Digest.of(b"three")), self.keys())

    def test_more_images_than_there_may_be(self) -> None:
        self.patch(warming, "_MOST_IMAGES", 1)
        report = self.warm(tagged("good"), tagged("other"))
        self.assertEqual(report.images, 1)
        self.assertEqual([each.image for each in report.faults], ["other"])

    def test_without_room_it_ends(self) -> None:
        async def vouch(*_: object) -> None:
            raise StorageFull("no room")

        self.patch(self.registry.blobs, "vouch", vouch)
        for number in range(20):
            self.upstream.add(REMOTE, numbered(number), f"t{number}")
        work = self.make_warming(parallel=1)
        self.fails(StorageFull, work.run([matching("t*")]))
        self.assertLess(len(self.asked("get")), 5)
        self.flushLoggedErrors(StorageFull)
