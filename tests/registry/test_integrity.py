"""Tests of ``txregistry/registry/integrity.py``: a reader never gets wrong bytes."""

from twisted.logger import LogLevel, capturedLogs

from tests.registry.case import NAME, RegistryTestCase
from tests.temporary import make_folder
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.storage import keys
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.memory import MemoryObjectStore
from txregistry.streams import CHUNK
from txregistry.tasks import at_once

DATA = bytes(range(256)) * (CHUNK // 128)
DIGEST = Digest.of(DATA)


class IntegrityTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blob(DATA)

    def rot(self, data: bytes) -> None:
        """Change a blob in the store."""
        self.put(keys.blob(DIGEST), data)

    def read(self) -> tuple[bytes, bool]:
        """Read a blob; give what comes, and whether it comes to an end."""
        found: list[bytes] = []

        async def read() -> bool:
            blob = await self.registry.blobs.find(NAME, DIGEST)
            reader = await self.registry.blobs.open(blob, 0, blob.size)
            try:
                while data := await reader.read(CHUNK):
                    found.append(data)
            except BlobUnknown:
                return False
            finally:
                await reader.close()
            return True

        whole = self.result(read())
        return b"".join(found), whole

    def test_sound_blob_is_read_to_its_end(self) -> None:
        self.registry = self.make_registry()
        self.assertEqual(self.read(), (DATA, True))

    def test_sound_blob_is_checked_once(self) -> None:
        self.registry = self.make_registry()
        self.read()
        blob = self.result(self.registry.blobs.find(NAME, DIGEST))
        verdict = self.registry.blobs._integrity.verdict(DIGEST, blob.stat)
        self.assertTrue(verdict)

    def test_rotten_blob_never_comes_to_its_end(self) -> None:
        self.rot(b"x" + DATA[1:])
        found, whole = self.read()
        self.assertFalse(whole)
        self.assertLess(len(found), len(DATA))

    def test_last_piece_is_held_back(self) -> None:
        self.rot(DATA[:-1] + b"x")
        found, _ = self.read()
        self.assertEqual(found, DATA[: len(DATA) - CHUNK])

    def test_blob_that_is_cut_off_never_comes_to_its_end(self) -> None:
        self.rot(DATA[:-1])
        self.assertFalse(self.read()[1])

    def test_blob_of_nothing_never_comes_to_its_end(self) -> None:
        self.rot(b"")
        self.assertEqual(self.read(), (b"", False))

    def test_rotten_blob_is_unknown_from_then_on(self) -> None:
        self.rot(b"x" + DATA[1:])
        self.read()
        self.fails(BlobUnknown, self.registry.blobs.find(NAME, DIGEST))

    def test_rotten_blob_is_logged(self) -> None:
        self.rot(b"x" + DATA[1:])
        with capturedLogs() as events:
            self.read()
        self.assertEqual(
            [(event["log_level"], event["digest"]) for event in events],
            [(LogLevel.error, str(DIGEST))],
        )

    def test_rotten_blob_is_healed_by_a_push(self) -> None:
        self.rot(b"x" + DATA[1:])
        self.read()
        self.push_blob(DATA)
        self.assertEqual(self.read(), (DATA, True))

    def test_rot_after_a_check_is_found(self) -> None:
        self.read()
        self.rot(b"x" + DATA[1:])
        self.assertFalse(self.read()[1])

    def test_empty_blob_is_sound(self) -> None:
        digest = self.push_blob(b"")
        self.registry = self.make_registry()
        self.assertEqual(self.pull_blob(digest), b"")


class PartsTests(RegistryTestCase):
    """A part is sent unchecked, and the whole is checked beside it."""

    def make_store(self) -> MemoryObjectStore:
        store = MemoryObjectStore(self.clock)
        store.flat = False
        return store

    def setUp(self) -> None:
        super().setUp()
        self.push_blob(DATA)

    async def part(self) -> bytes:
        blob = await self.registry.blobs.find(NAME, DIGEST)
        reader = await self.registry.blobs.open(blob, 0, 10)
        try:
            return await reader.read(10)
        finally:
            await reader.close()

    def test_part_of_a_rotten_blob_is_sent_once_at_most(self) -> None:
        self.put(keys.blob(DIGEST), b"x" + DATA[1:])
        self.registry = self.make_registry()
        with capturedLogs() as events:
            self.result(self.part())
        self.fails(BlobUnknown, self.part())
        levels = [event["log_level"] for event in events]
        self.assertIn(LogLevel.error, levels)

    def test_where_a_read_is_a_request_nothing_more_is_read(self) -> None:
        self.put(keys.blob(DIGEST), b"x" + DATA[1:])
        self.store.flat = True
        self.registry = self.make_registry()
        for _ in range(2):
            self.result(self.part())

    def test_part_of_a_sound_blob_proves_the_whole(self) -> None:
        self.registry = self.make_registry()
        self.assertEqual(self.result(self.part()), DATA[:10])
        blob = self.result(self.registry.blobs.find(NAME, DIGEST))
        verdict = self.registry.blobs._integrity.verdict(DIGEST, blob.stat)
        self.assertTrue(verdict)


class FilesTests(RegistryTestCase):
    """What was hashed on its way in is not hashed again on its way out."""

    def make_store(self) -> FilesystemObjectStore:
        scratch = f"{keys.PRIVATE}scratch"
        return FilesystemObjectStore(make_folder(self), scratch, at_once, {})

    def test_pushed_blob_is_known_to_be_sound(self) -> None:
        self.push_blob(DATA)
        blob = self.result(self.registry.blobs.find(NAME, DIGEST))
        verdict = self.registry.blobs._integrity.verdict(DIGEST, blob.stat)
        self.assertTrue(verdict)
