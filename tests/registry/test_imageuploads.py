"""Tests of ``txregistry/registry/imageuploads.py``: Docker Registry API v1, 3."""

import gzip
import lzma

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.registry import images
from tests.registry.case import NAME, OTHER
from tests.registry.images import (
    BASE,
    TOP,
    BrokenOff,
    BrokenReader,
    V1Image,
    document,
    tar,
)
from txregistry.model.checksums import TarSum
from txregistry.model.compression import Compression
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    ChecksumInvalid,
    ChecksumMissing,
    ChecksumUnexpected,
    ContentTooLarge,
    ImageExists,
    ImageIdInvalid,
    ImageInProgress,
    ImageInvalid,
    ImageUnknown,
)
from txregistry.model.images import MAX_ANCESTRY, ImageId
from txregistry.registry.repositories import Registry
from txregistry.registry.scopes import Scope, whatever
from txregistry.storage import keys
from txregistry.streams import BytesReader, IReader
from txregistry.tasks import at_once

B, T = ImageId(BASE.image_id), ImageId(TOP.image_id)
OTHER_LAYER = gzip.compress(tar(other="x"), mtime=0)


async def nobody(image_id: ImageId, /) -> bool:
    """Refuse every image."""
    del image_id
    return False


@implementer(IReader)
class WaitingReader:
    """Give nothing until one says so."""

    def __init__(self) -> None:
        self.waiting: Deferred[bytes] = Deferred()

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        del limit
        data, self.waiting = await self.waiting, Deferred()
        return data

    async def close(self) -> None:
        """See `IReader`."""


class UploadTestCase(images.ImageTestCase):
    def begin(
        self, json: bytes, image_id: ImageId = B, checksum: str | None = None
    ) -> None:
        """Expect an image's JSON to be refused."""
        uploads = self.registry.image_uploads
        self.refused = self.fails(
            Exception, uploads.begin(self.scope(), image_id, json, checksum)
        )

    def take(self, source: IReader, expected: int | None = None) -> Exception:
        """Expect a layer to be refused, and say how."""
        uploads = self.registry.image_uploads
        work = uploads.take_layer(self.scope(), B, source, expected)
        failure: Exception = self.fails(Exception, work)
        return failure

    def finished(self, payload: str | None, checksum: str | None) -> Exception:
        """Expect a checksum to be refused, and say how."""
        uploads = self.registry.image_uploads
        work = uploads.finish(self.scope(), B, payload, checksum)
        failure: Exception = self.fails(Exception, work)
        return failure

    def in_progress(self, owner: str = "me") -> bool:
        """Say whether the base is being pushed."""
        scope = self.scope(owner=owner)
        return self.result(self.registry.image_uploads.in_progress(scope, B))


class PushTests(UploadTestCase):
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


class JsonTests(UploadTestCase):
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


class LayerTests(UploadTestCase):
    def test_without_json_the_image_is_unknown(self) -> None:
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageUnknown)

    def test_image_that_is_complete_exists(self) -> None:
        self.push_images(BASE)
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageExists)

    def test_image_in_progress_of_another_owner_is_unknown(self) -> None:
        self.put_json(BASE, self.scope(owner="somebody else"))
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageUnknown)

    def test_image_is_not_visible_yet(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        self.assertFalse(self.has(B))
        self.assertFalse(
            self.result(self.registry.blobs.holds(NAME, Digest.of(BASE.layer)))
        )

    def test_second_layer_replaces_the_first(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE, data=OTHER_LAYER)
        self.put_layer(BASE)
        self.put_checksum(BASE)
        self.assertEqual(self.pull_blob(Digest.of(BASE.layer)), BASE.layer)

    def test_layer_that_breaks_off_can_be_sent_again(self) -> None:
        self.put_json(BASE)
        self.assertIsInstance(self.take(BrokenReader(BASE.layer[:20])), BrokenOff)
        self.put_layer(BASE)
        self.put_checksum(BASE)
        self.assertEqual(self.pull_blob(Digest.of(BASE.layer)), BASE.layer)

    def test_layer_that_breaks_off_takes_the_one_before_with_it(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        self.take(BrokenReader(BASE.layer[:20]))
        self.assertIsInstance(self.finished(BASE.payload, None), ChecksumInvalid)

    def test_nothing_is_left_of_a_layer_that_breaks_off(self) -> None:
        self.put_json(BASE)
        self.take(BrokenReader(BASE.layer[:20]))
        self.assertEqual(self.keys(keys.image_uploads()), (keys.image_upload("me", B),))

    def test_empty_layer_is_refused(self) -> None:
        self.put_json(BASE)
        self.assertIsInstance(self.take(BytesReader(b"")), ImageInvalid)

    def test_layer_that_is_cut_off_is_refused(self) -> None:
        self.put_json(BASE)
        for data in (BASE.layer[:-1], BASE.layer[:3], BASE.layer + b"x"):
            self.assertIsInstance(self.take(BytesReader(data)), ImageInvalid)

    def test_layer_at_the_limit_is_taken_and_no_larger_one(self) -> None:
        for limit, fits in ((len(BASE.layer), True), (len(BASE.layer) - 1, False)):
            for expected in (None, len(BASE.layer)):
                self.setUp()
                self.registry = Registry(
                    self.store, self.clock, at_once, layer_limit=limit
                )
                self.put_json(BASE)
                if fits:
                    self.put_layer(BASE)
                else:
                    failure = self.take(BytesReader(BASE.layer), expected)
                    self.assertIsInstance(failure, ContentTooLarge)

    def test_layer_comes_in_once_at_a_time(self) -> None:
        self.put_json(BASE)
        reader = WaitingReader()
        uploads = self.registry.image_uploads
        first = Deferred.fromCoroutine(
            uploads.take_layer(self.scope(), B, reader, None)
        )
        self.assertIsInstance(self.take(BytesReader(BASE.layer)), ImageInProgress)
        self.begin(BASE.json)
        self.assertIsInstance(self.refused, ImageInProgress)
        self.assertIsInstance(self.finished(BASE.payload, None), ImageInProgress)
        reader.waiting.callback(BASE.layer)
        reader.waiting.callback(b"")
        self.successResultOf(first)
        self.put_checksum(BASE)
        self.assertTrue(self.has(B))

    def test_two_owners_do_not_disturb_each_other(self) -> None:
        self.put_json(BASE)
        self.put_layer(BASE)
        scope = self.scope(owner="somebody else")
        self.put_json(BASE, scope)
        self.put_layer(BASE, scope, OTHER_LAYER)
        self.put_checksum(BASE)
        self.assertEqual(self.pull_blob(Digest.of(BASE.layer)), BASE.layer)


class ChecksumTests(UploadTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.put_json(BASE)

    def tarsum(self) -> str:
        tarsum = TarSum(BASE.json)
        tarsum.update(BASE.layer)
        return tarsum.finish()

    def finish_with(self, payload: str | None, checksum: str | None) -> None:
        self.put_layer(BASE)
        work = self.registry.image_uploads.finish(self.scope(), B, payload, checksum)
        self.result(work)
        self.assertTrue(self.has(B))

    def test_payload_counts(self) -> None:
        self.finish_with(BASE.payload, "tarsum+sha256:" + "0" * 64)

    def test_tarsum_counts_without_a_payload(self) -> None:
        self.finish_with(None, self.tarsum())

    def test_simple_checksum_may_stand_in_its_place(self) -> None:
        self.finish_with(None, BASE.payload)

    def test_empty_payload_does_not_count(self) -> None:
        self.finish_with("", self.tarsum())

    def test_none_is_refused(self) -> None:
        self.put_layer(BASE)
        self.assertIsInstance(self.finished(None, None), ChecksumMissing)

    def test_empty_one_is_refused(self) -> None:
        self.put_layer(BASE)
        self.assertEqual(
            str(self.finished("", None)),
            str(ChecksumInvalid("Missing Image's checksum")),
        )

    def test_before_the_json_the_image_is_unknown(self) -> None:
        work = self.registry.image_uploads.finish(self.scope(), T, TOP.payload, None)
        self.fails(ImageUnknown, work)

    def test_before_the_layer_it_is_wrong(self) -> None:
        self.assertIsInstance(self.finished(BASE.payload, None), ChecksumInvalid)

    def test_wrong_ones_are_refused(self) -> None:
        self.put_layer(BASE)
        for payload, checksum in (
            ("sha256:" + "0" * 64, None),
            (BASE.payload.upper(), None),
            (None, "sha256:" + "0" * 64),
            (None, "tarsum+sha256:" + "0" * 64),
            (None, "tarsum.v1+sha256:" + "0" * 64),
            (None, "junk"),
        ):
            failure = self.finished(payload, checksum)
            self.assertIsInstance(failure, ChecksumInvalid)
            self.assertFalse(self.has(B))

    def test_after_a_wrong_one_the_upload_goes_on(self) -> None:
        self.put_layer(BASE)
        self.finished("sha256:" + "0" * 64, None)
        self.put_checksum(BASE)
        self.assertTrue(self.has(B))

    def test_tarsum_of_what_is_no_archive_is_wrong(self) -> None:
        self.put_layer(BASE, data=b"no archive at all, but some bytes")
        self.assertIsInstance(self.finished(None, self.tarsum()), ChecksumInvalid)

    def test_complete_image_waits_for_none(self) -> None:
        self.put_layer(BASE)
        self.put_checksum(BASE)
        self.assertIsInstance(self.finished(BASE.payload, None), ChecksumUnexpected)

    def test_parent_has_to_be_complete(self) -> None:
        self.put_json(TOP)
        self.put_layer(TOP)
        work = self.registry.image_uploads.finish(self.scope(), T, TOP.payload, None)
        self.fails(ImageInvalid, work)
        self.assertFalse(self.has(T))

    def test_same_image_of_two_owners_is_complete_for_both(self) -> None:
        scope = self.scope(owner="somebody else")
        self.put_json(BASE, scope)
        for each in (None, scope):
            self.put_layer(BASE, each)
        for each in (None, scope):
            self.put_checksum(BASE, each)
        self.assertTrue(self.has(B))

    def test_another_image_of_this_id_stays(self) -> None:
        scope = self.scope(owner="somebody else")
        other = V1Image(B.text, BASE.json, OTHER_LAYER)
        self.put_json(other, scope)
        self.put_layer(other, scope)
        self.put_checksum(other, scope)
        self.put_layer(BASE)
        self.assertIsInstance(self.finished(BASE.payload, None), ImageExists)
        self.assertEqual(self.find(BASE).layer.digest, Digest.of(OTHER_LAYER))

    def test_upload_ends_where_another_image_of_this_id_is_complete(self) -> None:
        self.test_another_image_of_this_id_stays()
        self.assertFalse(self.in_progress())
        self.assertEqual(self.keys(keys.image_uploads()), ())


class OldEngineTests(UploadTestCase):
    """Docker up to 0.5 sends the checksum with the JSON, and none after the layer."""

    def test_layer_completes_the_image(self) -> None:
        self.put_json(BASE, checksum=BASE.payload)
        self.put_layer(BASE)
        self.assertTrue(self.has(B))
        self.assertFalse(self.in_progress())

    def test_tarsum_completes_it_too(self) -> None:
        tarsum = TarSum(BASE.json)
        tarsum.update(BASE.layer)
        checksum = tarsum.finish()
        self.put_json(BASE, checksum=checksum)
        self.put_layer(BASE)
        self.assertEqual(self.find(BASE).checksums, (BASE.payload, checksum))

    def test_layer_of_another_checksum_is_dropped(self) -> None:
        self.put_json(BASE, checksum="sha256:" + "0" * 64)
        failure = self.take(BytesReader(BASE.layer))
        self.assertEqual(
            str(failure), str(ChecksumInvalid("Checksum mismatch, ignoring the layer"))
        )
        self.assertFalse(self.has(B))

    def test_engines_between_may_send_one_with_the_json_and_after_the_layer(
        self,
    ) -> None:
        self.put_json(BASE, checksum=BASE.payload)
        self.put_layer(BASE)
        self.assertIsInstance(self.finished(BASE.payload, None), ChecksumUnexpected)
