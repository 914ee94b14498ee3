"""Tests of ``txregistry/transfer/oldlayer.py``, by what an import makes of it."""

from tests.transfer import case
from tests.transfer.case import WEB
from tests.transfer.sources import BrokenSource, CountingSource
from tests.web.v1.images import BASE, TOP, B
from txregistry.model.images import ImageId
from txregistry.storage.interfaces import Key, NotFound
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import IReader, read_all


class BrokenConnectionTests(case.TreeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.tree.image(BASE)
        self.tree.tag("acme/web", "latest", B)

    def test_a_layer_is_read_on_where_it_broke(self) -> None:
        source = BrokenSource(self.make_source(), 3)
        self.assertTrue(self.run_import(source).is_complete)
        found = self.result(self.registry.images.find(WEB, ImageId(B)))
        self.assertEqual(self.pull_blob(found.layer.digest, WEB), BASE.layer)

    def test_a_layer_that_breaks_all_the_time_is_left_out(self) -> None:
        source = BrokenSource(self.make_source(), 99)
        report = self.run_import(source)
        reason = "it cannot be read: the connection broke"
        self.assertIn(("image", B, reason), self.left_out(report))

    def test_a_layer_that_changes_meanwhile_is_left_out(self) -> None:
        inner = MemoryObjectStore(self.clock, self.tree.files)
        key = Key(f"images/{B}/layer")

        class Changing(BrokenSource):
            async def open(self, key: Key, start: int, stop: int) -> IReader:
                reader = await super().open(key, start, stop)
                await inner.put(key, TOP.layer)
                return reader

        report = self.run_import(Changing(inner, 1))
        self.assertEqual(
            self.left_out(report)[0],
            ("image", B, "its layer changed while it was read"),
        )
        self.assertEqual(self.result(inner.get(key, 1 << 20)), TOP.layer)

    def test_a_layer_that_goes_away_is_left_out(self) -> None:
        inner = MemoryObjectStore(self.clock, self.tree.files)

        class Vanishing(CountingSource):
            async def open(self, key: Key, start: int, stop: int) -> IReader:
                del start, stop
                raise NotFound(key)

        report = self.run_import(Vanishing(inner))
        self.assertEqual(
            self.left_out(report)[0],
            ("image", B, "its layer changed while it was read"),
        )

    def test_the_source_is_read_whole_in_the_end(self) -> None:
        source = BrokenSource(self.make_source(), 0)
        reader: IReader = self.result(source.open(Key(f"images/{B}/layer"), 0, 1 << 20))
        self.assertEqual(self.result(read_all(reader, 1 << 20)), BASE.layer)
