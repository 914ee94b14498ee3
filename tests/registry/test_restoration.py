"""Tests of ``txregistry/registry/restoration.py``."""

from tests.registry.case import NAME, OTHER, V1, RegistryTestCase
from tests.registry.content import BLOBS, LAYER, image, index, numbered
from txregistry.model.digest import Digest
from txregistry.model.errors import Denied, ManifestUnknown, ReferenceUnknown
from txregistry.model.names import Reference
from txregistry.registry.immutability import Immutability, ImmutableTags
from txregistry.registry.restoration import Restored, describe_missing
from txregistry.storage import keys

A, B = numbered(1), numbered(2)
FIRST, SECOND = Digest.of(A), Digest.of(B)


class RestorationTestCase(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()
        self.push_tag(A)

    def push_tag(self, data: bytes) -> None:
        self.clock.advance(1)
        self.push(data, V1)

    def undo(self, to: Digest | None = None) -> Restored:
        self.clock.advance(1)
        return self.result(self.registry.restoration.undo(NAME, V1, to))

    def refuse(self, kind: type[Exception], to: Digest | None = None) -> str:
        before = {key: self.get(key) for key in self.keys()}
        error = self.fails(kind, self.registry.restoration.undo(NAME, V1, to))
        self.assertEqual({key: self.get(key) for key in self.keys()}, before)
        return str(error.message)

    def delete(self, reference: Reference) -> None:
        self.result(self.registry.acceptance.delete(NAME, reference))

    def pulled(self) -> bytes:
        return self.result(self.registry.manifests.find(NAME, V1)).data


class MovedTests(RestorationTestCase):
    def test_tag_goes_back(self) -> None:
        self.push_tag(B)
        self.assertEqual(self.undo(), Restored(FIRST, SECOND))
        self.assertEqual(self.pulled(), A)

    def test_twice_changes_nothing(self) -> None:
        self.push_tag(B)
        self.undo()
        self.assertEqual(self.undo(), Restored(SECOND, FIRST))

    def test_further_back(self) -> None:
        self.push_tag(B)
        self.push_tag(numbered(3))
        self.undo(FIRST)
        self.assertEqual(self.pulled(), A)

    def test_what_is_not_certain_is_refused(self) -> None:
        third = numbered(3)
        self.push_tag(B)
        self.push(third, V1)  # at the same time
        self.push_tag(A)
        text = self.refuse(ManifestUnknown)
        self.assertIn(str(SECOND), text)
        self.assertIn(str(Digest.of(third)), text)
        self.undo(SECOND)
        self.assertEqual(self.pulled(), B)

    def test_to_what_it_never_pointed_to(self) -> None:
        self.push(B)
        self.undo(SECOND)
        self.assertEqual(self.pulled(), B)

    def test_to_what_is_not_here(self) -> None:
        self.push_blobs(OTHER)
        self.push(B, name=OTHER)
        self.assertIn("nor did v1 ever", self.refuse(ManifestUnknown, SECOND))

    def test_first_manifest_has_nothing_before(self) -> None:
        self.assertIn("pointed to nothing before", self.refuse(ManifestUnknown))

    def test_tag_that_stays_does_not_go_back(self) -> None:
        self.push_tag(B)
        rules = Immutability([ImmutableTags(("**",), ("*",))])
        self.registry = self.make_registry(immutability=rules)
        self.refuse(Denied)

    def test_what_lacks_a_layer_is_refused(self) -> None:
        self.push_tag(B)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(LAYER)))
        error = self.fails(ReferenceUnknown, self.registry.restoration.undo(NAME, V1))
        self.assertEqual(error.digests, [str(Digest.of(LAYER))])

    def test_what_lacks_a_layer_of_an_index_is_refused(self) -> None:
        self.push_tag(index([A]))
        self.push_tag(B)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(LAYER)))
        self.refuse(ReferenceUnknown)

    def test_what_lacks_a_layer_where_nothing_must_be_whole(self) -> None:
        self.push_tag(B)
        self.result(self.registry.blobs.unlink(NAME, Digest.of(LAYER)))
        self.registry = self.make_registry(complete=False)
        self.assertEqual(self.undo().digest, FIRST)

    def test_what_rotted_is_refused(self) -> None:
        self.push_tag(B)
        self.put(keys.blob(FIRST), b"rotten")
        self.registry = self.make_registry()
        self.assertIn("its content is gone", self.refuse(ManifestUnknown))


class DeletedTests(RestorationTestCase):
    def test_tag_comes_back(self) -> None:
        self.delete(V1)
        self.assertEqual(self.undo(), Restored(FIRST, None))
        self.assertEqual((self.pulled(), self.tags()), (A, ["v1"]))

    def test_tag_comes_back_to_where_it_was_last(self) -> None:
        self.push_tag(B)
        self.undo()  # so the latest link is that of the first
        self.push_tag(B)
        self.delete(V1)
        self.assertEqual(self.undo().digest, SECOND)

    def test_manifest_comes_back_with_its_tag(self) -> None:
        self.delete(FIRST)
        self.assertEqual(self.undo(), Restored(FIRST, None))
        self.assertEqual(self.pulled(), A)

    def test_referrer_comes_back_as_such(self) -> None:
        referrer = numbered(5, subject=A)
        self.push_tag(referrer)
        self.delete(Digest.of(referrer))
        self.undo()
        work = self.registry.referrers.page(NAME, FIRST, limit=9, room=9999)
        found = self.result(work).descriptors
        self.assertEqual([each.digest for each in found], [Digest.of(referrer)])

    def test_manifest_whose_bytes_are_gone(self) -> None:
        self.delete(FIRST)
        self.result(self.store.delete([keys.blob(FIRST)]))
        self.assertIn("push it again", self.refuse(ManifestUnknown))

    def test_manifest_of_another_algorithm(self) -> None:
        digest = self.push(B, Digest.of(B, "sha512"))
        self.result(self.registry.tags.point(NAME, V1, digest))
        self.delete(digest)
        self.assertIn("push it again", self.refuse(ManifestUnknown, digest))

    def test_tag_of_another_algorithm(self) -> None:
        digest = self.push(B, Digest.of(B, "sha512"))
        self.result(self.registry.tags.point(NAME, V1, digest))
        self.delete(V1)
        self.assertEqual(self.undo().digest, digest)
        self.assertEqual(self.pulled(), B)

    def test_what_was_left_of_a_tag(self) -> None:
        self.result(self.store.delete([keys.tag_link(NAME, V1)]))
        self.assertEqual(self.undo(), Restored(FIRST, None))

    def test_unknown_tag(self) -> None:
        work = self.registry.restoration.undo(OTHER, V1)
        self.fails(ManifestUnknown, work)

    def test_image_with_what_was_never_pushed_here(self) -> None:
        data = image(layers=[b"elsewhere"])
        self.registry = self.make_registry(complete=False)
        self.push_tag(data)
        self.delete(Digest.of(data))
        self.registry = self.make_registry()
        self.push_blob(b"elsewhere", OTHER)
        self.refuse(ReferenceUnknown)


class DescribeTests(RegistryTestCase):
    def test_few_are_told(self) -> None:
        text = describe_missing([str(Digest.of(each)) for each in BLOBS])
        self.assertIn(str(Digest.of(LAYER)), text)
        self.assertNotIn("more,", text)

    def test_many_are_counted(self) -> None:
        self.assertIn("c and 2 more,", describe_missing(list("edcba")))
