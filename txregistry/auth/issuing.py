"""Bearer tokens that we issue ourselves.

They say in ``groups`` what somebody belongs to, which only we take their word for; the
rest is what others read as well.

Source: Distribution, "Token Authentication Implementation"
(``docs/content/spec/auth/jwt.md``); RFC 7517, section 5, for the set of keys.
"""

from collections.abc import Callable
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from twisted.internet.interfaces import IReactorTime

from txregistry.auth.bearer import LONGEST
from txregistry.auth.keynames import public_jwk, thumbprint
from txregistry.model.access import Identity
from txregistry.model.tokenscopes import TokenScopes

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey
"""A key that tokens can be signed with."""

_ROOM: Final = LONGEST - len("Bearer ")
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_SHORTEST: Final = 2048


class BearerIssuer:
    """Issue tokens.

    Args:
        private_key: What they are signed with.
        issuer: Who we are.
        service: What they are for.
        clock: Tells when they are issued; its seconds are those since 1970.
        new_id: Makes what tells one from another that says the same.
        lifetime: Seconds for which they are good.

    Raises:
        ValueError: the key is weak, or its curve is unknown.
    """

    def __init__(
        self,
        private_key: PrivateKey,
        issuer: str,
        service: str,
        clock: IReactorTime,
        new_id: Callable[[], str],
        lifetime: float = 300.0,
    ) -> None:
        self._key = private_key
        self._algorithm = _algorithm(private_key)
        self._key_id = thumbprint(private_key.public_key())
        self._issuer = issuer
        self._service = service
        self._clock = clock
        self._new_id = new_id
        self.lifetime = lifetime

    def issue(self, identity: Identity, scopes: TokenScopes) -> str:
        """Make a token, without the scheme.

        Args:
            identity: Whom it is issued to; ``ANONYMOUS`` will do.
            scopes: What it is good for.

        Raises:
            ValueError: the identity has more names of groups than fit into a header.
        """
        now = int(self._clock.seconds())
        said: dict[str, Any] = {
            "iss": self._issuer,
            "sub": identity.name,
            "aud": self._service,
            "exp": int(now + self.lifetime),
            "nbf": now,
            "iat": now,
            "jti": self._new_id(),
            "access": scopes.claim(),
        }
        if identity.groups:
            said["groups"] = sorted(identity.groups)
        token = jwt.encode(
            said, self._key, self._algorithm, headers={"kid": self._key_id}
        )
        if len(token) > _ROOM:
            raise ValueError(
                f"A token for {identity.name!r} is too long for a header: "
                f"{len(token)} characters."
            )
        return token

    def jwks(self) -> bytes:
        """Write the public key as a JSON Web Key Set, so that others can trust it."""
        written = {
            **public_jwk(self._key.public_key()),
            "use": "sig",
            "alg": self._algorithm,
            "kid": self._key_id,
        }
        return msgspec.json.encode({"keys": [written]})


def _algorithm(key: PrivateKey) -> str:
    """Say how a key signs."""
    match key:
        case Ed25519PrivateKey():
            return "EdDSA"
        case EllipticCurvePrivateKey():
            if key.curve.name not in _CURVES:
                raise ValueError(f"Tokens cannot be signed with {key.curve.name}.")
            return _CURVES[key.curve.name]
        case RSAPrivateKey():
            if key.key_size < _SHORTEST:
                raise ValueError(f"A key of {key.key_size} bits is too short.")
            return "RS256"
