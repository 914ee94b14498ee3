"""Tests of ``txregistry/storage/s3refusals.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.storage.interfaces import StorageFull
from txregistry.storage.s3refusals import Refused, explain


class ExplainTests(SynchronousTestCase):
    def said(
        self, status: int, code: str, bucket_region: str = "", section: str = ""
    ) -> str:
        """Give what is said of a refusal."""
        found = explain("The store", status, code, bucket_region, "here-1", section)
        return str(found)

    def test_what_to_look_at(self) -> None:
        for code, text in (
            ("AccessDenied", "look at s.accesskey, at the policies"),
            ("AuthorizationHeaderMalformed", "look at s.region and s.regionendpoint"),
            ("ExpiredToken", "is over; renew it, and look at s.sessiontoken"),
            ("InvalidAccessKeyId", "look at s.accesskey and s.secretkey"),
            ("InvalidStorageClass", "look at s.storageclass"),
            ("InvalidToken", "look at s.sessiontoken"),
            ("KMS.NotFoundException", "look at s.keyid"),
            ("NoSuchBucket", "look at s.bucket"),
            ("PermanentRedirect", "look at s.region and s.regionendpoint"),
            ("RequestTimeTooSkewed", "the clock of this machine"),
            ("SignatureDoesNotMatch", "look at s.accesskey and s.secretkey"),
        ):
            said = self.said(403, code, section="s")
            self.assertTrue(said.startswith(f"The store answered 403 ({code}); "))
            self.assertIn(text, said)
            self.assertEqual(self.said(403, code), said.replace("s.", ""))

    def test_a_refusal_without_a_word(self) -> None:
        self.assertIn("look at s.accesskey", self.said(403, "", section="s"))

    def test_another_region_is_named(self) -> None:
        said = self.said(301, "PermanentRedirect", "there-2")
        self.assertIn("it is in the region there-2; look at region", said)
        self.assertIn("there-2", self.said(400, "", "there-2"))

    def test_no_region_is_named_that_is_none(self) -> None:
        for region in ("here-1", "", "a b", "x" * 65):
            self.assertEqual(self.said(400, "", region), "The store answered 400")

    def test_a_code_that_nobody_knows(self) -> None:
        self.assertEqual(self.said(400, "Odd"), "The store answered 400 (Odd)")

    def test_kinds(self) -> None:
        found = explain("The store", 403, "AccessDenied", "", "")
        assert isinstance(found, Refused)
        self.assertEqual((found.status, found.code), (403, "AccessDenied"))
        for status, code in ((507, ""), (403, "QuotaExceeded")):
            found = explain("The store", status, code, "", "")
            self.assertIsInstance(found, StorageFull)
