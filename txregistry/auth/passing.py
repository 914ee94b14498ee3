"""Tokens that hold what a client showed, for another registry to judge.

Clients send a name and a password to whoever gives tokens, and nothing but the token
after that. Only we can read it, and any node of ours.
"""

import secrets
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twisted.internet.interfaces import IReactorTime

from txregistry.auth.safetext import decode, encode
from txregistry.model.errors import Unauthorized

LIFETIME: Final = 300
"""Seconds for which a token is good."""

_PREFIX: Final = "passed."
_NONCE: Final = 12
_PURPOSE: Final = b"txregistry passed credentials"
_LONGEST: Final = 4096
"""Characters of what a client shows."""


class _Shown(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a token holds."""

    expires: int
    authorization: str


class PassedCredentials:
    """Read what clients show, that is not for us.

    Args:
        key: 32 random bytes.
        clock: Tells what has expired; its seconds are those since 1970.
    """

    def __init__(self, key: bytes, clock: IReactorTime) -> None:
        self._cipher = AESGCM(key)
        self._clock = clock

    def seal(self, authorization: str) -> str:
        """Make a token of what a client showed.

        Args:
            authorization: A name and a password, as of Basic; empty for nobody.

        Raises:
            Unauthorized: it is something else, or too long.
        """
        if not _is_basic(authorization):
            raise Unauthorized("A token is given for a name and a password.")
        shown = _Shown(int(self._clock.seconds()) + LIFETIME, authorization)
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, msgspec.json.encode(shown), _PURPOSE)
        return _PREFIX + encode(nonce + sealed)

    def read(self, authorization: str) -> str:
        """Give what a client showed first, of what it shows now.

        Args:
            authorization: A token of ours, a name and a password, or nothing.

        Raises:
            Unauthorized: it is something else, or the token has expired.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            if not _is_basic(authorization):
                raise Unauthorized
            return authorization
        token = token.strip()
        if not token.startswith(_PREFIX) or len(token) > 2 * _LONGEST:
            raise Unauthorized
        data = decode(token.removeprefix(_PREFIX))
        try:
            opened = self._cipher.decrypt(data[:_NONCE], data[_NONCE:], _PURPOSE)
        except (InvalidTag, ValueError):
            raise Unauthorized from None
        shown = msgspec.json.decode(opened, type=_Shown)
        if shown.expires <= self._clock.seconds():
            raise Unauthorized
        return shown.authorization


def _is_basic(authorization: str) -> bool:
    scheme, _, rest = authorization.partition(" ")
    if len(authorization) > _LONGEST:
        return False
    return not authorization or (scheme.lower() == "basic" and bool(rest.strip()))
