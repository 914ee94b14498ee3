"""Tests of ``txregistry/registry/manifests.py``."""

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import LogLevel, capturedLogs

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from tests.registry.content import BLOBS, image, numbered
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest
from txregistry.model.errors import ManifestUnknown, NameUnknown
from txregistry.model.manifests import MAX_SIZE
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry import manifests
from txregistry.registry.manifests import StoredManifest
from txregistry.storage import keys
from txregistry.storage.interfaces import Key

DATA = image()
DIGEST = Digest.of(DATA)


class ManifestsTestCase(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()

    def find(
        self, reference: Reference = DIGEST, name: RepositoryName = NAME
    ) -> StoredManifest:
        return self.result(self.registry.manifests.find(name, reference))

    def unknown(self, reference: Reference = DIGEST) -> None:
        self.fails(ManifestUnknown, self.registry.manifests.find(NAME, reference))


class FindTests(ManifestsTestCase):
    def test_bytes_are_as_they_were_pushed(self) -> None:
        self.push(DATA)
        self.assertEqual(self.find().data, DATA)

    def test_type_is_told(self) -> None:
        self.push(DATA)
        self.assertEqual(self.find().media_type, OCI_MANIFEST)

    def test_tag_is_followed(self) -> None:
        self.push(DATA, V1)
        self.assertEqual(self.find(V1).digest, DIGEST)

    def test_absent_manifest_is_unknown(self) -> None:
        self.unknown()

    def test_absent_tag_is_unknown(self) -> None:
        self.unknown(V1)

    def test_absent_repository_is_unknown(self) -> None:
        self.fails(NameUnknown, self.registry.manifests.find(OTHER, DIGEST))

    def test_manifest_of_another_repository_is_unknown(self) -> None:
        self.push(DATA)
        self.push_blobs(OTHER)
        self.fails(ManifestUnknown, self.registry.manifests.find(OTHER, DIGEST))

    def test_what_is_remembered_is_given_again(self) -> None:
        self.push(DATA)
        self.find()
        self.assertEqual(self.find().data, DATA)

    def test_deleted_manifest_is_not_remembered(self) -> None:
        self.push(DATA)
        self.find()
        self.result(self.registry.manifests.forget(NAME, DIGEST))
        self.unknown()

    def test_sha512_is_the_digest_that_was_asked_for(self) -> None:
        digest = Digest.of(DATA, "sha512")
        self.push(DATA, digest)
        self.assertEqual(self.find(digest).digest, digest)

    def test_sha512_is_found_by_sha256_as_well(self) -> None:
        self.push(DATA, Digest.of(DATA, "sha512"))
        self.assertEqual(self.find().data, DATA)

    def test_tag_remembers_sha512(self) -> None:
        digest = Digest.of(DATA, "sha512")
        work = self.registry.acceptance.push(NAME, digest, DATA, None, [V1])
        self.result(work)
        self.assertEqual(self.find(V1).digest, digest)


class DamageTests(ManifestsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push(DATA, V1)

    def test_damaged_manifest_is_unknown(self) -> None:
        self.put(keys.blob(DIGEST), DATA + b" ")
        self.unknown(V1)

    def test_damaged_manifest_is_logged(self) -> None:
        self.put(keys.blob(DIGEST), DATA + b" ")
        with capturedLogs() as events:
            self.unknown()
        self.assertEqual(
            [(event["log_level"], event["digest"]) for event in events],
            [(LogLevel.error, str(DIGEST))],
        )

    def test_damaged_manifest_is_healed_by_a_push(self) -> None:
        self.put(keys.blob(DIGEST), b"")
        self.unknown()
        self.push(DATA)
        self.assertEqual(self.find().data, DATA)

    def test_damaged_manifest_can_be_deleted(self) -> None:
        self.put(keys.blob(DIGEST), b"")
        self.result(self.registry.acceptance.delete(NAME, DIGEST))
        self.assertEqual(self.tags(), [])

    def test_manifest_that_is_gone_from_the_store_is_unknown(self) -> None:
        self.result(self.store.delete([keys.blob(DIGEST)]))
        self.unknown()

    def test_manifest_that_is_too_large_is_unknown(self) -> None:
        data = b" " * (MAX_SIZE + 1)
        self.put(keys.blob(Digest.of(data)), data)
        self.put(
            keys.revision_link(NAME, Digest.of(data)), str(Digest.of(data)).encode()
        )
        self.unknown(Digest.of(data))

    def test_manifest_of_a_kind_that_is_not_kept_is_unknown(self) -> None:
        data = b'{"schemaVersion": 1, "fsLayers": []}'
        digest = Digest.of(data)
        self.put(keys.blob(digest), data)
        self.put(keys.revision_link(NAME, digest), str(digest).encode())
        with capturedLogs() as events:
            self.unknown(digest)
        self.assertEqual([event["digest"] for event in events], [str(digest)])

    def test_link_that_is_malformed_counts_as_absent(self) -> None:
        for link in (b"", b"x", str(DIGEST).encode() + b"\n", b"\xff", b"x" * 999):
            self.put(keys.revision_link(NAME, DIGEST), link)
            self.unknown()


class MemoryTests(ManifestsTestCase):
    def test_what_is_remembered_has_a_limit(self) -> None:
        self.patch(manifests, "_CACHED", 3 * len(numbered(0)))
        self.patch(manifests, "_OVERHEAD", 0)
        digests = [self.push(numbered(number)) for number in range(9)]
        for digest in digests:
            self.find(digest)
        self.assertEqual(len(self.registry.manifests._cache), 3)

    def test_two_that_read_the_same_at_once_count_it_once(self) -> None:
        digest = self.push(DATA)
        cold = self.make_registry().manifests
        waiting: list[Deferred[None]] = []
        get = self.store.get

        async def slow(key: str, limit: int) -> bytes:
            waiting.append(Deferred())
            await waiting[-1]
            return await get(Key(key), limit)

        self.patch(self.store, "get", slow)
        both = DeferredList(
            [Deferred.fromCoroutine(cold.find(NAME, digest)) for _ in range(2)]
        )
        while waiting:
            waiting.pop(0).callback(None)
        self.successResultOf(both)
        self.assertEqual(cold._cached, len(DATA) + manifests._OVERHEAD)


class RepositoryTests(ManifestsTestCase):
    def has(self, name: RepositoryName) -> bool:
        return self.result(self.registry.manifests.has_repository(name))

    def test_one_with_blobs_is_known(self) -> None:
        self.assertTrue(self.has(NAME))

    def test_one_with_an_upload_only_is_not(self) -> None:
        self.result(self.registry.uploads.begin(OTHER))
        self.assertFalse(self.has(OTHER))

    def test_one_that_has_others_within_is_not(self) -> None:
        self.assertFalse(self.has(RepositoryName("library")))

    def test_one_from_which_all_was_deleted_is_not(self) -> None:
        for data in BLOBS:
            self.result(self.registry.blobs.unlink(NAME, Digest.of(data)))
        self.assertFalse(self.has(NAME))


class AllTests(ManifestsTestCase):
    def all(self, name: RepositoryName = NAME) -> set[Digest]:
        return set(self.result(self.registry.manifests.all(name)))

    def test_every_name_of_every_manifest_is_given(self) -> None:
        sha512 = Digest.of(DATA, "sha512")
        self.push(DATA, sha512)
        self.push(numbered(1), V1)
        self.assertEqual(self.all(), {Digest.of(DATA), sha512, Digest.of(numbered(1))})

    def test_those_of_other_repositories_are_not(self) -> None:
        self.push(DATA)
        self.assertEqual(self.all(OTHER), set())

    def test_file_of_somebody_else_is_none(self) -> None:
        self.push(DATA)
        self.put(f"{keys.revision_links(NAME)}sha256/strange/link", b"x")
        self.assertEqual(self.all(), {Digest.of(DATA)})


class TaggedTests(ManifestsTestCase):
    """What a tag goes on pointing to is not looked for again at once."""

    def setUp(self) -> None:
        super().setUp()
        self.push(DATA, V1)
        self.find(V1)

    def test_is_found_without_its_link_for_a_while(self) -> None:
        self.result(self.store.delete([keys.revision_link(NAME, DIGEST)]))
        self.clock.advance(29)
        self.assertEqual(self.find(V1).data, DATA)
        self.clock.advance(2)
        self.unknown(V1)

    def test_by_digest_the_link_is_asked_for(self) -> None:
        self.result(self.store.delete([keys.revision_link(NAME, DIGEST)]))
        self.unknown(DIGEST)

    def test_is_gone_with_the_tag(self) -> None:
        self.result(self.store.delete([keys.tag_link(NAME, V1)]))
        self.unknown(V1)

    def test_moves_with_the_tag(self) -> None:
        other = image(annotations={"a": "b"})
        self.push(other, V1)
        self.assertEqual(self.find(V1).data, other)

    def test_is_gone_when_it_was_forgotten_here(self) -> None:
        self.result(self.registry.manifests.forget(NAME, DIGEST))
        self.unknown(V1)

    def test_is_told_by_the_digest_that_the_tag_has(self) -> None:
        digest = Digest.of(DATA, "sha512")
        self.push(DATA, digest)
        self.result(self.registry.tags.point(NAME, V1, digest))
        for _ in range(2):
            self.assertEqual(self.find(V1).digest, digest)
