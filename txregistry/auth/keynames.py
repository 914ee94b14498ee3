"""What a public key is called, in the header ``kid`` of tokens.

Source: RFC 7638, "JSON Web Key (JWK) Thumbprint"; RFC 8037, section 2, for Ed25519;
libtrust, ``util.go``, for fingerprints.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from txregistry.auth.safetext import encode

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
"""A key that a token's signature can be verified with."""

_MEMBERS: Final = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
"""What a thumbprint is made of, by the type of the key and in this order."""

_FINGERPRINT: Final = 240 // 8
_GROUP: Final = 4


def public_jwk(key: PublicKey) -> dict[str, str]:
    """Write a key as a JSON Web Key, without a name.

    Source: RFC 7518, sections 6.2.1 and 6.3.1; RFC 8037, section 2.
    """
    match key:
        case RSAPublicKey():
            numbers = key.public_numbers()
            e, n = _shortest(numbers.e), _shortest(numbers.n)
            return {"e": encode(e), "kty": "RSA", "n": encode(n)}
        case EllipticCurvePublicKey():
            point = key.public_numbers()
            size = (key.curve.key_size + 7) // 8
            x, y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")
            curve = f"P-{key.curve.key_size}"
            return {"crv": curve, "kty": "EC", "x": encode(x), "y": encode(y)}
        case Ed25519PublicKey():
            x = key.public_bytes_raw()
            return {"crv": "Ed25519", "kty": "OKP", "x": encode(x)}


def jwk_thumbprint(jwk: Mapping[str, Any]) -> str | None:
    """Give the thumbprint of a key, by SHA-256.

    Returns:
        43 characters. It is None if that is no key, or of a type that is unknown.
    """
    kind = jwk.get("kty")
    names = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if names is None or not all(isinstance(jwk.get(name), str) for name in names):
        return None
    return _hash({name: jwk[name] for name in names})


def thumbprint(key: PublicKey) -> str:
    """Give the thumbprint of a key, by SHA-256: 43 characters."""
    return _hash(public_jwk(key))


def fingerprint(key: PublicKey) -> str:
    """Name a key as libtrust does: twelve groups of four characters."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:_FINGERPRINT]).decode()
    return ":".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _hash(members: Mapping[str, str]) -> str:
    """Hash what a thumbprint is made of, which is in its order."""
    return encode(hashlib.sha256(msgspec.json.encode(members)).digest())


def _shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
