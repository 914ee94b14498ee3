"""Tests of ``txregistry/settings/swiftchecks.py``, and of how the section is read."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.settings.reading import load_settings
from txregistry.settings.section import SettingsError
from txregistry.settings.storage import Swift

GOOD: dict[str, Any] = {
    "authurl": "https://keystone.example:5000/v3",
    "username": "user",
    "password": "secret",
    "container": "registry",
}
DISTRIBUTION: dict[str, Any] = {
    **GOOD,
    "tenant": "t",
    "tenantid": "ti",
    "domain": "d",
    "domainid": "di",
    "trustid": "tr",
    "region": "fr",
    "endpointtype": "internal",
    "insecureskipverify": True,
    "chunksize": 5242880,
    "prefix": "some/prefix",
    "secretkey": "sk",
    "accesskey": "ak",
    "authversion": 3,
    "tempurlcontainerkey": False,
    "tempurlmethods": ["GET"],
}
"""What is in the documentation of Distribution 2."""


class SwiftSettingsTests(SynchronousTestCase):
    def read(self, swift: object, **more: Any) -> Swift:
        """Read a file with such a section."""
        document = {"version": 0.1, "storage": {"swift": swift, **more}}
        path = make_file(self, "config.yml", json.dumps(document).encode())
        found = load_settings(path, {})[0].storage.swift
        assert found is not None
        return found

    def refuses(self, text: str, **settings: Any) -> None:
        """Expect that settings are refused with a sentence that says something."""
        given = {
            name: value
            for name, value in {**GOOD, **settings}.items()
            if value is not None
        }
        with self.assertRaises(SettingsError) as caught:
            self.read(given)
        self.assertIn(text, str(caught.exception))
        self.assertIn("storage.swift", str(caught.exception))
        self.assertNotIn("secret ", str(caught.exception))

    def test_few_are_needed(self) -> None:
        found = self.read(GOOD)
        self.assertEqual(
            (found.version, found.create, found.writedlo), (3, False, False)
        )

    def test_those_of_distribution(self) -> None:
        found = self.read(DISTRIBUTION)
        for name, value in DISTRIBUTION.items():
            wanted = tuple(value) if isinstance(value, list) else value
            self.assertEqual(getattr(found, name), wanted, name)

    def test_out_of_the_environment(self) -> None:
        names = {f"REGISTRY_STORAGE_SWIFT_{k.upper()}": v for k, v in GOOD.items()}
        found = load_settings(None, names)[0].storage.swift
        assert found is not None
        self.assertEqual(found.container, "registry")

    def test_the_version_is_told_by_the_url(self) -> None:
        for url, version in (
            ("http://host/auth/v1.0", 1),
            ("https://identity.api.rackspacecloud.com/v2.0", 2),
            ("https://host:5000/v3/", 3),
        ):
            self.assertEqual(self.read({**GOOD, "authurl": url}).version, version)
        self.refuses("give 1, 2 or 3", authurl="https://v3.example/identity")
        found = self.read({**GOOD, "authurl": "https://host/id", "authversion": 2})
        self.assertEqual(found.version, 2)

    def test_an_application_credential(self) -> None:
        credential = {
            "applicationcredentialid": "id",
            "applicationcredentialsecret": "secret",
        }
        nobody = {"username": None, "password": None}
        bare = {name: GOOD[name] for name in ("authurl", "container")}
        self.assertEqual(
            self.read({**bare, **credential}).applicationcredentialid, "id"
        )
        self.refuses("not both", **credential)
        self.refuses("or neither", **nobody, applicationcredentialid="id")
        self.refuses(
            "only version 3", **nobody, **credential, authurl="http://host/auth/v1.0"
        )

    def test_who_has_to_be_named(self) -> None:
        self.refuses("storage.swift.username: it is missing", username=None)
        self.refuses("storage.swift.password: it is missing", password=None)

    def test_what_cannot_be_used(self) -> None:
        for name, value in (
            ("authurl", "keystone"),
            ("authurl", "ftp://host/v3"),
            ("authurl", "http://[::1/v3"),
            ("container", ""),
            ("container", "a/b"),
            ("endpointtype", "secret-ish"),
            ("tempurlmethods", ["BREW"]),
            ("chunksize", 1000),
            ("authversion", 4),
            ("create", "maybe"),
            ("unheard", 1),
        ):
            self.refuses(f"storage.swift.{name}", **{name: value})

    def test_two_ways_to_trust(self) -> None:
        self.refuses("not both", insecureskipverify=True, cas=["ca.pem"])

    def test_one_place_for_content(self) -> None:
        with self.assertRaises(SettingsError) as caught:
            self.read(GOOD, inmemory={})
        self.assertIn("one of inmemory and swift", str(caught.exception))
