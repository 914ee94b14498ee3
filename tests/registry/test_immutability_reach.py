"""Tests that what a tag needs stays with it: blobs, and the members of an index."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.registry import images
from tests.registry import test_immutability as immutable
from tests.registry import test_immutability_races as races
from tests.registry.content import (
    CONFIG,
    LAYER,
    LAYER_TYPE,
    descriptor,
    encode,
    image,
    index,
    numbered,
)
from tests.registry.images import BASE, ENGINE, oci_image, platforms, tar
from tests.registry.interleaving import MANY, ORDERS, Request
from tests.registry.test_immutability import (
    FIRST,
    FREE,
    NAME,
    ONE,
    OTHER,
    SECOND,
    TWO,
    V1,
)
from txregistry.model.descriptors import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
)
from txregistry.model.digest import Digest
from txregistry.model.errors import BlobUnknown, Denied, ManifestUnknown
from txregistry.model.images import ImageId
from txregistry.model.names import Reference, RepositoryName, Tag, fallback_tag

_OLD = (DOCKER_MANIFEST, DOCKER_LIST)


class ReachCase(immutable.ImmutableCase):
    """Inherit as ``test_immutability_reach.ReachCase``."""

    def unlink(self, digest: Digest, name: RepositoryName = NAME) -> Any:
        """Delete a blob."""
        return self.registry.acceptance.delete_blob(name, digest)

    def delete(self, reference: Reference, name: RepositoryName = NAME) -> Any:
        """Delete a tag or a manifest."""
        return self.registry.acceptance.delete(name, reference)


class BlobTests(ReachCase):
    def setUp(self) -> None:
        super().setUp()
        self.push(FIRST, V1, NAME)

    def test_config_and_layers_stay(self) -> None:
        for data in (CONFIG, LAYER):
            self.denied(self.unlink(Digest.of(data)))

    def test_refusal_says_which_tag_needs_it(self) -> None:
        digest = Digest.of(LAYER)
        error = self.fails(Denied, self.unlink(digest))
        self.assertEqual(
            error.message,
            "The tag v1 of release/app is immutable (a rule of the registry's "
            f"settings) and needs {digest}, which therefore cannot be deleted.",
        )
        self.assertEqual(error.detail, {"tag": "v1", "digest": str(digest)})

    def test_blob_stays_by_its_other_digest(self) -> None:
        other = self.push_blob(LAYER, NAME, "sha512")
        self.denied(self.unlink(other))

    def test_blob_that_is_named_by_another_digest_stays(self) -> None:
        data = b"named by sha512"
        self.push_blob(data, NAME, "sha512")
        layer = descriptor(data, LAYER_TYPE, "sha512")
        self.push(image(layers=[layer]), Tag("v2"), NAME)
        for algorithm in ("sha256", "sha512"):
            self.denied(self.unlink(Digest.of(data, algorithm)))

    def test_other_blobs_go(self) -> None:
        digest = self.push_blob(b"something else", NAME)
        self.result(self.unlink(digest))
        self.assertFalse(self.result(self.registry.blobs.holds(NAME, digest)))

    def test_blobs_of_other_tags_go(self) -> None:
        digest = self.push_blob(b"of latest", NAME)
        self.push(image(layers=[b"of latest"]), OTHER, NAME)
        self.result(self.unlink(digest))
        self.assertFalse(self.result(self.registry.blobs.holds(NAME, digest)))

    def test_elsewhere_they_go(self) -> None:
        self.push(FIRST, V1, FREE)
        digest = Digest.of(LAYER)
        self.result(self.unlink(digest, FREE))
        self.assertFalse(self.result(self.registry.blobs.holds(FREE, digest)))
        self.assertEqual(self.pull_blob(digest, NAME), LAYER)

    def test_blob_that_is_not_there_is_unknown(self) -> None:
        self.fails(BlobUnknown, self.unlink(Digest.of(b"absent")))
        self.fails(BlobUnknown, self.unlink(Digest.of(b"absent"), FREE))


class IndexTests(ReachCase):
    def setUp(self) -> None:
        super().setUp()
        for data in (b"one", b"two"):
            self.push_blob(data, NAME)
        self.leaf = image(layers=[b"one"])
        self.push(self.leaf, None, NAME)
        self.inner = index([self.leaf])
        self.push(self.inner, None, NAME)
        self.push(FIRST, None, NAME)
        self.push(index([self.inner, FIRST]), V1, NAME)

    def test_members_stay(self) -> None:
        self.denied(self.delete(ONE))
        self.denied(self.delete(Digest.of(self.inner)))

    def test_members_of_members_stay(self) -> None:
        self.denied(self.delete(Digest.of(self.leaf)))

    def test_blobs_of_all_of_them_stay(self) -> None:
        for data in (CONFIG, LAYER, b"one"):
            self.denied(self.unlink(Digest.of(data)))

    def test_refusal_says_which_tag_needs_it(self) -> None:
        digest = Digest.of(self.leaf)
        error = self.fails(Denied, self.delete(digest))
        self.assertEqual(
            error.message,
            "The tag v1 of release/app is immutable (a rule of the registry's "
            f"settings) and needs {digest}, which therefore cannot be deleted.",
        )

    def test_member_stays_by_its_other_digest(self) -> None:
        other = self.push(self.leaf, Digest.of(self.leaf, "sha512"), NAME)
        self.denied(self.delete(other))

    def test_member_that_is_named_by_another_digest_stays(self) -> None:
        data = numbered(5)
        for algorithm in ("sha256", "sha512"):
            self.push(data, Digest.of(data, algorithm), NAME)
        child = descriptor(data, OCI_MANIFEST, "sha512")
        outer = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}
        self.push(encode(outer), Tag("v2"), NAME)
        for algorithm in ("sha256", "sha512"):
            self.denied(self.delete(Digest.of(data, algorithm)))

    def test_blob_that_an_index_lists_stays(self) -> None:
        # BuildKit's cache.
        child = descriptor(b"two", LAYER_TYPE)
        cache = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}
        self.push(encode(cache), Tag("v2"), NAME)
        self.denied(self.unlink(Digest.of(b"two")))

    def test_tag_of_a_member_goes(self) -> None:
        self.push(FIRST, OTHER, NAME)
        self.result(self.delete(OTHER))
        self.assertTrue(self.result(self.registry.manifests.holds(NAME, ONE)))

    def test_others_go(self) -> None:
        self.push(image(layers=[b"two"]), OTHER, NAME)
        self.push(SECOND, None, NAME)
        self.push(index([SECOND, FIRST]), Tag("beta"), NAME)
        self.result(self.delete(TWO))
        self.result(self.unlink(Digest.of(b"two")))
        self.assertFalse(self.result(self.registry.manifests.holds(NAME, TWO)))

    def test_elsewhere_they_go(self) -> None:
        self.push(FIRST, None, FREE)
        self.push(index([FIRST]), V1, FREE)
        self.result(self.delete(ONE, FREE))
        self.assertFalse(self.result(self.registry.manifests.holds(FREE, ONE)))

    def test_member_that_is_not_there_is_unknown(self) -> None:
        self.fails(ManifestUnknown, self.delete(TWO))


class SideEffectTests(ReachCase, images.ImageTestCase):
    """What goes by itself when something else does."""

    def test_form_of_schema_2_stays_that_an_index_lists(self) -> None:
        # So do clients that make an index of what they pulled as schema 2.
        pushed = oci_image([tar(one="1")])
        self.push_oci(pushed, OTHER, name=NAME)
        found = self.result(self.registry.manifests.find(NAME, OTHER))
        work = self.registry.forms.choose(NAME, found, _OLD, ENGINE)
        form = self.result(work)
        self.push(index([form.data]), V1, NAME)
        self.result(self.delete(pushed.digest))
        self.assertTrue(self.result(self.registry.manifests.holds(NAME, form.digest)))
        self.denied(self.delete(form.digest))

    def test_list_of_schema_2_stays_that_an_index_lists(self) -> None:
        one, two = oci_image([tar(one="1")]), oci_image([tar(two="2")])
        for each in (one, two):
            self.push_oci(each, name=NAME)
        self.push(platforms(OCI_INDEX, amd64=one, arm64=two), OTHER, NAME)
        found = self.result(self.registry.manifests.find(NAME, OTHER))
        listed = self.result(self.registry.forms.choose(NAME, found, _OLD, ENGINE))
        self.assertEqual(listed.media_type, DOCKER_LIST)
        self.push(index([listed.data]), V1, NAME)
        self.result(self.delete(two.digest))  # the list has its form
        again = self.result(self.registry.forms.choose(NAME, found, _OLD, ENGINE))
        self.assertNotEqual(again.digest, listed.digest)
        for digest in (listed.digest, listed.parse().children[1].digest):
            held = self.result(self.registry.manifests.holds(NAME, digest))
            self.assertTrue(held)

    def test_fallback_index_stays_that_a_tag_points_to(self) -> None:
        self.push(FIRST, OTHER, NAME)
        self.push(numbered(3, FIRST), None, NAME)
        work = self.registry.manifests.find(NAME, fallback_tag(ONE))
        fallback = self.result(work)
        self.push(fallback.data, V1, NAME)
        self.push(numbered(4, FIRST), None, NAME)
        found = self.result(self.registry.manifests.find(NAME, V1))
        self.assertEqual(found.data, fallback.data)

    def test_image_of_version_1_stays_whole(self) -> None:
        self.push_images(BASE, name=NAME)
        self.point(BASE, V1, NAME)
        manifest = self.result(self.registry.manifests.find(NAME, V1)).parse()
        for blob in manifest.blobs:
            self.denied(self.unlink(blob.digest))
        self.assertEqual(self.named(V1, NAME), ImageId(BASE.image_id))


class RaceTests(races.RaceCase, ReachCase):
    def race(self, order: list[int], *requests: Request, turned: bool) -> None:
        """Run requests at the same time, which begin in this or the other order."""
        self.run_all(order, *(reversed(requests) if turned else requests))

    @MANY
    @given(order=ORDERS, turned=st.booleans())
    def test_tag_made_while_its_layer_is_deleted_is_whole_or_not_there(
        self, *, order: list[int], turned: bool
    ) -> None:
        self.setUp()
        self.race(
            order,
            self.push_later(FIRST, V1),
            lambda: self.unlink(Digest.of(LAYER)),
            turned=turned,
        )
        whole = self.result(self.registry.blobs.holds(NAME, Digest.of(LAYER)))
        self.assertEqual(self.found(), ONE if whole else None)

    @MANY
    @given(order=ORDERS, turned=st.booleans())
    def test_tag_made_while_its_member_is_deleted_is_whole_or_not_there(
        self, *, order: list[int], turned: bool
    ) -> None:
        self.setUp()
        self.push(FIRST, None, NAME)
        data = index([FIRST])
        self.race(
            order,
            self.push_later(data, V1),
            lambda: self.delete(ONE),
            turned=turned,
        )
        whole = self.result(self.registry.manifests.holds(NAME, ONE))
        self.assertEqual(self.found(), Digest.of(data) if whole else None)
