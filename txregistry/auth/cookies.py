"""Cookies that stand for a token which was presented before.

A cookie holds the token itself and grants no more than that, which is verified, or
asked of its Index, each time again.

Source: Docker Registry API v1, "Single use, and the session cookie".
"""

import hmac
from typing import Final

import msgspec
from twisted.internet.interfaces import IReactorTime

from txregistry.auth.safetext import decode, encode
from txregistry.auth.tokens import PresentedToken, parse_authorization
from txregistry.model.errors import Unauthorized
from txregistry.model.names import spell_v1_name

_PURPOSE: Final = b"txregistry session cookie\0"
_LONGEST: Final = 8192
_SHORTEST_KEY: Final = 32


class _Session(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a cookie says."""

    version: int
    expires: int
    repository: str
    token: str


class SessionCookies:
    """Turn tokens into cookies, and back.

    Args:
        key: What they are signed with: 32 random bytes, or more.
        clock: Tells what has expired; its seconds are those since 1970.
        lifetime: Seconds for which a cookie is good.

    Raises:
        ValueError: the key is too short.
    """

    def __init__(self, key: bytes, clock: IReactorTime, lifetime: float) -> None:
        if len(key) < _SHORTEST_KEY:
            raise ValueError(f"The key of cookies has less than {_SHORTEST_KEY} bytes.")
        self._key = key
        self._clock = clock
        self.lifetime = lifetime

    def issue(self, presented: PresentedToken, expires: float) -> str:
        """Make the value of a cookie, of letters, digits, ``.``, ``_`` and ``-``.

        Args:
            presented: The token that it is to stand for.
            expires: Until when that is good, in seconds since 1970; infinite where
                nobody knows.
        """
        session = _Session(
            version=1,
            expires=int(min(self._clock.seconds() + self.lifetime, expires)),
            repository=spell_v1_name(presented.repository),
            token=presented.text,
        )
        said = encode(msgspec.json.encode(session))
        return f"{said}.{encode(self._sign(said))}"

    def open(self, value: str) -> PresentedToken:
        """Give the token that a cookie stands for; it must be verified then.

        Raises:
            Unauthorized: we did not issue it, or it has expired.
        """
        said, _, signature = value.partition(".")
        if len(value) > _LONGEST or not value.isascii():
            raise Unauthorized
        if not hmac.compare_digest(decode(signature), self._sign(said)):
            raise Unauthorized
        try:
            session = msgspec.json.decode(decode(said), type=_Session)
        except msgspec.DecodeError:
            raise Unauthorized from None
        presented = parse_authorization(f"Token {session.token}")
        if (
            session.version != 1
            or session.expires <= self._clock.seconds()
            or presented is None
            or spell_v1_name(presented.repository) != session.repository
        ):
            raise Unauthorized
        return presented

    def _sign(self, said: str) -> bytes:
        return hmac.digest(self._key, _PURPOSE + said.encode(), "sha256")
