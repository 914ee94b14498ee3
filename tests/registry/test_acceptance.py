"""Tests of ``txregistry/registry/acceptance.py``."""

from twisted.logger import capturedLogs

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase, chunk
from tests.registry.content import (
    CONFIG,
    LAYER,
    LAYER_TYPE,
    descriptor,
    image,
    index,
    numbered,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    DigestInvalid,
    ManifestInvalid,
    ManifestUnknown,
    NameUnknown,
    ReferenceUnknown,
)
from txregistry.model.names import Reference, RepositoryName, Tag
from txregistry.storage import keys

DATA = image()
DIGEST = Digest.of(DATA)
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


class PushTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()

    def refuse(
        self, kind: type[Exception], data: bytes, reference: Reference = V1
    ) -> Exception:
        work = self.registry.acceptance.push(NAME, reference, data, None)
        failure: Exception = self.fails(kind, work)
        self.assertEqual(self.tags(), [])
        return failure

    def test_tag_points_to_it(self) -> None:
        self.push(DATA, V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_further_tags_point_to_it(self) -> None:
        work = self.registry.acceptance.push(
            NAME, DIGEST, DATA, None, [Tag("a"), Tag("b")]
        )
        self.result(work)
        self.assertEqual(self.tags(), ["a", "b"])

    def test_digest_is_told(self) -> None:
        self.assertEqual(self.push(DATA, V1), DIGEST)

    def test_links_are_as_distribution_writes_them(self) -> None:
        self.push(DATA, V1)
        for key in (
            keys.revision_link(NAME, DIGEST),
            keys.tag_link(NAME, V1),
            keys.tag_history_link(NAME, V1, DIGEST),
        ):
            self.assertEqual(self.get(key), str(DIGEST).encode())

    def test_another_digest_is_refused(self) -> None:
        self.refuse(DigestInvalid, DATA, Digest.of(b"x"))

    def test_another_sha512_is_refused(self) -> None:
        self.refuse(DigestInvalid, DATA, Digest.of(b"x", "sha512"))

    def test_what_cannot_be_parsed_is_refused(self) -> None:
        self.refuse(ManifestInvalid, b"{")

    def test_missing_layer_is_refused(self) -> None:
        error = self.refuse(ReferenceUnknown, image(layers=[b"absent"]))
        assert isinstance(error, ReferenceUnknown)
        self.assertEqual(error.digests, [str(Digest.of(b"absent"))])

    def test_missing_config_is_refused(self) -> None:
        self.refuse(ReferenceUnknown, image(config=b"absent"))

    def test_everything_that_is_missing_is_told(self) -> None:
        error = self.refuse(ReferenceUnknown, image(config=b"a", layers=[b"b", b"b"]))
        assert isinstance(error, ReferenceUnknown)
        self.assertEqual(len(error.digests), 2)

    def test_layer_of_another_repository_is_missing(self) -> None:
        self.push_blob(b"elsewhere", OTHER)
        self.refuse(ReferenceUnknown, image(layers=[b"elsewhere"]))

    def test_foreign_layer_may_be_missing(self) -> None:
        data = image(layers=[descriptor(b"absent", FOREIGN)])
        self.push(data, V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_layer_of_another_size_is_refused(self) -> None:
        wrong = {**descriptor(LAYER, LAYER_TYPE), "size": 999}
        self.refuse(ManifestInvalid, image(layers=[wrong]))

    def test_subject_may_be_missing(self) -> None:
        self.push(numbered(1, subject=b"absent"), V1)
        self.assertIn("v1", self.tags())

    def test_child_of_an_index_must_be_there(self) -> None:
        self.refuse(ReferenceUnknown, index([DATA]))

    def test_index_is_taken_after_its_children(self) -> None:
        self.push(DATA)
        self.push(index([DATA]), V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_index_of_blobs_is_taken(self) -> None:
        # BuildKit's cache: an index whose children are layers.
        self.push(index([CONFIG, LAYER]), V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_many_layers_let_others_have_their_turn(self) -> None:
        layers = [b"%d" % number for number in range(150)]
        for layer in layers:
            self.push_blob(layer)
        self.push(image(layers=layers), V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_incomplete_manifest_is_taken_where_that_is_allowed(self) -> None:
        self.registry = self.make_registry(complete=False)
        self.push(image(layers=[b"absent"]), V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_sha512_layer_is_found(self) -> None:
        layer = b"by sha512"
        self.push_blob(layer, algorithm="sha512")
        wanted = descriptor(layer, LAYER_TYPE, "sha512")
        self.push(image(layers=[wanted]), V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_rotten_layer_is_missing(self) -> None:
        digest = Digest.of(LAYER)
        self.put(keys.blob(digest), LAYER.upper())
        blob = self.result(self.registry.blobs.find(NAME, digest))
        self.registry.blobs._integrity.condemn(digest, blob.stat)
        self.refuse(ReferenceUnknown, DATA)


class DeleteTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()

    def delete(self, reference: Reference) -> None:
        self.result(self.registry.acceptance.delete(NAME, reference))

    def unknown(self, reference: Reference) -> None:
        self.fails(ManifestUnknown, self.registry.manifests.find(NAME, reference))

    def test_tag_goes_alone(self) -> None:
        self.push(DATA, V1)
        self.delete(V1)
        self.unknown(V1)
        self.assertEqual(
            self.result(self.registry.manifests.find(NAME, DIGEST)).data, DATA
        )

    def test_manifest_goes_with_its_tags(self) -> None:
        self.push(DATA, V1)
        self.push(DATA, Tag("latest"))
        self.push(numbered(1), Tag("other"))
        self.delete(DIGEST)
        self.assertEqual(self.tags(), ["other"])

    def test_either_digest_takes_every_name_and_tag(self) -> None:
        sha512 = Digest.of(DATA, "sha512")
        for reference in (DIGEST, sha512):
            self.push(DATA, Tag("by-256"))
            work = self.registry.acceptance.push(
                NAME, sha512, DATA, None, [Tag("by-512")]
            )
            self.result(work)
            self.delete(reference)
            self.assertEqual(self.tags(), [])
            self.unknown(DIGEST)
            self.unknown(sha512)

    def test_absent_manifest_is_unknown(self) -> None:
        self.fails(ManifestUnknown, self.registry.acceptance.delete(NAME, DIGEST))

    def test_absent_tag_is_unknown(self) -> None:
        self.fails(ManifestUnknown, self.registry.acceptance.delete(NAME, V1))

    def test_absent_repository_is_unknown(self) -> None:
        self.fails(NameUnknown, self.registry.acceptance.delete(OTHER, V1))

    def test_absent_repository_of_a_manifest_is_unknown(self) -> None:
        self.fails(NameUnknown, self.registry.acceptance.delete(OTHER, DIGEST))

    def test_other_repositories_keep_it(self) -> None:
        self.push_blobs(OTHER)
        self.push(DATA, V1)
        self.push(DATA, V1, OTHER)
        self.delete(DIGEST)
        self.assertEqual(self.tags(OTHER), ["v1"])

    def test_deleted_manifest_can_be_pushed_again(self) -> None:
        self.push(DATA, V1)
        self.delete(DIGEST)
        self.push(DATA, V1)
        self.assertEqual(self.tags(), ["v1"])

    def test_blob_deleted_meanwhile_can_be_pushed_again(self) -> None:
        digest = Digest.of(LAYER)
        self.result(self.registry.blobs.unlink(NAME, digest))
        self.result(self.registry.uploads.push(NAME, digest, chunk(LAYER)))
        self.push(DATA, V1)
        self.assertEqual(self.tags(), ["v1"])


class DeleteAllTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()

    def delete_all(self) -> None:
        self.result(self.registry.acceptance.delete_all(NAME))

    def check(self) -> None:
        """Expect that nothing is left of manifests and tags."""
        self.delete_all()
        self.assertEqual(self.keys(keys.manifests(NAME)), ())

    def test_tags_and_manifests_are_gone(self) -> None:
        self.push(DATA, V1)
        self.push(numbered(1))
        self.push(numbered(2), Digest.of(numbered(2), "sha512"))
        self.check()

    def test_indexes_are_gone(self) -> None:
        self.push(DATA)
        self.push(index([DATA]), V1)
        self.check()

    def test_referrers_and_their_fallback_tags_are_gone(self) -> None:
        self.push(DATA)
        for number in range(3):
            self.push(numbered(number, DATA))
        self.check()

    def test_tags_that_lead_nowhere_are_gone(self) -> None:
        digest = self.push(DATA, V1)
        self.result(self.registry.manifests.forget(NAME, digest))
        self.check()

    def test_manifest_that_is_damaged_is_gone(self) -> None:
        digest = self.push(DATA, V1)
        self.put(keys.blob(digest), b"damaged")
        self.registry = self.make_registry()
        with capturedLogs():
            self.check()

    def test_blobs_stay(self) -> None:
        self.push(DATA, V1)
        self.delete_all()
        self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)

    def test_other_repositories_keep_theirs(self) -> None:
        nested = RepositoryName(f"{NAME}/nested")
        for name in (NAME, OTHER, nested):
            self.push_blobs(name)
            self.push(DATA, V1, name)
        self.delete_all()
        for name in (OTHER, nested):
            self.assertEqual(self.tags(name), ["v1"])

    def test_nothing_can_be_deleted(self) -> None:
        self.delete_all()
