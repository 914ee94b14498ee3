"""Tests of ``txregistry/registry/imageuploads.py``: Docker Registry API v1, 3."""

import gzip
import lzma

from tests.registry import uploading
from tests.registry.case import NAME, OTHER
from tests.registry.images import BASE, TOP, V1Image, document, tar
from tests.registry.uploading import OTHER_LAYER, B, T, nobody
from txregistry.model.compression import Compression
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    ChecksumInvalid,
    ImageExists,
    ImageIdInvalid,
    ImageInvalid,
)
from txregistry.model.images import MAX_ANCESTRY, ImageId
from txregistry.registry.scopes import Scope, whatever
from txregistry.storage import keys


class PushTests(uploading.UploadTestCase):
    def test_json_is_kept_to_the_byte(self) -> None:
        self.push_images(BASE)
        self.assertEqual(self.find(BASE).json, BASE.json)

    def test_layer_is_kept_to_the_byte(self) -> None:
        self.push_images(BASE)
        found = self.pull_blob(self.find(BASE).layer.digest)
        self.assertEqual(found, BASE.layer)

    def test_all_about_the_layer_is_known(self) -> None:
        self.push_images(BASE)
        layer = self.find(BASE).layer
        self.assertEqual(
            (layer.size, layer.diff_id, layer.compression),
            (
                len(BASE.layer),
                Digest.of(gzip.decompress(BASE.layer)),
                Compression.GZIP,
            ),
        )

    def test_ancestry_ends_with_the_base(self) -> None:
        self.push_images(BASE, TOP)
        self.assertEqual(self.find(TOP).ancestry, (T, B))

    def test_checksum_is_kept(self) -> None:
        self.push_images(BASE)
        self.assertEqual(self.find(BASE).checksums, (BASE.payload,))

    def test_nothing_is_left_of_the_upload(self) -> None:
        self.push_images(BASE, TOP)
        self.assertEqual(self.keys(keys.image_uploads()), ())

    def test_image_is_in_its_repository_only(self) -> None:
        self.push_images(BASE)
        self.assertFalse(self.has(B, OTHER))

    def test_image_of_another_repository_can_be_another(self) -> None:
        self.push_images(BASE)
        other = V1Image(B.text, document(B.text) + b" ", OTHER_LAYER)
        self.push_images(other, name=OTHER)
        self.assertEqual(self.find(BASE).json, BASE.json)
        self.assertEqual(self.find(other, OTHER).json, other.json)

    def test_several_repositories_have_it_at_once(self) -> None:
        scope = self.scope(NAME, OTHER)
        self.put_json(BASE, scope)
        self.put_layer(BASE, scope)
        self.put_checksum(BASE, scope)
        self.assertTrue(self.has(B) and self.has(B, OTHER))

    def test_parent_may_be_in_progress_when_the_json_comes(self) -> None:
        self.put_json(BASE)
        self.put_json(TOP)
        for image in (BASE, TOP):
            self.put_layer(image)
            self.put_checksum(image)
        self.assertEqual(self.find(TOP).ancestry, (T, B))

    def test_layer_may_be_packed_otherwise(self) -> None:
        for layer, wanted in (
            (tar(a="1"), Compression.NONE),
            (lzma.compress(tar(a="2")), Compression.XZ),
        ):
            self.setUp()
            image = V1Image(B.text, BASE.json, layer)
            self.push_images(image)
            self.assertIs(self.find(image).layer.compression, wanted)

    def test_another_process_goes_on(self) -> None:
        for push in (self.put_json, self.put_layer, self.put_checksum):
            self.registry = self.make_registry()
            push(BASE)
        self.registry = self.make_registry()
        self.assertEqual(self.find(BASE).json, BASE.json)

    def test_layer_that_was_deleted_can_be_pushed_again(self) -> None:
        self.push_images(BASE)
        digest = Digest.of(BASE.layer)
        self.result(self.registry.blobs.unlink(NAME, digest))
        self.assertFalse(self.has(B))
        self.push_images(BASE)
        self.assertTrue(self.has(B))

    def test_layer_that_is_damaged_in_the_store_is_mended(self) -> None:
        self.push_images(BASE)
        digest = Digest.of(BASE.layer)
        self.put(keys.blob(digest), bytes(len(BASE.layer)))
        blob = self.result(self.registry.blobs.find(NAME, digest))
        reader = self.result(self.registry.blobs.open(blob, 0, blob.size))
        self.fails(Exception, reader.read(1 << 20))
        self.push_images(BASE)
        self.assertEqual(self.pull_blob(digest), BASE.layer)


class JsonTests(uploading.UploadTestCase):
    def test_image_is_not_visible_yet(self) -> None:
        self.put_json(BASE)
        self.assertFalse(self.has(B))

    def test_image_is_in_progress_for_its_owner_only(self) -> None:
        self.put_json(BASE)
        self.assertTrue(self.in_progress())
        self.assertFalse(self.in_progress("somebody else"))

    def test_other_id_is_refused(self) -> None:
        self.begin(TOP.json)
        self.assertEqual(self.refused.message, "JSON data contains invalid id")

    def test_id_of_16_digits_is_refused(self) -> None:
        short = ImageId("0123456789abcdef")
        self.begin(document(short.text), short)
        self.assertIsInstance(self.refused, ImageIdInvalid)

    def test_missing_parent_is_refused(self) -> None:
        self.begin(TOP.json, T)
        self.assertEqual(self.refused.message, "Image depends on a non existing parent")

    def test_parent_of_another_repository_is_missing(self) -> None:
        self.push_images(BASE, name=OTHER)
        self.begin(TOP.json, T)
        self.assertIsInstance(self.refused, ImageInvalid)

    def test_parent_in_progress_of_another_owner_is_missing(self) -> None:
        self.put_json(BASE, self.scope(owner="somebody else"))
        self.begin(TOP.json, T)
        self.assertIsInstance(self.refused, ImageInvalid)

    def test_image_that_is_complete_exists(self) -> None:
        self.push_images(BASE)
        self.begin(BASE.json)
        self.assertEqual(self.refused.message, "Image already exists")

    def test_image_that_is_complete_is_no_longer_in_progress(self) -> None:
        self.put_json(BASE)
        scope = self.scope(owner="somebody else")
        self.put_json(BASE, scope)
        self.put_layer(BASE, scope)
        self.put_checksum(BASE, scope)
        self.begin(BASE.json)
        self.assertIsInstance(self.refused, ImageExists)
        self.assertFalse(self.in_progress())

    def test_descendant_is_no_parent(self) -> None:
        self.put_json(BASE)
        self.put_json(TOP)
        self.begin(document(B.text, T.text))
        self.assertEqual(self.refused.message, "Image is its own ancestor")

    def test_cycle_of_stale_json_is_never_complete(self) -> None:
        third = V1Image("3" * 64, document("3" * 64, T.text), TOP.layer)
        base = V1Image(B.text, document(B.text, third.image_id), BASE.layer)
        self.put_json(BASE)
        self.put_json(TOP)
        self.put_json(V1Image(third.image_id, document(third.image_id), b""))
        self.put_json(base)
        self.put_json(third, None)
        for image in (base, TOP, third):
            self.put_layer(image)
        for image in (base, TOP, third) * 2:
            work = self.registry.image_uploads.finish(
                self.scope(), ImageId(image.image_id), image.payload, None
            )
            self.fails(ImageInvalid, work)

    def test_longest_ancestry_is_taken_and_no_longer_one(self) -> None:
        parent = None
        for number in range(MAX_ANCESTRY):
            text = f"{number:064x}"
            self.put_json(V1Image(text, document(text, parent), b""))
            parent = text
        text = f"{MAX_ANCESTRY:064x}"
        self.begin(document(text, parent), ImageId(text))
        self.assertIsInstance(self.refused, ImageInvalid)

    def test_image_that_was_not_announced_is_refused(self) -> None:
        scope = Scope((NAME,), "me", nobody, whatever)
        work = self.registry.image_uploads.begin(scope, B, BASE.json, None)
        self.assertEqual(
            self.fails(ImageInvalid, work).message,
            "This image does not belong to the repository",
        )

    def test_parent_that_may_not_be_used_is_refused(self) -> None:
        self.push_images(BASE)
        scope = Scope((NAME,), "me", whatever, nobody)
        work = self.registry.image_uploads.begin(scope, T, TOP.json, None)
        self.assertEqual(
            self.fails(ImageInvalid, work).message,
            "Image depends on an unauthorized parent",
        )

    def test_malformed_checksum_is_refused(self) -> None:
        self.begin(BASE.json, B, "md5:1")
        self.assertIsInstance(self.refused, ChecksumInvalid)

    def test_json_again_starts_over(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        self.put_json(BASE)
        self.assertIsInstance(self.finished(BASE.payload, None), ChecksumInvalid)
