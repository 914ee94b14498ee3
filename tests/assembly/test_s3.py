"""Tests of ``txregistry/assembly/s3.py``."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.assembly.stores import make_store
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Settings
from txregistry.settings.storage import S3, Storage
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.tasks import at_once

CDN = "https://cdn.example:8443"
FIPS = {"region": "us-east-2", "usefipsendpoint": True}


class MakeS3StoreTests(SynchronousTestCase):
    def make(self, bucket: str = "b", **settings: Any) -> IObjectStore:
        """Make the store of a section."""
        keys = {"accesskey": "access", "secretkey": "secret"}
        section = S3(bucket, **{"region": "eu-west-1", **keys, **settings})
        reactor = MemoryReactorClock()
        return make_store(Settings(storage=Storage(s3=section)), reactor, at_once)

    def url(self, **settings: Any) -> str:
        """Give the URL that a client is sent to."""
        work = self.make(**settings).redirect(Key("k"), "GET", 60.0)
        found = self.successResultOf(Deferred.fromCoroutine(work))
        assert found is not None
        return found

    def test_where_the_bucket_is(self) -> None:
        for start, settings in (
            ("https://s3.eu-west-1.amazonaws.com/b/k?", {}),
            ("http://s3.eu-west-1.amazonaws.com/b/k?", {"secure": False}),
            ("https://b-b.s3.eu-west-1.amazonaws.com/k?", {"forcepathstyle": False}),
            (
                "https://b-b.s3-accelerate.amazonaws.com/k?",
                {"accelerate": True},
            ),
            ("https://s3-fips.us-east-2.amazonaws.com/b/k?", FIPS),
            ("https://cdn.example:8443/b/k?", {"redirectendpoint": CDN}),
            (
                "http://cdn/b/k?",
                {"regionendpoint": "host", "redirectendpoint": "http://cdn/"},
            ),
            ("https://s3.dualstack.eu-west-1.amazonaws.com/b/", {"usedualstack": True}),
            ("http://host:9000/b/k?", {"regionendpoint": "http://host:9000"}),
            ("https://host/b/k?", {"regionendpoint": "host"}),
            (
                "https://s3.eu-west-1.amazonaws.com/b/some/root/k?",
                {"rootdirectory": "/some/root"},
            ),
        ):
            bucket = "b-b" if "b-b" in start else "b"
            self.assertTrue(self.url(bucket=bucket, **settings).startswith(start))

    def test_what_is_signed(self) -> None:
        found = self.url(sessiontoken="token")
        self.assertIn("Credential=access%2F", found)
        self.assertIn("%2Feu-west-1%2Fs3%2F", found)
        self.assertIn("Security-Token=token", found)
        self.assertIn("SignedHeaders=host&", found)
        other = self.url(sessiontoken="token", redirectendpoint=CDN)
        self.assertNotEqual(
            *(url.rpartition("&X-Amz-Signature=")[2] for url in (found, other))
        )
        found = self.url(region="", regionendpoint="http://host")
        self.assertIn("%2Fus-east-1%2Fs3%2F", found)

    def test_what_cannot_be_used(self) -> None:
        for settings in (
            {"region": "moon 1"},
            {"bucket": "B_", "forcepathstyle": False},
            {"cas": ("/no/such/file",)},
        ):
            with self.assertRaises(SettingsError) as caught:
                self.make(**settings)
            self.assertIn("storage.s3", str(caught.exception))
