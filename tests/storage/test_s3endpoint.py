"""Tests of ``txregistry/storage/s3endpoint.py``."""

from twisted.trial.unittest import SynchronousTestCase

from txregistry.storage.s3endpoint import find_endpoint


class EndpointTests(SynchronousTestCase):
    def test_regions(self) -> None:
        for region, host in (
            ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
            ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ):
            self.assertEqual(find_endpoint(region), f"https://{host}")

    def test_without_tls(self) -> None:
        found = find_endpoint("eu-west-1", secure=False)
        self.assertEqual(found, "http://s3.eu-west-1.amazonaws.com")

    def test_with_both_kinds_of_addresses(self) -> None:
        found = find_endpoint("eu-west-1", dual_stack=True)
        self.assertEqual(found, "https://s3.dualstack.eu-west-1.amazonaws.com")

    def test_with_approved_cryptography(self) -> None:
        for dual_stack, host in (
            (False, "s3-fips.us-east-2.amazonaws.com"),
            (True, "s3-fips.dualstack.us-east-2.amazonaws.com"),
        ):
            found = find_endpoint("us-east-2", dual_stack=dual_stack, fips=True)
            self.assertEqual(found, f"https://{host}")

    def test_accelerated(self) -> None:
        for dual_stack, host in (
            (False, "s3-accelerate.amazonaws.com"),
            (True, "s3-accelerate.dualstack.amazonaws.com"),
        ):
            found = find_endpoint("eu-west-1", dual_stack=dual_stack, accelerate=True)
            self.assertEqual(found, f"https://{host}")

    def test_a_region_that_nobody_knows(self) -> None:
        for region in ("", "moon 1", "a/b"):
            with self.assertRaises(ValueError):
                find_endpoint(region)
