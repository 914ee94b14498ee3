"""Collection of a store with garbage in any place, and by clocks that are wrong."""

from typing import Final

from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from tests.registry.case import NAME, OTHER, V1
from tests.registry.collection import case
from tests.registry.collection.case import FLOOR
from tests.registry.content import CONFIG, LAYER, image, index, numbered
from tests.registry.images import BASE, TOP
from txregistry.model.digest import Digest
from txregistry.model.names import Reference, Tag
from txregistry.storage import keys
from txregistry.storage.interfaces import Key

DAMAGES: Final = (b"", b"\0garbage", b"[" * 1000, b'{"items": 1}', b"x" * 70_000)
MULTI: Final = Tag("multi")
DAY: Final = 86_400.0


class GarbageTests(case.CollectionTestCase):
    def fill(self) -> None:
        """Have some of everything, of which some is condemned."""
        self.setUp()
        self.push_blobs()
        self.push(numbered(1))
        self.push(index([numbered(1)]), MULTI)
        self.push(image(subject=numbered(1)), V1)
        self.push_images(BASE, TOP, name=OTHER)
        self.point(TOP, V1, OTHER)
        self.push_blob(b"garbage")
        self.push_blob(b"more", OTHER)
        self.collect()
        self.assertTrue(self.holds(b"more", OTHER))  # so there is a note
        self.clock.advance(FLOOR)

    def check_whole(self) -> None:
        """Pull everything that has a tag."""
        self.registry = self.make_registry()
        for name, tag in ((NAME, V1), (NAME, MULTI), (OTHER, V1)):
            waiting: list[Reference] = [tag]
            while waiting:
                found = self.result(self.registry.manifests.find(name, waiting.pop()))
                manifest = found.parse()
                waiting += [each.digest for each in manifest.children]
                for each in manifest.blobs:
                    self.pull_blob(each.digest, name)
        for old in (BASE, TOP):
            self.find(old, OTHER)

    def test_nothing_is_lost_for_garbage_in_any_one_place(self) -> None:
        self.fill()
        places = self.keys()
        self.assertGreater(len(places), 40)
        for number, place in enumerate(places):
            damage = DAMAGES[number % len(DAMAGES)]
            self.fill()
            if place not in self.keys():
                continue  # a random name
            before = self.get(place)
            self.put(place, damage)
            for _ in range(3):
                self.collect()
                self.clock.advance(FLOOR)
            if not place.startswith(keys.COLLECTION):
                self.put(place, before)  # somebody mends it
            try:
                self.check_whole()
            except Exception as error:
                error.add_note(place)
                raise

    def test_garbage_in_all_lists_and_notes_condemns_nothing(self) -> None:
        for damage in DAMAGES:
            self.fill()
            for place in self.keys(keys.COLLECTION):
                self.put(place, damage)
            for _ in range(4):
                self.collect()
                self.clock.advance(FLOOR)
            self.check_whole()
            self.assertFalse(self.is_stored(b"garbage"))


class ClockTests(case.CollectionTestCase):
    def test_node_whose_clock_is_a_day_wrong_loses_nothing(self) -> None:
        for apart in (-DAY, DAY):
            self.setUp()
            self.push_blobs()
            self.push(numbered(1), V1)
            self.push_blob(b"garbage")
            right = self.clock
            wrong = Clock()
            wrong.advance(right.seconds() + apart)
            self.clock = wrong  # the store has the other one
            collector = self.make_collector("wrong")
            self.wait_for(collector.collect())
            self.wait_for(collector.collect())
            self.assertTrue(self.is_stored(b"garbage"))
            right.advance(FLOOR)
            self.wait_for(collector.collect())
            self.assertFalse(self.is_stored(b"garbage"))
            for data in (CONFIG, LAYER):
                self.assertEqual(self.pull_blob(Digest.of(data)), data)
            self.clock = right

    def test_condemned_by_one_that_is_ahead_is_removed_by_none_too_soon(self) -> None:
        self.push_blob(b"garbage")
        self.collect()
        with capturedLogs():
            ahead = Clock()
            ahead.advance(self.clock.seconds() + DAY)
            right, self.clock = self.clock, ahead
            self.wait_for(self.make_collector("ahead").collect())
            self.clock = right
        self.assertTrue(self.holds(b"garbage"))
        self.assertIn(Key(keys.blob(Digest.of(b"garbage"))), self.keys())
