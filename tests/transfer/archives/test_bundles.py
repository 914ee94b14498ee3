"""Tests of ``txregistry/transfer/archives/bundles.py`` and of what writes them."""

from tests.integration.clients.images import contents_of, make_image, make_index
from tests.registry.case import NAME, OTHER
from tests.transfer.archives import case
from tests.transfer.archives.building import layout, pack
from tests.transfer.archives.case import IT
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.storage import keys
from txregistry.streams import BytesReader
from txregistry.tasks import at_once
from txregistry.transfer.archives.bundles import Bundle, BundledImage, parse_bundle
from txregistry.transfer.archives.head import read_head
from txregistry.transfer.archives.places import BUNDLE, INDEX, LAYOUT
from txregistry.transfer.archives.refusals import ArchiveMalformed
from txregistry.transfer.archives.writing import Wanted

IMAGE, MANY = make_image("one"), make_index("many")
A, B = Digest("sha256", "a" * 64), Digest("sha256", "b" * 64)


class BundleTests(case.ArchiveTestCase):
    def bundled(self) -> tuple[bytes, Bundle]:
        """Write a bundle of two images; give also what it says of itself."""
        self.push_image(IMAGE)
        self.push_image(MANY, name=OTHER)
        wanted = [Wanted(NAME, IT), Wanted(OTHER, Digest.parse(MANY.digest))]
        plan = self.result(self.make_writer().plan(wanted, bundled=True))
        data = self.write(plan)
        head = self.result(read_head(BytesReader(data), {BUNDLE}, self.clock, at_once))
        return data, parse_bundle(head[BUNDLE])

    def test_what_it_says(self) -> None:
        _, bundle = self.bundled()
        contents = {**contents_of(IMAGE), **contents_of(MANY)}
        self.assertEqual(
            bundle,
            Bundle(
                (
                    BundledImage(NAME, IT, Digest.parse(IMAGE.digest)),
                    BundledImage(OTHER, None, Digest.parse(MANY.digest)),
                ),
                {Digest.parse(each): len(data) for each, data in contents.items()},
            ),
        )
        self.assertEqual(str(bundle.images[0]), f"{NAME}:{IT}")
        self.assertEqual(str(bundle.images[1]), f"{OTHER}@{MANY.digest}")
        self.assertEqual(parse_bundle(bundle.encode()), bundle)

    def test_a_reader_gives_it_to_who_wants_it(self) -> None:
        data, bundle = self.bundled()

        async def read() -> bytes | None:
            async with self.make_reader().open(BytesReader(data)) as archive:
                return archive.bundle

        found = self.result(read())
        assert found is not None
        self.assertEqual(parse_bundle(found), bundle)

    def test_what_is_not_as_it_says(self) -> None:
        bundle = Bundle((BundledImage(NAME, IT, A),), {A: 1, B: 2})
        bundle.check({A: 1, B: 2})
        for found in (
            {A: 1},
            {A: 1, B: 3},
            {A: 1, B: 2, Digest("sha256", "c" * 64): 1},
        ):
            with self.assertRaises(ArchiveMalformed):
                bundle.check(found)

    def test_an_archive_that_is_none(self) -> None:
        self.push_image(IMAGE)
        data = self.write(self.plan())
        head = self.result(
            read_head(BytesReader(data), {BUNDLE, INDEX}, self.clock, at_once)
        )
        self.assertEqual([*head], [INDEX])

    def test_a_blob_that_is_not_as_long_as_the_image_says(self) -> None:
        self.push_image(IMAGE)
        stored = keys.blob(Digest.parse(IMAGE.layers[0].digest))
        self.result(self.store.put(stored, b"short"))
        wanted = [Wanted(NAME, IT)]
        said = self.fails(BlobUnknown, self.make_writer().plan(wanted))
        self.assertIn("it has 5", said.message)


class HeadTests(case.ArchiveTestCase):
    def head(self, data: bytes, *wanted: str) -> dict[str, bytes]:
        """Read documents at the head of an archive."""
        return self.result(read_head(BytesReader(data), wanted, self.clock, at_once))

    def test_documents(self) -> None:
        members = layout({"1": IMAGE})
        found = self.head(pack(members), LAYOUT, INDEX, BUNDLE)
        assert isinstance(members[1], tuple)
        self.assertEqual(found[INDEX], members[1][1])
        self.assertEqual(sorted(found), [INDEX, LAYOUT])

    def test_what_is_no_archive(self) -> None:
        for data in (b"", b"x" * 5000, pack(layout({"1": IMAGE}))[:700]):
            self.assertNotIn(INDEX, self.head(data, INDEX))

    def test_it_is_not_looked_for_without_end(self) -> None:
        members = [(f"x{number}", b"") for number in range(20)]
        self.assertEqual(self.head(pack([*members, (INDEX, b"{}")]), INDEX), {})
