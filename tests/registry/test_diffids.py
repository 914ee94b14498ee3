"""Tests of ``txregistry/registry/diffids.py``."""

from tests.registry import images
from tests.registry.case import NAME, OTHER
from tests.registry.images import gzipped, plain, tar, zstandard
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.registry import diffids
from txregistry.registry.diffids import DiffIds
from txregistry.tasks import at_once

TAR = tar(a="1")


class DiffIdsTests(images.ImageTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.diff_ids = DiffIds(self.registry.blobs, at_once)

    def find(self, data: bytes) -> Digest | None:  # type: ignore[override]  # of layers
        return self.result(self.diff_ids.find(NAME, self.push_blob(data)))

    def test_every_compression_gives_the_same(self) -> None:
        for pack in (plain, gzipped, zstandard):
            self.assertEqual(self.find(pack(TAR)), Digest.of(TAR))

    def test_what_cannot_be_unpacked_gives_none(self) -> None:
        self.assertIsNone(self.find(gzipped(TAR)[:-1]))

    def test_bomb_gives_none(self) -> None:
        self.patch(diffids, "_UNPACKED", len(TAR) - 1)
        self.assertIsNone(self.find(gzipped(TAR)))

    def test_layer_is_read_once(self) -> None:
        digest = self.push_blob(gzipped(TAR))
        for _ in range(2):
            found = self.result(self.diff_ids.find(NAME, digest))
            self.assertEqual(found, Digest.of(TAR))
            self.registry.blobs.open = None  # type: ignore[method-assign, assignment]  # not again

    def test_least_used_is_forgotten(self) -> None:
        self.patch(diffids, "_REMEMBERED", 2)
        for number in range(4):
            self.find(tar(a=str(number)))
        self.assertEqual(len(self.diff_ids._known), 2)

    def test_layer_of_another_repository_is_unknown(self) -> None:
        digest = self.push_blob(TAR, OTHER)
        self.fails(BlobUnknown, self.diff_ids.find(NAME, digest))
