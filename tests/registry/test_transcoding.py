"""Tests of ``txregistry/registry/transcoding.py``."""

import bz2
import gzip
import io
import lzma
import tracemalloc

from backports import zstd
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from tests.registry import images
from tests.registry.case import NAME, OTHER
from tests.registry.images import gzipped, plain, tar, zstandard
from tests.registry.interleaving import Queue
from txregistry.model.compression import Compression
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName
from txregistry.registry import transcoding
from txregistry.registry.blobs import Blob
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.streams import read_all

TAR = tar(one="1" * 1000, two="2")
ZSTD = zstandard(TAR)


class TranscodingCase(images.ImageTestCase):
    def blob(self, data: bytes, name: RepositoryName = NAME) -> Blob:
        """Push a layer."""
        digest = self.push_blob(data, name)
        return self.result(self.registry.blobs.find(name, digest))

    def make(self, blob: Blob, name: RepositoryName = NAME) -> bytes:
        """Give a layer in gzip, unpacked."""
        made = self.result(self.registry.transcoding.make(name, blob))
        return gzip.decompress(self.pull_blob(made.stored, name))

    def made(self, blob: Blob, name: RepositoryName = NAME) -> Blob | None:
        """Give what was made already."""
        return self.result(self.registry.transcoding.find(name, blob))

    def unmakeable(self, blob: Blob) -> None:
        """Expect that a layer cannot be made in gzip, and leaves nothing."""
        before = self.keys()
        self.fails(BlobUnknown, self.registry.transcoding.make(NAME, blob))
        self.assertEqual(self.keys(), before)


class MakeTests(TranscodingCase):
    def test_content_is_the_same_from_every_compression(self) -> None:
        for pack in (zstandard, bz2.compress, lzma.compress, gzipped, plain):
            self.setUp()
            self.assertEqual(self.make(self.blob(pack(TAR))), TAR)

    def test_several_frames_are_one_layer(self) -> None:
        half = len(TAR) // 2
        for pack in (zstandard, bz2.compress, lzma.compress):
            self.setUp()
            data = pack(TAR[:half]) + pack(TAR[half:])
            self.assertEqual(self.make(self.blob(data)), TAR)

    def test_large_layer_is_whole(self) -> None:
        data = bytes(range(256)) * 8192
        self.assertEqual(self.make(self.blob(zstandard(data))), data)

    def test_same_layer_gives_the_same_bytes(self) -> None:
        found = set()
        for pack in (zstandard, bz2.compress):
            self.setUp()
            blob = self.blob(pack(TAR))
            found.add(self.result(self.registry.transcoding.make(NAME, blob)).stored)
        self.assertEqual(len(found), 1)

    def test_it_is_remembered(self) -> None:
        blob = self.blob(ZSTD)
        self.assertIsNone(self.made(blob))
        self.make(blob)
        self.registry = self.make_registry()
        found = self.made(blob)
        assert found is not None
        self.assertEqual(gzip.decompress(self.pull_blob(found.stored)), TAR)

    def test_nothing_is_left_of_making_it(self) -> None:
        self.make(self.blob(ZSTD))
        self.assertEqual(self.keys(keys.single_uploads()), ())

    def test_another_repository_that_holds_the_layer_has_it_too(self) -> None:
        self.make(self.blob(ZSTD))
        blob = self.blob(ZSTD, OTHER)
        found = self.made(blob, OTHER)
        assert found is not None
        self.assertEqual(gzip.decompress(self.pull_blob(found.stored, OTHER)), TAR)

    def test_it_is_made_again_where_it_was_deleted_from_the_store(self) -> None:
        blob = self.blob(ZSTD)
        made = self.result(self.registry.transcoding.make(NAME, blob))
        self.result(self.store.delete([keys.blob(made.stored)]))
        self.assertIsNone(self.made(blob))
        self.assertEqual(self.make(blob), TAR)

    def test_it_is_there_again_where_it_was_unlinked(self) -> None:
        blob = self.blob(ZSTD)
        made = self.result(self.registry.transcoding.make(NAME, blob))
        self.result(self.registry.blobs.unlink(NAME, made.stored))
        self.assertEqual(self.make(blob), TAR)

    def test_compression_is_found_out(self) -> None:
        for pack, wanted in (
            (plain, Compression.NONE),
            (gzipped, Compression.GZIP),
            (bz2.compress, Compression.BZIP2),
            (lzma.compress, Compression.XZ),
            (zstandard, Compression.ZSTD),
            (lambda _: b"", Compression.NONE),
            (lambda _: b"\x28", Compression.NONE),
        ):
            blob = self.blob(pack(TAR))
            found = self.result(self.registry.transcoding.compression(blob))
            self.assertIs(found, wanted)


class TroubleTests(TranscodingCase):
    def test_layer_that_was_pushed_damaged_leaves_nothing(self) -> None:
        for data in (ZSTD[:-1], ZSTD[:20], ZSTD + b"more", ZSTD[:30] + ZSTD[31:]):
            self.setUp()
            with capturedLogs() as events:
                self.unmakeable(self.blob(data))
            self.assertIn("cannot be", str(events[-1]["log_format"]))

    def test_layer_that_rots_leaves_nothing(self) -> None:
        blob = self.blob(ZSTD)
        self.put(keys.blob(blob.stored), zstandard(TAR[:-1] + b"x"))
        self.registry = self.make_registry()
        blob = self.result(self.registry.blobs.find(NAME, blob.digest))
        with capturedLogs() as events:
            self.unmakeable(blob)
        self.assertFalse([e for e in events if e["log_level"] is LogLevel.critical])

    def test_layer_that_went_leaves_nothing(self) -> None:
        blob = self.blob(ZSTD)
        self.result(self.store.delete([keys.blob(blob.stored)]))
        self.unmakeable(blob)

    def test_after_a_failure_it_can_be_made(self) -> None:
        blob = self.blob(ZSTD)
        self.result(self.store.delete([keys.blob(blob.stored)]))
        self.unmakeable(blob)
        self.assertEqual(self.make(self.blob(ZSTD)), TAR)

    def test_failures_take_no_slot(self) -> None:
        for number in range(4):
            self.unmakeable(self.blob(zstandard(tar(a=str(number)))[:-1]))
        self.assertEqual(self.make(self.blob(ZSTD)), TAR)

    def test_layer_that_unpacks_to_more_than_any_is_refused(self) -> None:
        self.patch(transcoding, "_UNPACKED", len(TAR) - 1)
        self.unmakeable(self.blob(ZSTD))
        self.patch(transcoding, "_UNPACKED", len(TAR))
        self.assertEqual(self.make(self.blob(ZSTD)), TAR)

    def test_bomb_is_never_held_in_memory(self) -> None:
        size = 100 * 1024 * 1024
        packer = zstd.ZstdCompressor()
        zeros = bytes(1 << 20)
        packed = b"".join(packer.compress(zeros) for _ in range(size >> 20))
        blob = self.blob(packed + packer.flush())
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        made = self.result(self.registry.transcoding.make(NAME, blob))
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, 8 << 20)
        with gzip.open(self.stream(made)) as file:
            self.assertEqual(sum(map(len, iter(lambda: file.read(1 << 20), b""))), size)

    def stream(self, blob: Blob) -> io.BytesIO:
        return io.BytesIO(self.pull_blob(blob.stored))


class WaitingTests(TranscodingCase):
    """Layers are made while the work that blocks waits."""

    def setUp(self) -> None:
        super().setUp()
        self.queue = Queue()
        self.registry = Registry(
            self.store, self.clock, self.queue, new_session=self.new_session
        )

    def begin(self, blob: Blob, name: RepositoryName = NAME) -> Deferred[Blob]:
        """Ask for a layer in gzip."""
        self.queue.waits = True
        return Deferred.fromCoroutine(self.registry.transcoding.make(name, blob))

    def go_on(self) -> None:
        """Do all the work that waits."""
        while len(self.queue):
            self.queue.do(0)
        self.queue.waits = False

    def under_way(self) -> int:
        """Say how many layers are being made."""
        return len(self.keys(keys.single_uploads()))

    def test_it_is_made_once_for_all_who_ask(self) -> None:
        blob = self.blob(ZSTD)
        asked = [self.begin(blob) for _ in range(3)]
        self.assertEqual(self.under_way(), 1)
        self.assertEqual(len(self.queue), 1)
        self.go_on()
        found = {self.successResultOf(each).stored for each in asked}
        self.assertEqual(len(found), 1)

    def test_it_is_made_once_for_two_repositories(self) -> None:
        blob, other = self.blob(ZSTD), self.blob(ZSTD, OTHER)
        asked = [self.begin(blob), self.begin(other, OTHER)]
        self.assertEqual(len(self.queue), 1)
        self.go_on()
        for each, name in zip(asked, (NAME, OTHER), strict=True):
            made = self.successResultOf(each)
            self.assertEqual(gzip.decompress(self.pull_blob(made.stored, name)), TAR)

    def test_it_can_be_read_while_it_is_made(self) -> None:
        blob = self.blob(ZSTD)
        self.queue.waits = True
        filling = self.registry.transcoding.begin(NAME, blob)
        reading = Deferred.fromCoroutine(read_all(filling.reader(), 1 << 20))
        self.assertNoResult(reading)
        self.go_on()
        found = self.successResultOf(reading)
        self.assertEqual(gzip.decompress(found or b""), TAR)
        self.assertEqual(
            Digest.of(found or b""), self.successResultOf(self.begin(blob)).stored
        )

    def test_failure_reaches_who_reads(self) -> None:
        blob = self.blob(ZSTD[:-1])
        self.queue.waits = True
        filling = self.registry.transcoding.begin(NAME, blob)
        reading = Deferred.fromCoroutine(read_all(filling.reader(), 1 << 20))
        self.go_on()
        self.failureResultOf(reading)

    def test_who_leaves_does_not_stop_it(self) -> None:
        blob = self.blob(ZSTD)
        asked = self.begin(blob)
        asked.cancel()
        self.failureResultOf(asked)
        self.go_on()
        self.assertIsNotNone(self.made(blob))

    def test_two_are_made_at_a_time(self) -> None:
        blobs = [self.blob(zstandard(tar(a=str(number)))) for number in range(4)]
        asked = [self.begin(blob) for blob in blobs]
        self.assertEqual(len(self.queue), 2)
        self.go_on()
        for each in asked:
            self.successResultOf(each)
