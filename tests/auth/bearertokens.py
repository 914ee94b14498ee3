"""Bearer tokens that are made for a test: good ones, and such as nobody issues."""

import base64
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import get_algorithm_by_name

from txregistry.auth.keynames import public_jwk, thumbprint
from txregistry.auth.keysets import TrustedKeys, parse_jwks

NOW: Final = 1_800_000_000
ISSUER: Final = "auth.example"
SERVICE: Final = "registry.example"
ACCESS: Final = [{"type": "repository", "name": "acme/web", "actions": ["pull"]}]

ED: Final = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER: Final = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
P256: Final = ec.derive_private_key(1 << 200, ec.SECP256R1())
P384: Final = ec.derive_private_key(1 << 200, ec.SECP384R1())
P521: Final = ec.derive_private_key(1 << 200, ec.SECP521R1())

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Make a key, the same for each length."""
    return rsa.generate_private_key(65537, bits)


def claims(**others: object) -> dict[str, Any]:
    """Give what a good token says, with changes; those that are None are left out."""
    said = {
        "iss": ISSUER,
        "sub": "bob",
        "aud": SERVICE,
        "exp": NOW + 300,
        "nbf": NOW,
        "iat": NOW,
        "jti": "1",
        "access": ACCESS,
    }
    said.update(others)
    return {name: value for name, value in said.items() if value is not None}


def encode(data: bytes | object) -> str:
    """Write bytes, or anything as JSON, as a part of a token."""
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(
    payload: bytes | object,
    key: PrivateKey | bytes = ED,
    alg: str = "EdDSA",
    header: Mapping[str, object] | bytes | None = None,
    by: str = "",
) -> str:
    """Make a token.

    Args:
        payload: What it says.
        key: What it is signed with.
        alg: What it says that it is signed by.
        header: What else is in its header, in place of the name of the key; as bytes,
            it is all of the header.
        by: What it is really signed by, where that is something else.
    """
    if header is None:
        header = {} if isinstance(key, bytes) else {"kid": name_of(key)}
    if not isinstance(header, bytes):
        header = msgspec.json.encode({"typ": "JWT", "alg": alg, **header})
    said = f"{encode(header)}.{encode(payload)}"
    algorithm = get_algorithm_by_name(by or alg)
    return f"{said}.{encode(algorithm.sign(said.encode(), key))}"


def name_of(key: PrivateKey) -> str:
    """Give the thumbprint of a key."""
    return thumbprint(key.public_key())


def jwk_of(key: PrivateKey, **others: object) -> dict[str, Any]:
    """Write the public key as an entry of a set."""
    return {**public_jwk(key.public_key()), **others}


def jwks(*keys: Mapping[str, Any]) -> bytes:
    """Write a set of keys."""
    return msgspec.json.encode({"keys": keys})


def trusted(*keys: PrivateKey) -> TrustedKeys:
    """Trust keys."""
    return parse_jwks(jwks(*(jwk_of(key) for key in keys)))


def public_pem(key: PrivateKey) -> bytes:
    """Write the public key in PEM form."""
    return key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
