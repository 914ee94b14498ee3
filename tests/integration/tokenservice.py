"""A service of tokens, as Distribution specifies it: it knows accounts, and signs.

Source: Distribution, "Token Authentication Specification" and "Token Authentication
Implementation".
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from jwt import get_algorithm_by_name

from tests.integration.daemon import LOOPBACK
from tests.integration.tuned import replace_file

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Grants = Callable[[str, str], frozenset[str]]
"""What somebody may do to a repository, by names."""

SERVICE, ISSUER = "registry.example", "accounts.example"
KEYS: Mapping[str, Callable[[], PrivateKey]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}
_LIFETIME = 300
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Signer:
    """A key, and how a token says that it is signed with that one."""

    algorithm: str
    key: PrivateKey
    header: Mapping[str, Any]

    @classmethod
    def named(cls, algorithm: str) -> "Signer":
        """Make one that is known by a name."""
        name = secrets.token_hex(4)
        return cls(algorithm, KEYS[algorithm](), {"kid": name})

    @property
    def jwk(self) -> dict[str, Any]:
        """Write the public key."""
        kind: Any = get_algorithm_by_name(self.algorithm)
        written: dict[str, Any] = kind.to_jwk(self.key.public_key(), as_dict=True)
        operations = {"use": "sig", "alg": self.algorithm, **self.header}
        return {**written, **operations, "key_ops": ["verify"]}


@dataclass(frozen=True)
class Asked:
    """What a client asked for."""

    method: str
    account: str
    scopes: tuple[str, ...]


@dataclass
class TokenService:
    """A service on a port of its own; it runs once constructed, until it is stopped.

    Args:
        folder: Where it leaves the keys that a registry is to trust.
        passwords: Those who have an account.
        grants: What they may do; who is "" has none.
        algorithm: How it signs.
        oauth: The status with which it answers to POST, which it does not understand.
        certified: Whether tokens bring a certificate, in place of a name of a key.
        host: What it is called; some clients are choosy about where tokens are.
    """

    folder: Path
    passwords: Mapping[str, str]
    grants: Grants
    algorithm: str = "ES256"
    oauth: int = 405
    certified: bool = False
    host: str = "localhost"
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer((LOOPBACK, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.signer = self.rotate()

    @property
    def realm(self) -> str:
        """Where clients get tokens."""
        return f"http://{self.host}:{self._server.server_address[1]}/token"

    def settings(self) -> dict[str, Any]:
        """Give what a registry, this or Distribution's, has to know."""
        name = "rootcertbundle" if self.certified else "jwks"
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                name: str(self.keys),
            }
        }

    @property
    def keys(self) -> Path:
        """The file of what is to be trusted."""
        return self.folder / ("bundle.pem" if self.certified else "keys.json")

    def rotate(self) -> Signer:
        """Sign with another key from now on, and have that one trusted only.

        Returns:
            What is signed with now.
        """
        if self.certified:
            self.signer, bundle = _certify(self.algorithm)
            replace_file(self.keys, bundle)
        else:
            self.signer = Signer.named(self.algorithm)
            self.publish(self.signer)
        return self.signer

    def publish(self, *signers: Signer) -> None:
        """Have some keys trusted."""
        replace_file(self.keys, json.dumps({"keys": [each.jwk for each in signers]}))

    def issue(
        self, account: str, *scopes: str, by: Signer | None = None, **others: Any
    ) -> str:
        """Make a token for what somebody may have of what is asked for.

        Args:
            account: Who; "" for nobody.
            scopes: What for.
            by: With which key it is signed, if not with the present one.
            others: Claims, over the usual.
        """
        now, signer = int(time.time()), by or self.signer
        access = []
        for text in " ".join(scopes).split():
            kind, name, actions = (
                text.split(":", 1)[0],
                *text.split(":", 1)[1].rsplit(":", 1),
            )
            wanted = set(actions.split(","))
            granted = self.grants(account, name)
            given = granted if "*" in wanted else wanted & granted
            access.append({"type": kind, "name": name, "actions": sorted(given)})
        claims = {
            "iss": ISSUER,
            "sub": account,
            "aud": SERVICE,
            "exp": now + _LIFETIME,
            "nbf": now - 1,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": access,
            **others,
        }
        header = dict(signer.header)
        return jwt.encode(claims, signer.key, signer.algorithm, headers=header)

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    service: TokenService
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Give a token, or say that the password is wrong."""
        query = parse_qs(urlsplit(self.path).query)
        scopes = tuple(" ".join(query.get("scope", [])).split())
        account = self._account()
        if account is None:
            self._answer(401, {"details": "incorrect username or password"})
            return
        self.service.asked.append(Asked("GET", account, scopes))
        token = self.service.issue(account, *scopes)
        issued = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._answer(
            200,
            {
                "token": token,
                "access_token": token,
                "expires_in": _LIFETIME,
                "issued_at": issued,
            },
        )

    def do_POST(self) -> None:
        """Say that OAuth2 is not understood."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.service.asked.append(Asked("POST", "", ()))
        self._answer(self.service.oauth, {})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""

    def _account(self) -> str | None:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return ""
        name, _, password = base64.b64decode(encoded).decode().partition(":")
        known = self.service.passwords.get(name)
        return name if known is not None and known == password else None

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _certify(algorithm: str) -> tuple[Signer, str]:
    """Make an authority, and a key that it certifies; give that and the bundle."""
    root, key = ec.generate_private_key(ec.SECP256R1()), KEYS[algorithm]()
    own, name = _name("tokens CA"), _name("tokens")
    authority = (
        _begin(own, root, own)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root, SHA256())
    )
    leaf = _begin(name, key, own).sign(root, SHA256())
    shown = base64.b64encode(leaf.public_bytes(Encoding.DER)).decode()
    bundle = authority.public_bytes(Encoding.PEM).decode()
    return Signer(algorithm, key, {"x5c": [shown]}), bundle


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _begin(name: x509.Name, key: PrivateKey, by: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=by,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _DAY,
        not_valid_after=now + _DAY,
    )
