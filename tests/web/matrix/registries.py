"""Registries of each role, and the callers of each."""

from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet.task import Clock
from zope.interface import alsoProvides

from tests.client.certificates import certify
from tests.temporary import make_file
from tests.web.answers import Answer
from tests.web.exchange import Exchange, request_bytes
from tests.web.matrix.roles import PRIVATE, PUBLIC, REPOSITORIES, TEAM
from tests.web.v1.case import V1Case, basic
from tests.web.v1.images import V1Image, document, layer_of
from txregistry.auth.issuing import BearerIssuer
from txregistry.auth.tokens import TokenSigner
from txregistry.model.access import Access, Identity
from txregistry.model.names import RepositoryName
from txregistry.model.tokenscopes import TokenScopes
from txregistry.settings.sections import (
    Auth,
    Certificates,
    Htpasswd,
    Http,
    Index,
    Settings,
    Tls,
    TokenEndpoint,
    TokenService,
)
from txregistry.storage.memory import MemoryObjectStore
from txregistry.web.certificates import ICertifiedTransport

NOW: Final = 1_750_000_000
HTPASSWD: Final = (
    b"bob:$2b$04$VTbCk0x3PKFuMjpVPxNvletOwCf/btYPtHxIaT/aoh8ske9IISxMK\n"
    b"vera:$2b$04$ySmg0rqazfHus9oFYztym.PDZCmWaApvGjfYURGZ5T9sr7G62EaPO\n"
)
BOB: Final = basic("bob", "secret")
VERA: Final = basic("vera", "guessed")
IMAGES: Final = {
    name: V1Image(letter * 64, document(letter * 64), layer_of(file=name))
    for name, letter in ((PUBLIC, "a"), (TEAM, "b"), (PRIVATE, "c"))
}
SERVICE_KEY: Final = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
INDEX_KEY: Final = Ed25519PrivateKey.from_private_bytes(b"i" * 32)
CERTIFICATES: Final = {name: certify(name).certificate for name in ("bob", "vera")}


class MatrixCase(V1Case):
    """Content in three repositories, pushed by version 1.

    Inherit as ``registries.MatrixCase``.
    """

    digests: dict[str, str]

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.advance(NOW)
        self.exchange = Exchange(version1=Settings(), clock=self.clock)
        for name in REPOSITORIES:
            self.push_v1(name, (IMAGES[name],))
        self.digests = {
            name: self.get(f"/v2/{name}/manifests/latest").header(
                "docker-content-digest"
            )
            or ""
            for name in REPOSITORIES
        }
        self.content: Any = self.exchange.store
        self.settings_of = self._settings_by_role()

    def _settings_by_role(self) -> dict[str, Settings]:
        path = make_file(self, "htpasswd", HTPASSWD)
        accounts = Auth(
            htpasswd=Htpasswd(path),
            certificates=Certificates(),
            endpoint=TokenEndpoint(),
            groups={"vendor": ("vera",)},
        )
        mutual = Http(tls=Tls("certificate", "key", ("ca",)))
        issuer = BearerIssuer(SERVICE_KEY, "issuer", "service", self.clock, str)
        keys = make_file(self, "jwks", issuer.jwks())
        trusted = INDEX_KEY.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "private, for everybody": Settings(),
            "private": Settings(auth=accounts, http=mutual),
            "vendor": Settings(role="vendor", auth=accounts, http=mutual),
            "mirror": Settings(role="mirror", auth=accounts, http=mutual),
            "sponsor": Settings(
                role="sponsor",
                auth=Auth(
                    token=TokenService(
                        "https://service.example/token",
                        "service",
                        "issuer",
                        jwks=keys,
                    )
                ),
                index=Index(trust=(make_file(self, "trusted", trusted),)),
            ),
        }

    def open(self, role: str) -> None:
        """Put a registry of a role over a copy of the content."""
        store: Any = MemoryObjectStore(self.clock)
        store._objects = dict(self.content._objects)
        self.exchange = Exchange(
            version1=self.settings_of[role], clock=self.clock, store=store
        )

    def headers_of(self, caller: str) -> Mapping[str, str]:
        """Spell what somebody sends, to the registry that is open."""
        if caller in _SENT:
            return _SENT[caller]
        if caller == "the Index's token":
            signer = TokenSigner(INDEX_KEY, self.clock)
            text = signer.issue(
                RepositoryName(TEAM), Access.WRITE, Identity("bob"), 600.0, "n"
            )
            return {"Authorization": f"Token {text}"}
        if caller.startswith("the service's"):
            word = "*" if caller.endswith("all") else "push"
            texts = [f"repository:{TEAM}:{word}"]
            texts += ["registry:catalog:*"] if word == "*" else []
            return _bearer(SERVICE_KEY, self.clock, *texts)
        if caller == "somebody's token":
            other = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
            return _bearer(other, self.clock, f"repository:{TEAM}:push")
        sent = _SENT[caller.partition("'")[0]]
        if caller.endswith("Index token"):
            return self.token(TEAM, "write", sent)
        wanted = PUBLIC if caller.startswith("nobody") else TEAM
        scopes = f"scope=repository:{wanted}:pull&scope=repository:{TEAM}:pull"
        answer = self.get(f"/auth/token?{scopes}", sent)
        return {"Authorization": f"Bearer {answer.json['token']}"}

    def ask_as(
        self,
        caller: str,
        headers: Mapping[str, str],
        method: str,
        target: str,
        body: bytes | None,
    ) -> Answer:
        """Ask one thing, by TLS where somebody has a certificate."""
        connection = self.exchange.connect()
        if caller.endswith("certificate"):
            name = caller.partition("'")[0]
            _show(connection.pipe, CERTIFICATES[name])
        connection.send(request_bytes(method, target, headers, body))
        while not connection.received:
            self.clock.advance(1)  # as long as those wait who guess passwords
            connection.settle()
        answer = connection.answer(method)
        connection.drop()
        return answer


_SENT: Final[Mapping[str, Mapping[str, str]]] = {
    "nobody": {},
    "bob": BOB,
    "vera": VERA,
    "wrong": basic("bob", "wrong"),
    "junk": {"Authorization": "Negotiate abc"},
    "bob's certificate": {},
    "vera's certificate": {},
}


def _bearer(key: Ed25519PrivateKey, clock: Clock, *texts: str) -> dict[str, str]:
    issuer = BearerIssuer(key, "issuer", "service", clock, lambda: "1")
    token = issuer.issue(Identity("bob"), TokenScopes.parse(*texts))
    return {"Authorization": f"Bearer {token}"}


def _show(pipe: Any, certificate: x509.Certificate) -> None:
    """Let a connection be one of TLS, whose client has shown a certificate."""
    pipe.client_certificate = lambda: certificate
    alsoProvides(pipe, ICertifiedTransport)
