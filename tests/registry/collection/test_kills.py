"""Collection after its store failed, or its process ended, before any write."""

from collections.abc import Callable

from tests.figures import tell
from tests.registry.case import NAME, OTHER, V1
from tests.registry.collection import case
from tests.registry.collection.case import FLOOR
from tests.registry.content import CONFIG, LAYER, image, numbered
from tests.registry.faulty import FaultyStore, Killed
from txregistry.model.digest import Digest
from txregistry.registry.collection.lease import LIFE
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable

GARBAGE = b"garbage"
IMAGE = image(layers=[LAYER, b"another"])


class KillTests(case.CollectionTestCase):
    """Break collection off in its middle, wherever that may be."""

    def make_store(self) -> IObjectStore:
        self.faulty = FaultyStore(self.clock)
        return self.faulty

    def begin(self) -> None:
        """Have something that stays, something that goes, and what comes back."""
        super().setUp()
        self.push_blobs()
        self.push(numbered(1), V1)
        self.push_blob(GARBAGE)
        for data in (CONFIG, LAYER, b"another"):
            self.push_blob(data, OTHER)
        gone = self.push(IMAGE, V1, OTHER)
        self.result(self.registry.acceptance.delete(OTHER, gone))

    def work(self) -> None:
        """Collect, while a client comes back to what is condemned."""
        self.collect()
        self.clock.advance(FLOOR - 1)
        for data in (CONFIG, LAYER, b"another"):
            self.push_blob(data, OTHER)
        self.push(IMAGE, V1, OTHER)
        self.clock.advance(1)
        for _ in range(3):
            self.collect()
            self.clock.advance(FLOOR)

    def check(self) -> None:
        """Expect that what is tagged is there, and goes on to be collected."""
        self.faulty.heal()
        self.registry = self.make_registry()
        self.collector = self.make_collector("after")
        self.check_whole()
        self.clock.advance(LIFE)
        for _ in range(4):
            self.wait_for(self.collect_at_last())
            self.clock.advance(FLOOR)
        self.check_whole()
        self.assertFalse(self.is_stored(GARBAGE))
        found = set(self.keys(keys.BLOBS))
        wanted = [CONFIG, LAYER, numbered(1)]
        if self.keys(keys.revision_links(OTHER)):
            wanted += [b"another", IMAGE]
        self.assertEqual(found, {keys.blob(Digest.of(data)) for data in wanted})

    async def collect_at_last(self) -> None:
        """Do a round, as soon as it is clear that the one before has died."""
        while not await self.collector._lease.take():
            self.clock.advance(LIFE)
        await self.collector.collect()

    def check_whole(self) -> None:
        """Expect that accepted manifests are there with all that they name."""
        for name in (NAME, OTHER):
            for digest in self.result(self.registry.manifests.all(name)):
                found = self.result(self.registry.manifests.find(name, digest))
                for each in found.parse().blobs:
                    self.pull_blob(each.digest, name)

    def try_all(self, *, kills: bool) -> int:
        """Break off before each write, one after the other, and say how many."""
        write = 0
        while True:
            write += 1
            self.begin()
            self.faulty.fail_before(write, kills=kills)
            broken = self.broken(self.work)
            if not self.faulty.failed:
                return write - 1
            self.assertTrue(broken or not kills, write)
            self.check()

    def broken(self, work: Callable[[], object]) -> bool:
        """Say whether some work was broken off."""
        try:
            work()
        except (Killed, StorageUnavailable):
            return True
        return False

    def test_process_that_ends_before_any_write(self) -> None:
        count = self.try_all(kills=True)
        self.assertGreater(count, 30)
        tell(f"collection: ended before each of {count} writes: {count} steps tried")

    def test_write_that_fails(self) -> None:
        count = self.try_all(kills=False)
        self.assertGreater(count, 30)
        tell(f"collection: each of {count} writes failed: {count} steps tried")
