"""Tests of ``txregistry/registry/blobs.py``."""

from tests.registry.case import NAME, OTHER, RegistryTestCase
from tests.registry.content import image
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown
from txregistry.model.names import RepositoryName
from txregistry.storage import keys
from txregistry.streams import read_all

DATA = b"some bytes"
DIGEST = Digest.of(DATA)
THIRD = RepositoryName("third")


class BlobsTestCase(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.blobs = self.registry.blobs

    def mount(
        self, source: RepositoryName | None, name: RepositoryName = OTHER
    ) -> bool:
        return self.result(self.blobs.mount(name, DIGEST, source))

    def holds(self, name: RepositoryName, digest: Digest = DIGEST) -> bool:
        return self.result(self.blobs.holds(name, digest))


class FindTests(BlobsTestCase):
    def test_size_is_told(self) -> None:
        self.push_blob(DATA)
        self.assertEqual(self.result(self.blobs.find(NAME, DIGEST)).size, len(DATA))

    def test_absent_blob_is_unknown(self) -> None:
        self.fails(BlobUnknown, self.blobs.find(NAME, DIGEST))

    def test_blob_of_another_repository_is_unknown(self) -> None:
        self.push_blob(DATA)
        self.assertFalse(self.holds(OTHER))

    def test_link_without_a_blob_is_unknown(self) -> None:
        self.put(keys.layer_link(NAME, DIGEST), str(DIGEST).encode())
        self.assertFalse(self.holds(NAME))

    def test_content_of_the_link_is_followed(self) -> None:
        self.push_blob(DATA)
        alias = Digest.of(b"by another name")
        self.put(keys.layer_link(NAME, alias), str(DIGEST).encode())
        self.assertEqual(self.pull_blob(alias), DATA)

    def test_part_is_read(self) -> None:
        self.push_blob(DATA)
        blob = self.result(self.blobs.find(NAME, DIGEST))
        reader = self.result(self.blobs.open(blob, 2, 5))
        self.assertEqual(self.result(read_all(reader, 9)), DATA[2:5])

    def test_blob_that_went_away_is_unknown(self) -> None:
        self.push_blob(DATA)
        blob = self.result(self.blobs.find(NAME, DIGEST))
        self.result(self.store.delete([keys.blob(DIGEST)]))
        self.fails(BlobUnknown, self.blobs.open(blob, 0, 5))


class MountTests(BlobsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blob(DATA)

    def test_mounted_blob_is_held(self) -> None:
        self.assertTrue(self.mount(NAME))
        self.assertTrue(self.holds(OTHER))

    def test_source_without_the_blob_is_refused(self) -> None:
        self.assertFalse(self.mount(THIRD))
        self.assertFalse(self.holds(OTHER))

    def test_own_blob_is_mounted(self) -> None:
        self.assertTrue(self.mount(NAME, NAME))

    def test_anybodys_blob_is_found_right_after_its_push(self) -> None:
        self.assertTrue(self.mount(None))

    def test_anybodys_blob_is_found_after_a_restart(self) -> None:
        self.push_blobs()
        self.push(image())
        self.blobs = self.make_registry().blobs
        self.assertTrue(self.mount(None))

    def test_nobodys_blob_is_not_found(self) -> None:
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertFalse(self.mount(None))

    def test_sha512_is_mounted_with_both_names(self) -> None:
        digest = self.push_blob(DATA, algorithm="sha512")
        self.assertTrue(self.result(self.blobs.mount(OTHER, digest, NAME)))
        self.assertTrue(self.holds(OTHER))


class UnlinkTests(BlobsTestCase):
    def test_blob_is_unknown_afterwards(self) -> None:
        self.push_blob(DATA)
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertFalse(self.holds(NAME))

    def test_other_repositories_keep_it(self) -> None:
        self.push_blob(DATA)
        self.mount(NAME)
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertEqual(self.pull_blob(DIGEST, OTHER), DATA)

    def test_absent_blob_is_unknown(self) -> None:
        self.fails(BlobUnknown, self.blobs.unlink(NAME, DIGEST))

    def test_sha256_takes_the_sha512_with_it(self) -> None:
        digest = self.push_blob(DATA, algorithm="sha512")
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertFalse(self.holds(NAME, digest))

    def test_sha512_takes_the_sha256_with_it(self) -> None:
        digest = self.push_blob(DATA, algorithm="sha512")
        self.result(self.blobs.unlink(NAME, digest))
        self.assertFalse(self.holds(NAME))

    def test_other_blobs_keep_their_sha512(self) -> None:
        self.push_blob(DATA)
        other = self.push_blob(b"other", algorithm="sha512")
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertTrue(self.holds(NAME, other))

    def test_leftovers_of_distribution_are_no_names(self) -> None:
        self.push_blob(DATA)
        left = f"{keys.layer_links(NAME)}sha512/{'a' * 128}/link.7.tmp"
        self.put(left, str(DIGEST).encode())
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertFalse(self.holds(NAME))


class StoredTests(BlobsTestCase):
    def is_stored(self, digest: Digest) -> bool:
        return self.result(self.blobs.is_stored(digest))

    def test_content_is_stored_whoever_holds_it(self) -> None:
        self.push_blob(DATA, OTHER)
        self.assertTrue(self.is_stored(DIGEST))

    def test_content_that_nobody_pushed_is_not(self) -> None:
        self.assertFalse(self.is_stored(DIGEST))

    def test_content_that_nobody_holds_any_more_is(self) -> None:
        self.push_blob(DATA)
        self.result(self.blobs.unlink(NAME, DIGEST))
        self.assertTrue(self.is_stored(DIGEST))
