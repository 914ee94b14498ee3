"""Tests of ``txregistry/version1.py``."""

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool

from tests.client.certificates import certify
from tests.temporary import make_file, make_folder
from tests.web.exchange import SECRETS, Exchange, lines, logged
from txregistry.registry.repositories import Registry
from txregistry.settings import Http, Index, Rule, Settings, SettingsError, Tls
from txregistry.settings import Version1 as Version1Settings
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once
from txregistry.version1 import make_version1
from txregistry.web.v1.root import Version1

OWN = Ed25519PrivateKey.generate()
OTHER = generate_private_key(SECP256R1())
BCRYPT = "$2y$05$abcdefghijklmnopqrstuu5s7F4bnV3sSPFXcmb3rCiOdmMFCEAKe"
IMAGES = "/v1/repositories/acme/web/images"
PUSH = "/v1/repositories/acme/web/"


def private(key: Any) -> bytes:
    """Write a private key."""
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data


def public(key: Any) -> bytes:
    """Write the public part of a key."""
    data: bytes = key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    return data


class MakeCase(SynchronousTestCase):
    def make(self, index: Index, **more: Any) -> Version1:
        """Make version 1."""
        reactor = MemoryReactorClock()
        registry = Registry(MemoryObjectStore(reactor), reactor, at_once)
        pool = HTTPConnectionPool(reactor, persistent=False)
        return make_version1(
            Settings(index=index, **more), registry, SECRETS, reactor, at_once, pool
        )

    def refuse(self, index: Index, *told: str) -> None:
        """Expect a refusal that tells some things."""
        with self.assertRaises(SettingsError) as raised:
            self.make(index)
        for each in told:
            self.assertIn(each, str(raised.exception))

    def file(self, data: bytes) -> str:
        """Write a file."""
        return make_file(self, "file", data)


class PartsTests(MakeCase):
    def test_it_is_registry_and_index(self) -> None:
        found = self.make(Index())
        self.assertTrue(found.registry)
        self.assertIsNotNone(found.index)

    def test_it_is_an_index_alone(self) -> None:
        found = self.make(Index(alone=True))
        self.assertFalse(found.registry)
        self.assertIsNotNone(found.index)

    def test_it_is_a_registry_with_an_index_elsewhere(self) -> None:
        for index in (
            Index(url="https://index.example"),
            Index(trust=(self.file(public(OWN)),)),
        ):
            found = self.make(index)
            self.assertTrue(found.registry)
            self.assertIsNone(found.index)

    def test_administrators_are_handed_on(self) -> None:
        found = self.make(Index(administrators=("bob",)))
        self.assertEqual(found.administrators, {"bob"})

    def test_standalone_is_handed_on(self) -> None:
        found = self.make(Index(), v1=Version1Settings(standalone=True))
        self.assertTrue(found.standalone)

    def test_index_elsewhere_may_want_certificates(self) -> None:
        client = certify("registry")
        path = self.file(client.certificate.public_bytes(Encoding.PEM))
        index = Index(
            url="https://index.example",
            cas=(path,),
            certificate=path,
            certificatekey=self.file(private(client.key)),
        )
        self.assertIsNone(self.make(index).index)

    def test_who_serves_tls_and_gives_no_endpoints_is_warned(self) -> None:
        http = Http(addr=":1", tls=Tls("certificate", "key"))
        for endpoints, warned in (((), True), (("reg.example",), False)):
            with logged() as events:
                self.make(Index(endpoints=endpoints), http=http)
            text = "\n".join(lines(events))
            self.assertEqual("index.endpoints is not given" in text, warned)


class MistakeTests(MakeCase):
    def test_key_of_another_kind_is_refused(self) -> None:
        path = self.file(private(OTHER))
        self.refuse(Index(key=path), f"index.key: {path!r}", "Ed25519")

    def test_trust_of_another_kind_is_refused(self) -> None:
        path = self.file(public(OTHER))
        self.refuse(Index(trust=(path,)), f"index.trust: {path!r}", "Ed25519")

    def test_url_that_is_none_is_refused(self) -> None:
        for url in ("index.example", "ftp://x", "https://", "http://a b"):
            self.refuse(Index(url=url), f"index.url: {url!r}")

    def test_accounts_that_cannot_be_read_are_refused(self) -> None:
        path = os.path.join(make_folder(self), "none")
        self.refuse(Index(htpasswd=path), f"index.htpasswd: {path!r}")

    def test_rule_that_means_nothing_is_refused(self) -> None:
        rule = Rule(("bob",), ("acme/[",), ("pull",))
        self.refuse(Index(access=(rule,)), "index.access")

    def test_certificate_of_the_index_that_is_none_is_refused(self) -> None:
        path = self.file(b"junk")
        index = Index(url="https://i", cas=(path,))
        self.refuse(index, f"index.cas: {path!r}")


class AccessTests(SynchronousTestCase):
    """Who may do what, where nobody said so."""

    def ask(self, index: Index, method: str, target: str) -> int:
        """Ask as nobody."""
        exchange = Exchange(version1=Settings(index=index))
        body = b"[]" if method == "PUT" else None
        return exchange.ask(method, target, {}, body).status

    def test_without_accounts_everybody_may_do_everything(self) -> None:
        self.assertEqual(self.ask(Index(), "PUT", PUSH), 200)

    def test_with_accounts_nobody_else_may_do_anything(self) -> None:
        path = make_file(self, "htpasswd", f"bob:{BCRYPT}\n".encode())
        for method, target in (("PUT", PUSH), ("GET", IMAGES)):
            found = self.ask(Index(htpasswd=path), method, target)
            self.assertEqual(found, 401)

    def test_rules_count_as_they_stand(self) -> None:
        rule = Rule(("everyone",), ("acme/*",), ("pull",))
        index = Index(access=(rule,))
        self.assertEqual(self.ask(index, "PUT", PUSH), 401)
        self.assertEqual(self.ask(index, "GET", IMAGES), 404)

    def test_where_only_tokens_count_nobody_else_may_do_anything(self) -> None:
        path = make_file(self, "key", public(OWN))
        target = f"/v1/images/{'a' * 64}/json"
        self.assertEqual(self.ask(Index(trust=(path,)), "GET", target), 401)


class KeyTests(SynchronousTestCase):
    def token(self, index: Index) -> dict[str, str]:
        """Be given a token."""
        exchange = Exchange(version1=Settings(index=index))
        answer = exchange.ask("PUT", PUSH, {"X-Docker-Token": "true"}, b"[]")
        return {"Authorization": f"Token {answer.header('x-docker-token')}"}

    def ask(self, index: Index, token: dict[str, str]) -> int:
        """Use a token."""
        exchange = Exchange(version1=Settings(index=index))
        target = f"/v1/images/{'a' * 64}/json"
        return exchange.ask("GET", target, token).status

    def test_tokens_are_good_where_the_key_is_trusted(self) -> None:
        token = self.token(Index(key=make_file(self, "key", private(OWN))))
        trust = Index(trust=(make_file(self, "key", public(OWN)),))
        self.assertEqual(self.ask(trust, token), 404)

    def test_tokens_are_good_nowhere_else(self) -> None:
        token = self.token(Index(key=make_file(self, "key", private(OWN))))
        self.assertEqual(self.ask(Index(), token), 401)

    def test_tokens_are_good_on_every_node_of_the_same_store(self) -> None:
        self.assertEqual(self.ask(Index(), self.token(Index())), 404)
