"""Tests of ``txregistry/assembly/admission.py``: settings that cannot be used.

Who is let in by those that can, `tests.web` and `tests.assembly.test_version1` show.
"""

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file, make_folder
from txregistry.assembly.admission import Admission, make_admission
from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import (
    Auth,
    CertificateName,
    Certificates,
    Htpasswd,
    Rule,
    Settings,
    TokenEndpoint,
    TokenService,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once


class AdmissionCase(SynchronousTestCase):
    def make(self, **auth: Any) -> Admission:
        """Make what lets somebody in."""
        reactor = MemoryReactorClock()
        registry = Registry(MemoryObjectStore(reactor), reactor, at_once)
        signer = Ed25519PrivateKey.generate()
        settings = Settings(auth=Auth(**auth))
        return make_admission(settings, registry, signer, bytes(32), reactor, at_once)


class MistakeTests(AdmissionCase):
    """Every mistake names the setting and its value."""

    def setUp(self) -> None:
        self.absent = os.path.join(make_folder(self), "none")
        self.junk = make_file(self, "junk", b"junk")

    def refuse(self, *told: str, **auth: Any) -> None:
        """Expect a refusal that tells some things."""
        with self.assertRaises(SettingsError) as raised:
            self.make(**auth)
        for each in told:
            self.assertIn(each, str(raised.exception))

    def test_accounts_that_cannot_be_read_are_refused(self) -> None:
        for path in (self.absent, self.junk):
            told = f"auth.htpasswd.path: {path!r}"
            self.refuse(told, htpasswd=Htpasswd(path))

    def test_rule_that_means_nothing_is_refused(self) -> None:
        rule = Rule(("bob",), ("acme/[",), ("pull",))
        self.refuse("auth.rules: Rule 1", rules=(rule,))

    def test_pattern_of_names_that_is_none_is_refused(self) -> None:
        names = (CertificateName("cn", "("),)
        self.refuse("auth.certificates.names", certificates=Certificates(names))

    def test_keys_of_tokens_that_cannot_be_read_are_refused(self) -> None:
        for path in (self.absent, self.junk):
            for name in ("rootcertbundle", "jwks"):
                more: dict[str, Any] = {name: path}
                token = TokenService("https://auth", "registry", "auth", **more)
                self.refuse(f"auth.token.{name}: {path!r}", token=token)

    def test_key_that_signs_no_tokens_is_refused(self) -> None:
        data = X25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        path = make_file(self, "key", data)
        for each in (path, self.absent, self.junk):
            told = f"auth.endpoint.key: {each!r}"
            self.refuse(told, endpoint=TokenEndpoint(key=each))


class OpenTests(AdmissionCase):
    """Nothing is asked only where everybody may do everything, and nobody is known."""

    EVERYTHING = Rule(("everyone",), ("**",), ("admin",))

    def test_everybody_may_do_everything(self) -> None:
        self.assertTrue(self.make(rules=(self.EVERYTHING,)).access.open)

    def test_nobody_does_where_nothing_is_said(self) -> None:
        for auth in ({}, {"rules": ()}):
            self.assertFalse(self.make(**auth).access.open)

    def test_less_is_not_everything(self) -> None:
        for rule in (
            Rule(("anonymous",), ("**",), ("admin",)),
            Rule(("everyone",), ("*",), ("admin",)),
            Rule(("everyone",), ("**",), ("list", "pull", "push", "delete")),
            Rule(("everyone",), ("**",), ("admin",), ("10.0.0.0/8",)),
        ):
            self.assertFalse(self.make(rules=(rule,)).access.open)

    def test_rule_before_it_counts(self) -> None:
        rules = (Rule(("everyone",), ("secret/**",)), self.EVERYTHING)
        self.assertFalse(self.make(rules=rules).access.open)

    def test_who_can_be_known_is_asked(self) -> None:
        certificates = Certificates()
        found = self.make(rules=(self.EVERYTHING,), certificates=certificates)
        self.assertFalse(found.access.open)
