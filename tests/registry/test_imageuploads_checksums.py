"""Tests of ``txregistry/registry/imageuploads.py``: checksums."""

from tests.registry import uploading
from tests.registry.images import BASE, TOP, V1Image
from tests.registry.uploading import OTHER_LAYER, B, T
from txregistry.model.checksums import TarSum
from txregistry.model.digest import Digest
from txregistry.model.errors import (
    ChecksumInvalid,
    ChecksumMissing,
    ChecksumUnexpected,
    ImageExists,
    ImageInvalid,
    ImageUnknown,
)
from txregistry.storage import keys
from txregistry.streams import BytesReader


class ChecksumTests(uploading.UploadTestCase):
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


class OldEngineTests(uploading.UploadTestCase):
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
