"""The keys that tokens of somebody are verified with.

Source: RFC 7517, "JSON Web Key (JWK)"; Distribution, ``registry/auth/token``, for what
is trusted of a bundle of certificates.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate, load_pem_x509_certificates
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from txregistry.auth.keynames import PublicKey, fingerprint, thumbprint

_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES: Final = {
    "secp256r1": frozenset({"ES256"}),
    "secp384r1": frozenset({"ES384"}),
    "secp521r1": frozenset({"ES512"}),
}
_EDWARDS: Final = frozenset({"EdDSA"})
ALGORITHMS: Final = _RSA.union(_EDWARDS, *_CURVES.values())
"""All that we verify; none has a secret that whoever verifies knows."""

_LARGEST: Final = 1 << 20
_MOST: Final = 1000
_RSA_BITS: Final = range(2048, 8192 + 1)
"""Shorter ones are weak, and longer ones slow."""

_READERS: Final = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
_PUBLIC_CURVES: Final = frozenset({"P-256", "P-384", "P-521", "Ed25519"})
_SECRETS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeySetError(ValueError):
    """Keys cannot be used; the sentence says to an operator why."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that somebody signs tokens with.

    Attributes:
        key: The key.
        algorithms: What it may be used with.
        since: From when on it is trusted, in seconds since 1970.
        until: Until when it is.
    """

    key: PublicKey
    algorithms: frozenset[str]
    since: float = -math.inf
    until: float = math.inf


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """All keys of somebody who issues tokens.

    Attributes:
        by_name: Those that tokens name: by the name that the set of keys gives them, by
            their thumbprint, and by their fingerprint.
        authorities: Who certifies further keys, which tokens bring along. All that they
            certify may sign tokens, so they should certify nothing else.
    """

    by_name: Mapping[str, TrustedKey] = field(default_factory=dict)
    authorities: tuple[Certificate, ...] = ()

    def __or__(self, other: "TrustedKeys") -> "TrustedKeys":
        """Join two.

        Raises:
            KeySetError: they give one name to different keys.
        """
        for name in self.by_name.keys() & other.by_name.keys():
            if self.by_name[name].key != other.by_name[name].key:
                raise KeySetError(f"Two keys have the name {name!r}.")
        return TrustedKeys(
            {**other.by_name, **self.by_name}, self.authorities + other.authorities
        )


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


def parse_jwks(data: bytes) -> TrustedKeys:
    """Read a JSON Web Key Set.

    Left out is what is not for signatures, and what is of an unknown type, curve or
    algorithm.

    Raises:
        KeySetError: it is none; it has a key that is malformed, weak, or private; two
            keys have the same name; or no key can be used.
    """
    if len(data) > _LARGEST:
        raise KeySetError(f"The set of keys has more than {_LARGEST} bytes.")
    try:
        found = msgspec.json.decode(data, type=_KeySet).keys
    except (ValueError, RecursionError):
        raise KeySetError("This is no JSON Web Key Set.") from None
    if len(found) > _MOST:
        raise KeySetError(f"The set has more than {_MOST} keys.")
    named: dict[str, TrustedKey] = {}
    derived: dict[str, TrustedKey] = {}
    for place, jwk in enumerate(found, 1):
        trusted = _read(jwk, f"Key number {place}")
        if trusted is None:
            continue
        name = jwk.get("kid")
        if name in named:
            raise KeySetError(f"Two keys have the name {name!r}.")
        if name is not None:
            named[name] = trusted
        _derive(derived, trusted)
    if not derived:
        raise KeySetError("No key of the set can be used to verify signatures.")
    return TrustedKeys({**derived, **named})


def parse_bundle(data: bytes) -> TrustedKeys:
    """Read certificates in PEM form.

    They are authorities, and tokens may be signed with their own keys as well: so
    Distribution has it. All are trusted only as long as they are valid.

    Raises:
        KeySetError: there is none; one is malformed, or its key is weak; or there is a
            private key with them.
    """
    if len(data) > _LARGEST:
        raise KeySetError(f"The bundle has more than {_LARGEST} bytes.")
    if b"PRIVATE KEY-----" in data:
        raise KeySetError("There is a private key in the bundle; take it out.")
    try:
        certificates = load_pem_x509_certificates(data)
    except Exception as error:
        # What the parser raises is of many kinds, and of no common one.
        raise KeySetError(
            "The bundle has no certificate in PEM form, or one that cannot be read."
        ) from error
    if len(certificates) > _MOST:
        raise KeySetError(f"The bundle has more than {_MOST} certificates.")
    derived: dict[str, TrustedKey] = {}
    for place, certificate in enumerate(certificates, 1):
        trusted = certified_key(certificate, f"Certificate number {place}")
        if trusted is not None:
            _derive(derived, trusted)
    return TrustedKeys(derived, tuple(certificates))


def certified_key(certificate: Certificate, what: str) -> TrustedKey | None:
    """Give the key of a certificate, as long as that is valid.

    Args:
        certificate: The certificate.
        what: What it is called in a sentence to an operator.

    Returns:
        The key; None if it is of a type that is unknown.

    Raises:
        KeySetError: it is malformed or weak.
    """
    try:
        key = certificate.public_key()
    except UnsupportedAlgorithm:
        return None
    except ValueError:
        raise KeySetError(f"{what} has a key that cannot be read.") from None
    if not _is_known(key):
        return None
    return TrustedKey(
        key,
        _fitting(key, what),
        since=certificate.not_valid_before_utc.timestamp(),
        until=certificate.not_valid_after_utc.timestamp(),
    )


def join(sets: Iterable[TrustedKeys]) -> TrustedKeys:
    """Join sets of keys.

    Raises:
        KeySetError: they give one name to different keys; or there is no key at all.
    """
    joined = TrustedKeys()
    for keys in sets:
        joined |= keys
    if not joined.by_name and not joined.authorities:
        raise KeySetError("There is no key to verify tokens with.")
    return joined


def _read(jwk: Mapping[str, Any], what: str) -> TrustedKey | None:
    """Read one key; None if it is not for us."""
    if not _SECRETS.isdisjoint(jwk):
        raise KeySetError(f"{what} is private or secret; take it out.")
    if not isinstance(jwk.get("kid", ""), str):
        raise KeySetError(f"{what} has a name that is no text.")
    kind, curve, algorithm = jwk.get("kty"), jwk.get("crv"), jwk.get("alg")
    operations = jwk.get("key_ops", ["verify"])
    members = {name: value for name, value in jwk.items() if isinstance(value, str)}
    reader = _READERS.get(members.get("kty", ""))
    if (
        reader is None
        or not (kind == "RSA" or members.get("crv") in _PUBLIC_CURVES)
        or jwk.get("use", "sig") != "sig"
        or not (isinstance(operations, list) and "verify" in operations)
        or not (algorithm is None or members.get("alg") in ALGORITHMS)
    ):
        return None
    try:
        key = reader(members)
    except (PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise KeySetError(f"{what} cannot be read.") from None
    if not _is_known(key):
        raise KeySetError(f"{what} has no curve {curve!r}.")
    fitting = _fitting(key, what)
    if algorithm is not None and algorithm not in fitting:
        raise KeySetError(f"{what} cannot be used with {algorithm}.")
    return TrustedKey(key, fitting if algorithm is None else frozenset({algorithm}))


def _is_known(key: object) -> TypeGuard[PublicKey]:
    if isinstance(key, EllipticCurvePublicKey):
        return key.curve.name in _CURVES
    return isinstance(key, RSAPublicKey | Ed25519PublicKey)


def _fitting(key: PublicKey, what: str) -> frozenset[str]:
    """Give all algorithms that a key can be used with."""
    match key:
        case RSAPublicKey():
            if key.key_size not in _RSA_BITS:
                raise KeySetError(
                    f"{what} has {key.key_size} bits, not {_RSA_BITS[0]} to "
                    f"{_RSA_BITS[-1]}."
                )
            return _RSA
        case EllipticCurvePublicKey():
            return _CURVES[key.curve.name]
        case Ed25519PublicKey():
            return _EDWARDS


def _derive(derived: dict[str, TrustedKey], trusted: TrustedKey) -> None:
    """Name a key by what it is; of one that is there twice, the first stays."""
    for name in (thumbprint(trusted.key), fingerprint(trusted.key)):
        derived.setdefault(name, trusted)
