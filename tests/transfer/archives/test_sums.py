"""Tests of ``txregistry/transfer/archives/sums.py``."""

import gzip

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.compression import Compression
from txregistry.model.digest import Digest
from txregistry.transfer.archives.sums import ContentSums, Found

PLAIN = bytes(range(256)) * 40
PACKED = gzip.compress(PLAIN, mtime=0)
LIMIT = 1 << 20


def sums(data: bytes, algorithm: str = "sha256", limit: int = LIMIT) -> Found:
    """Hash content that comes in pieces."""
    hashing = ContentSums(limit, algorithm)
    for start in range(0, len(data), 50):
        hashing.update(data[start : start + 50])
    return hashing.finish()


class SumsTests(SynchronousTestCase):
    def assertFound(
        self, data: bytes, unpacked: bytes | None, compression: Compression
    ) -> None:
        """Content is itself, and unpacks to something, or not."""
        digest = Digest.of(data)
        diff_id = None if unpacked is None else Digest.of(unpacked)
        found = sums(data)
        wanted = Found(digest, digest, len(data), diff_id, compression, is_bomb=False)
        self.assertEqual(found, wanted)

    def test_content_that_is_not_packed(self) -> None:
        for data in (PLAIN, b"", b"abc"):
            self.assertFound(data, data, Compression.NONE)

    def test_content_that_is_packed(self) -> None:
        self.assertFound(PACKED, PLAIN, Compression.GZIP)

    def test_content_that_cannot_be_unpacked_to_its_end(self) -> None:
        for data in (
            PACKED[:-1],
            PACKED + b"x" * 200,
            PACKED[:20] + PACKED,
            PACKED[:5],
        ):
            self.assertFound(data, None, Compression.NONE)

    def test_bombs(self) -> None:
        bomb = gzip.compress(bytes(LIMIT + 1))
        found = sums(bomb)
        self.assertEqual((found.diff_id, found.is_bomb), (None, True))
        self.assertEqual((found.stored, found.size), (Digest.of(bomb), len(bomb)))
        self.assertFalse(sums(gzip.compress(bytes(LIMIT))).is_bomb)

    def test_other_names(self) -> None:
        found = sums(PACKED, "sha512")
        self.assertEqual(found.named, Digest.of(PACKED, "sha512"))
        self.assertEqual(found.stored, Digest.of(PACKED))
        self.assertEqual(found.diff_id, Digest.of(PLAIN))
