"""Tests of ``txregistry/model/compression.py``."""

import bz2
import gzip
import hashlib
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.model.compression import (
    PIECE,
    Compression,
    CompressionInvalid,
    Decompressor,
    GzipCompressor,
    LayerHash,
    UnpackedTooLarge,
    Unpacker,
    sniff,
)
from txregistry.model.digest import Digest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
PACK: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: gzip.compress,
    Compression.BZIP2: bz2.compress,
    Compression.XZ: lzma.compress,
    Compression.ZSTD: lambda data: zstd.compress(data, options=CHECKED),
}
PACKED = {each: PACK[each] for each in PACK if each is not Compression.NONE}
SKIPPABLE = b"\x5a\x2a\x4d\x18\x04\0\0\0skip"
EMPTY_LAYER = bytes.fromhex(
    "1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000"
)
NOTHING = gzip.compress(b"", mtime=0)
EMPTY_TAR = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
LIMIT = 1 << 30

CONTENTS = st.binary(max_size=300) | st.builds(
    lambda seed, times: seed * times, st.binary(max_size=50), st.integers(0, 9000)
)
CUTS = st.lists(st.integers(0, 400_000), max_size=6)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut bytes into pieces, some of them empty."""
    edges = [0, *sorted(min(each, len(data)) for each in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def unpack(compression: Compression, *pieces: bytes) -> bytes:
    """Unpack a whole file."""
    decompressor = Decompressor(compression)
    out = b"".join(out for piece in pieces for out in decompressor.feed(piece))
    decompressor.finish()
    return out


def hashed(*pieces: bytes, limit: int = LIMIT) -> LayerHash:
    """Take a layer in."""
    hashing = LayerHash(limit)
    for piece in pieces:
        hashing.update(piece)
    return hashing


class SniffTests(SynchronousTestCase):
    def test_knows_what_is_packed(self) -> None:
        for compression, pack in PACK.items():
            self.assertIs(sniff(pack(b"content")), compression)

    def test_skippable_frames_are_of_zstd(self) -> None:
        for last in range(16):
            magic = bytes((0x50 + last,)) + b"\x2a\x4d\x18"
            self.assertIs(sniff(magic), Compression.ZSTD)

    def test_other_frames_are_not(self) -> None:
        self.assertIs(sniff(b"\x60\x2a\x4d\x18"), Compression.NONE)

    def test_a_tar_is_not_packed(self) -> None:
        self.assertIs(sniff(bytes(512)), Compression.NONE)

    def test_nothing_is_not_packed(self) -> None:
        self.assertIs(sniff(b""), Compression.NONE)

    def test_the_beginning_of_a_magic_number_is_none(self) -> None:
        for head in (b"\x1f\x8b", b"\xfd7zXZ", b"BZ", b"\x28\xb5\x2f", b"\x5a\x2a\x4d"):
            self.assertIs(sniff(head), Compression.NONE)


class DecompressorTests(SynchronousTestCase):
    @given(content=CONTENTS, places=CUTS, compression=st.sampled_from(Compression))
    def test_unpacks_however_it_is_cut(
        self, content: bytes, places: list[int], compression: Compression
    ) -> None:
        packed = PACK[compression](content)
        self.assertEqual(unpack(compression, *cut(packed, places)), content)

    def test_unpacks_byte_by_byte(self) -> None:
        for compression, pack in PACK.items():
            pieces = cut(pack(b"content" * 9), range(400))
            self.assertEqual(unpack(compression, *pieces), b"content" * 9)

    def test_reads_what_follows(self) -> None:
        for compression, pack in PACKED.items():
            packed = pack(b"first") + pack(b"") + pack(b"second")
            for pieces in (cut(packed, ()), cut(packed, range(400))):
                self.assertEqual(unpack(compression, *pieces), b"firstsecond")

    def test_skips_skippable_frames(self) -> None:
        packed = SKIPPABLE + zstd.compress(b"one") + SKIPPABLE + zstd.compress(b"two")
        self.assertEqual(unpack(Compression.ZSTD, packed), b"onetwo")

    def test_gives_small_pieces_of_what_is_packed_well(self) -> None:
        zeros = bytes(20 * PIECE + 1)
        for compression, pack in PACK.items():
            sizes = [len(each) for each in Decompressor(compression).feed(pack(zeros))]
            self.assertEqual(sum(sizes), len(zeros))
            self.assertLessEqual(max(sizes), PIECE)

    def test_what_fills_its_pieces_exactly_is_all_there(self) -> None:
        for compression, pack in PACK.items():
            self.assertEqual(
                unpack(compression, pack(bytes(2 * PIECE))), bytes(2 * PIECE)
            )

    def test_unpacks_no_more_than_is_taken(self) -> None:
        pieces = Decompressor(Compression.GZIP).feed(gzip.compress(bytes(PIECE)) + b"?")
        self.assertEqual(len(next(iter(pieces))), PIECE)

    def test_nothing_of_gzip_is_nothing(self) -> None:
        self.assertEqual(unpack(Compression.GZIP, NOTHING), b"")

    def test_refuses_what_is_cut_off_anywhere(self) -> None:
        for compression, pack in PACKED.items():
            packed = pack(b"content")
            for size in range(len(packed)):
                with self.assertRaises(CompressionInvalid):
                    unpack(compression, packed[:size])

    def test_refuses_what_is_cut_off_in_what_follows(self) -> None:
        for compression, pack in PACKED.items():
            packed = pack(b"content")
            with self.assertRaises(CompressionInvalid):
                unpack(compression, packed + packed[:-1])

    def test_refuses_what_is_damaged(self) -> None:
        for compression, pack in PACKED.items():
            packed = bytearray(pack(bytes(range(256))))
            packed[len(packed) // 2] ^= 0xFF
            with self.assertRaises(CompressionInvalid):
                unpack(compression, bytes(packed))

    def test_refuses_a_wrong_check(self) -> None:
        packed = bytearray(gzip.compress(b"content"))
        packed[-8] ^= 1
        with self.assertRaises(CompressionInvalid):
            unpack(Compression.GZIP, bytes(packed))

    def test_refuses_zeros_behind(self) -> None:
        for compression, pack in PACKED.items():
            with self.assertRaises(CompressionInvalid):
                unpack(compression, pack(b"content") + bytes(512))

    def test_refuses_a_million_empty_members(self) -> None:
        decompressor = Decompressor(Compression.GZIP)
        members = NOTHING * 1024
        for _ in range(1024):
            self.assertEqual(list(decompressor.feed(members)), [])
        with self.assertRaises(CompressionInvalid):
            list(decompressor.feed(NOTHING))

    def test_refuses_xz_that_wants_too_much_memory(self) -> None:
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}]
        with self.assertRaises(CompressionInvalid):
            unpack(Compression.XZ, lzma.compress(b"content", filters=filters))

    def test_refuses_zstd_that_wants_too_much_memory(self) -> None:
        options: dict[int, int] = {zstd.CompressionParameter.window_log: 28}
        compressor = zstd.ZstdCompressor(options=options)
        with self.assertRaises(CompressionInvalid):
            unpack(Compression.ZSTD, compressor.compress(b"a") + compressor.flush())

    @given(
        content=st.binary(max_size=200),
        compression=st.sampled_from(sorted(PACKED)),
        size=st.sampled_from((0, 6)),
    )
    def test_anything_is_unpacked_or_refused(
        self, content: bytes, compression: Compression, size: int
    ) -> None:
        head = PACK[compression](b"")[:size]
        try:
            unpack(compression, head + content)
        except CompressionInvalid:
            return


class UnpackerTests(SynchronousTestCase):
    @given(content=CONTENTS, places=CUTS, compression=st.sampled_from(Compression))
    def test_finds_the_compression_itself(
        self, content: bytes, places: list[int], compression: Compression
    ) -> None:
        unpacker = Unpacker(LIMIT)
        unpacked = bytearray()
        content = b"no magic" + content
        for piece in cut(PACK[compression](content), places):
            for out in unpacker.feed(piece):
                unpacked += out
        unpacked += unpacker.finish()
        self.assertEqual(bytes(unpacked), content)
        self.assertIs(unpacker.compression, compression)

    def test_a_layer_of_few_bytes_is_a_layer(self) -> None:
        unpacker = Unpacker(LIMIT)
        self.assertEqual(list(unpacker.feed(b"abc")), [])
        self.assertEqual(unpacker.finish(), b"abc")

    def test_a_magic_number_alone_is_cut_off(self) -> None:
        for head in (b"\x1f\x8b\x08", b"BZh", b"\x28\xb5\x2f\xfd"):
            unpacker = Unpacker(LIMIT)
            self.assertEqual(list(unpacker.feed(head)), [])
            self.assertRaises(CompressionInvalid, unpacker.finish)

    def test_stops_at_the_limit(self) -> None:
        for pack in PACK.values():
            unpacker = Unpacker(3 * PIECE)
            with self.assertRaises(UnpackedTooLarge):
                list(unpacker.feed(pack(bytes(3 * PIECE + 1))))

    def test_goes_up_to_the_limit(self) -> None:
        for pack in PACK.values():
            unpacker = Unpacker(3 * PIECE)
            self.assertEqual(
                sum(map(len, unpacker.feed(pack(bytes(3 * PIECE))))), 3 * PIECE
            )

    def test_few_bytes_can_be_too_many(self) -> None:
        unpacker = Unpacker(2)
        self.assertEqual(list(unpacker.feed(b"abc")), [])
        self.assertRaises(UnpackedTooLarge, unpacker.finish)


class LayerHashTests(SynchronousTestCase):
    def test_of_the_empty_layer_that_docker_pushes(self) -> None:
        layer = hashed(EMPTY_LAYER).finish()
        self.assertEqual(
            layer.digest.encoded,
            "4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1",
        )
        self.assertEqual(layer.diff_id.encoded, EMPTY_TAR)
        self.assertEqual(layer.size, 32)
        self.assertIs(layer.compression, Compression.GZIP)

    def test_of_an_empty_tar_that_is_not_packed(self) -> None:
        layer = hashed(bytes(1024)).finish()
        self.assertEqual(layer.digest, layer.diff_id)
        self.assertEqual(layer.diff_id.encoded, EMPTY_TAR)
        self.assertIs(layer.compression, Compression.NONE)

    def test_of_the_empty_tar_of_gnu(self) -> None:
        self.assertEqual(
            hashed(gzip.compress(bytes(10240))).finish().diff_id.encoded,
            "84ff92691f909a05b224e1c56abb4864f01b4f8e3c854e4bb4c7baf1d3f6d652",
        )

    def test_of_gzip_of_nothing(self) -> None:
        layer = hashed(NOTHING).finish()
        self.assertEqual(layer.diff_id, Digest.of(b""))
        self.assertEqual(layer.size, len(NOTHING))

    def test_of_nothing(self) -> None:
        layer = hashed().finish()
        self.assertEqual(layer.diff_id, Digest.of(b""))
        self.assertIs(layer.compression, Compression.NONE)

    @given(content=CONTENTS, places=CUTS, compression=st.sampled_from(sorted(PACKED)))
    def test_of_any_layer_however_it_is_cut(
        self, content: bytes, places: list[int], compression: Compression
    ) -> None:
        packed = PACK[compression](content)
        layer = hashed(*cut(packed, places)).finish()
        self.assertEqual(layer.digest, Digest.of(packed))
        self.assertEqual(layer.size, len(packed))
        self.assertEqual(layer.diff_id, Digest.of(content))
        self.assertIs(layer.compression, compression)

    def test_refuses_what_is_cut_off(self) -> None:
        self.assertRaises(CompressionInvalid, hashed(EMPTY_LAYER[:-1]).finish)

    def test_refuses_what_is_damaged(self) -> None:
        with self.assertRaises(CompressionInvalid):
            hashed(EMPTY_LAYER + b"more")

    def test_refuses_what_unpacks_to_too_much(self) -> None:
        with self.assertRaises(UnpackedTooLarge):
            hashed(EMPTY_LAYER, limit=1023)


class GzipCompressorTests(SynchronousTestCase):
    def compress(self, *pieces: bytes) -> bytes:
        compressor = GzipCompressor()
        ready = b"".join([compressor.feed(piece) for piece in pieces])
        return ready + compressor.finish()

    @given(content=CONTENTS)
    def test_packs(self, content: bytes) -> None:
        self.assertEqual(gzip.decompress(self.compress(content)), content)

    @given(content=CONTENTS, places=CUTS)
    def test_gives_the_same_however_it_is_cut(
        self, content: bytes, places: list[int]
    ) -> None:
        self.assertEqual(self.compress(*cut(content, places)), self.compress(content))

    def test_gives_the_same_of_much_that_is_cut(self) -> None:
        blocks = (hashlib.sha512(b"%d" % each).digest() for each in range(20_000))
        content = b"".join(each[: each[0] % 64] * (each[1] % 5) for each in blocks)
        self.assertGreater(len(content), 3 * PIECE)
        whole = self.compress(content)
        self.assertEqual(gzip.decompress(whole), content)
        for step in (1000, 65_537, PIECE - 1, PIECE):
            pieces = cut(content, range(0, len(content), step))
            self.assertEqual(self.compress(*pieces), whole)

    def test_the_header_tells_nothing(self) -> None:
        self.assertEqual(
            self.compress(b"content")[:10], b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        )

    def test_nothing_gives_a_whole_file(self) -> None:
        packed = self.compress()
        self.assertEqual(zlib.decompress(packed, 31), b"")
        self.assertEqual(self.compress(b""), packed)

    def test_gives_what_is_ready_before_the_end(self) -> None:
        compressor = GzipCompressor()
        blocks = [hashlib.sha512(b"%d" % each).digest() for each in range(10_000)]
        self.assertGreater(len(compressor.feed(b"".join(blocks))), PIECE)
