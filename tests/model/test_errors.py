"""Tests of ``txregistry/model/errors.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.model import errors


class RegistryErrorTests(SynchronousTestCase):
    def test_tells_its_message(self) -> None:
        self.assertEqual(str(errors.BlobUnknown("Push it first.")), "Push it first.")

    def test_chunk_out_of_order_tells_where_to_go_on(self) -> None:
        error = errors.UploadOutOfOrder("Go on.", 17)
        self.assertEqual((error.offset, error.detail), (17, {"offset": 17}))

    def test_missing_references_are_all_told(self) -> None:
        self.assertEqual(errors.ReferenceUnknown(["a", "b"]).digests, ["a", "b"])

    def test_every_failure_has_a_code_of_its_own_name_or_kind(self) -> None:
        for kind in errors.RegistryError.__subclasses__():
            self.assertIsNot(kind.code, errors.ErrorCode.UNKNOWN, kind)
