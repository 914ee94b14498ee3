"""Tests of ``txregistry/assembly/version1.py``."""

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
from tests.temporary import make_file
from tests.web.exchange import SECRETS, Exchange, lines, logged
from txregistry.assembly.version1 import make_version1
from txregistry.registry.repositories import Registry
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import (
    Auth,
    Htpasswd,
    Http,
    Index,
    Rule,
    Settings,
    Tls,
)
from txregistry.settings.sections import Version1 as Version1Settings
from txregistry.storage.memory import MemoryObjectStore
from txregistry.tasks import at_once
from txregistry.web.access import open_access
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
        settings = Settings(index=index, **more)
        access = open_access(registry)
        return make_version1(settings, registry, access, SECRETS, reactor, pool)

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

    def test_engines_are_sent_to_where_clients_reach_the_registry(self) -> None:
        http = Http(host="https://reg.example:5000/")
        for index, sent in (
            (Index(), ("reg.example:5000",)),
            (Index(endpoints=("other.example",)), ("other.example",)),
            (Index(alone=True), ()),  # it has no images
        ):
            found = self.make(index, http=http).index
            assert found is not None
            self.assertEqual(tuple(found._endpoints), sent)

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

    def test_certificate_of_the_index_that_is_none_is_refused(self) -> None:
        path = self.file(b"junk")
        index = Index(url="https://i", cas=(path,))
        self.refuse(index, f"index.cas: {path!r}")


class AccessCase(SynchronousTestCase):
    """Who may do what, where nobody said so."""

    def setUp(self) -> None:
        accounts = f"bob:{BCRYPT}\n".encode()
        self.htpasswd = Htpasswd(make_file(self, "htpasswd", accounts))

    def ask(self, settings: Settings, method: str, target: str) -> int:
        """Ask as nobody."""
        exchange = Exchange(version1=settings)
        body = b"[]" if method == "PUT" else None
        return exchange.ask(method, target, {}, body).status


class AccessTests(AccessCase):
    def test_without_accounts_everybody_may_do_everything(self) -> None:
        self.assertEqual(self.ask(Settings(), "PUT", PUSH), 200)

    def test_with_accounts_nobody_else_may_do_anything(self) -> None:
        settings = Settings(auth=Auth(htpasswd=self.htpasswd))
        for method, target in (("PUT", PUSH), ("GET", IMAGES)):
            self.assertEqual(self.ask(settings, method, target), 401)

    def test_rules_count_as_they_stand(self) -> None:
        rule = Rule(("everyone",), ("acme/*",), ("pull",))
        settings = Settings(auth=Auth(rules=(rule,)))
        self.assertEqual(self.ask(settings, "PUT", PUSH), 401)
        self.assertEqual(self.ask(settings, "GET", IMAGES), 404)

    def test_where_only_tokens_count_nobody_else_may_do_anything(self) -> None:
        index = Index(trust=(make_file(self, "key", public(OWN)),))
        everybody = Auth(rules=(Rule(("everyone",), ("**",), ("admin",)),))
        target = f"/v1/images/{'a' * 64}/json"
        for auth in (Auth(), everybody):
            settings = Settings(index=index, auth=auth)
            self.assertEqual(self.ask(settings, "GET", target), 401)


class Version2Tests(AccessCase):
    """What version 1 forbids, version 2 does not let through."""

    REQUESTS = (
        ("GET", "/v2/acme/web/manifests/latest"),
        ("GET", "/v2/acme/web/tags/list"),
        ("POST", "/v2/acme/web/blobs/uploads/"),
        ("PUT", "/v2/acme/web/manifests/latest"),
        ("DELETE", "/v2/acme/web/manifests/latest"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/"),
    )

    def test_where_nothing_is_restricted_it_lets_everything_through(self) -> None:
        for method, target in self.REQUESTS:
            found = self.ask(Settings(), method, target)
            self.assertNotIn(found, {401, 403}, target)

    def test_accounts_of_one_are_those_of_the_other(self) -> None:
        settings = Settings(auth=Auth(htpasswd=self.htpasswd))
        for method, target in self.REQUESTS:
            self.assertEqual(self.ask(settings, method, target), 401, target)

    def test_index_elsewhere_lets_nobody_through_who_is_not_known_here(self) -> None:
        """Its tokens are for version 1 only."""
        trust = (make_file(self, "key", public(OWN)),)
        for index in (Index(trust=trust), Index(url="https://index.example")):
            for method, target in self.REQUESTS:
                found = self.ask(Settings(index=index), method, target)
                self.assertEqual(found, 403, target)
                auth = Auth(htpasswd=self.htpasswd)
                found = self.ask(Settings(index=index, auth=auth), method, target)
                self.assertEqual(found, 401, target)

    def test_rules_of_one_are_those_of_the_other(self) -> None:
        rule = Rule(("everyone",), ("other/*",), ("pull",))
        settings = Settings(auth=Auth(rules=(rule,)))
        for method, target in self.REQUESTS:
            if "acme" in target:
                self.assertEqual(self.ask(settings, method, target), 403, target)
        found = self.ask(settings, "GET", "/v2/other/web/tags/list")
        self.assertEqual(found, 404)


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
