"""Whatever write fails, or is the last, no tag ever shows half an image."""

from tests.integration.clients.images import Content, digest_of
from tests.registry.case import NAME
from tests.registry.faulty import FaultyStore, Killed
from tests.transfer.archives import case
from tests.transfer.archives.building import TAR, image_of, layout, pack
from tests.transfer.archives.case import IT
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable

OLD = image_of([Content(TAR, b"an old layer")], [digest_of(b"an old layer")])
NEW = image_of([Content(TAR, b"a new layer")], [digest_of(b"a new layer")])
DATA = pack(layout({"1": NEW}))
ENOUGH = 1000
"""Writes of which reading the archive needs fewer."""


class FaultTests(case.ArchiveTestCase):
    def make_store(self) -> IObjectStore:
        """Make a store that can be made to fail."""
        self.faulty = FaultyStore(self.clock)
        return self.faulty

    def try_each_write(self, *, kills: bool) -> int:
        """Read the archive again and again, and let each of its writes fail.

        Returns:
            How many writes there were.
        """
        for write in range(1, ENOUGH):
            self.setUp()
            self.push_image(OLD)
            self.faulty.fail_before(write, kills=kills)
            done = self.finish(self.bring(DATA))
            failure: list[object] = []
            _ = done.addErrback(failure.append)
            failed = self.faulty.failed
            self.faulty.heal()
            if not failed:
                self.assertEqual(failure, [])
                return write - 1
            self.registry = self.make_registry()
            digest = self.result(self.registry.tags.find(NAME, IT))
            self.assertHolds(NEW if str(digest) == NEW.digest else OLD)
            for each in failure:
                kind = Killed if kills else StorageUnavailable
                self.assertIsInstance(getattr(each, "value", None), kind)
            self.result(self.bring(DATA))
            self.assertHolds(NEW)
        raise AssertionError("it never ends")

    def test_writes_that_fail(self) -> None:
        self.assertGreater(self.try_each_write(kills=False), 10)

    def test_writes_that_are_the_last(self) -> None:
        self.assertGreater(self.try_each_write(kills=True), 10)

    def test_what_fails_while_it_comes_leaves_nothing(self) -> None:
        self.push_image(OLD)
        before = self.keys()
        self.faulty.fail_before(3, kills=False)
        self.fails(StorageUnavailable, self.bring(DATA))
        self.assertEqual(self.keys(), before)
