"""Tests of ``txregistry/settings/s3checks.py``, and of how the section is read."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.storage import S3

GOOD: dict[str, Any] = {"bucket": "registry", "region": "eu-west-1"}
DISTRIBUTION: dict[str, Any] = {
    "accesskey": "awsaccesskey",
    "secretkey": "awssecretkey",
    "region": "us-west-1",
    "regionendpoint": "http://myobjects.local",
    "redirectendpoint": "https://cdn.example",
    "forcepathstyle": True,
    "accelerate": False,
    "usedualstack": False,
    "usefipsendpoint": False,
    "bucket": "bucketname",
    "encrypt": True,
    "keyid": "mykeyid",
    "secure": True,
    "v4auth": True,
    "skipverify": False,
    "chunksize": 5242880,
    "multipartcopychunksize": 33554432,
    "multipartcopymaxconcurrency": 100,
    "multipartcopythresholdsize": 33554432,
    "rootdirectory": "/s3/object/name/prefix",
    "storageclass": "STANDARD",
    "objectacl": "private",
    "useragent": "agent",
    "loglevel": "debug",
}
"""What is in the documentation of Distribution 3."""


class S3SettingsTests(SynchronousTestCase):
    def load(self, s3: object, **more: Any) -> tuple[S3, list[str]]:
        """Read a file with such a section; also give the names of what is ignored."""
        document = {"version": 0.1, "storage": {"s3": s3, **more}}
        path = make_file(self, "config.yml", json.dumps(document).encode())
        settings, ignored = load_settings(path, {})
        found = settings.storage.s3
        assert found is not None
        return found, ignored

    def refuses(self, text: str, **settings: Any) -> None:
        """Expect that settings are refused with a sentence that says something."""
        given = {
            name: value
            for name, value in {**GOOD, **settings}.items()
            if value is not None
        }
        with self.assertRaises(SettingsError) as caught:
            self.load(given)
        self.assertIn(text, str(caught.exception))
        self.assertIn("storage.s3", str(caught.exception))

    def test_all_that_distribution_knows(self) -> None:
        found, ignored = self.load(DISTRIBUTION)
        self.assertEqual(found.rootdirectory, "/s3/object/name/prefix")
        self.assertEqual(ignored, ["storage.s3.loglevel", "storage.s3.useragent"])

    def test_little_is_enough(self) -> None:
        self.assertEqual(self.load(GOOD)[0].chunksize, 10 * 1024 * 1024)
        self.load({"bucket": "b", "regionendpoint": "http://host:9000"})

    def test_variables(self) -> None:
        variables = {
            "REGISTRY_STORAGE_S3_BUCKET": "b",
            "REGISTRY_STORAGE_S3_REGION": "r",
            "REGISTRY_STORAGE_S3_CHUNKSIZE": "5242880",
            "REGISTRY_STORAGE_S3_FORCEPATHSTYLE": "false",
        }
        found = load_settings(None, variables)[0].storage.s3
        self.assertEqual(found, S3("b", "r", chunksize=5242880, forcepathstyle=False))

    def test_an_endpoint_without_a_scheme(self) -> None:
        for secure, url in ((True, "https://host:9000"), (False, "http://host:9000")):
            found, _ = self.load(
                {"bucket": "b", "regionendpoint": "host:9000", "secure": secure}
            )
            self.assertEqual(found.endpoint, url)

    def test_what_is_missing(self) -> None:
        self.refuses("bucket", bucket=None)
        self.refuses("region: it is missing", region=None)
        self.refuses("region: it is missing", region="", regionendpoint="")

    def test_what_cannot_be_used(self) -> None:
        for name, value in (
            ("bucket", ""),
            ("bucket", "a/b"),
            ("regionendpoint", "ftp://host"),
            ("regionendpoint", "https://user@host"),
            ("regionendpoint", "https://host:x"),
            ("regionendpoint", "https://[host"),
            ("regionendpoint", "https://host?a"),
            ("redirectendpoint", "host"),
            ("redirectendpoint", "ftp://host"),
            ("redirectendpoint", "https://user@host"),
            ("redirectendpoint", "https://host:x"),
            ("redirectendpoint", "https://host/path"),
            ("redirectendpoint", "https://host?a"),
            ("chunksize", 5242879),
            ("chunksize", "much"),
            ("multipartcopychunksize", 1),
            ("multipartcopymaxconcurrency", 0),
            ("v4auth", False),
            ("memory", 4 * 10 * 1024 * 1024 - 1),
        ):
            self.refuses(f"storage.s3.{name}", **{name: value})

    def test_what_does_not_go_together(self) -> None:
        for text, given in (
            ("both accesskey and secretkey", {"accesskey": "a"}),
            ("both accesskey and secretkey", {"secretkey": "a"}),
            ("sessiontoken", {"sessiontoken": "a"}),
            ("profile", {"accesskey": "a", "secretkey": "b", "profile": "c"}),
            ("keyid", {"keyid": "a"}),
            ("accelerate", {"accelerate": True, "forcepathstyle": True}),
            ("usefipsendpoint", {"accelerate": True, "usefipsendpoint": True}),
            (
                "usefipsendpoint",
                {"regionendpoint": "http://h", "usefipsendpoint": True},
            ),
            ("cas and skipverify", {"cas": ["a"], "skipverify": True}),
            ("usedualstack", {"regionendpoint": "http://h", "usedualstack": True}),
        ):
            self.refuses(text, **given)

    def test_one_store_is_enough(self) -> None:
        with self.assertRaises(SettingsError) as caught:
            self.load(GOOD, inmemory={})
        self.assertIn("inmemory and s3", str(caught.exception))
