"""Bearer tokens: JSON Web Tokens that say who somebody is, and what they are good for.

Source: Distribution, "Token Authentication Implementation"
(``docs/content/spec/auth/jwt.md``); RFC 6750, section 2.1; RFC 7515; RFC 7519; RFC 8725
for what to beware of.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from jwt import get_algorithm_by_name
from jwt.exceptions import PyJWTError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.auth.chains import ChainError, signing_key
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.auth.keynames import jwk_thumbprint
from txregistry.auth.keysets import ALGORITHMS, TrustedKey, TrustedKeys
from txregistry.auth.safetext import decode
from txregistry.model.access import ANONYMOUS, Identity
from txregistry.model.errors import Unauthorized
from txregistry.model.tokenscopes import TokenScopes

LONGEST: Final = 16_384
"""Characters in the value of ``Authorization``."""

_SCHEME: Final = re.compile(r"bearer(?: .*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_BEARER: Final = re.compile(
    r"bearer +([\w-]+\.[\w-]+\.[\w-]+)", re.ASCII | re.IGNORECASE
)
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{0,1024}")
_REMEMBERED: Final = 1000
_Said = TypeVar("_Said", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class BearerClaims:
    """What a genuine token says.

    Attributes:
        name: Whom it was issued to; empty where nobody knew.
        groups: What it says that they belong to.
        scopes: What it is good for.
        since: From when on it is good, in seconds since 1970.
        until: Until when it is.
    """

    name: str
    groups: frozenset[str]
    scopes: TokenScopes
    since: float
    until: float


class _Header(msgspec.Struct):
    """What says how a token was signed. Where else keys could be got, is not read."""

    alg: str
    kid: str | None = None
    jwk: dict[str, Any] | None = None
    x5c: list[str] | None = None
    crit: Any = msgspec.UNSET


class _Payload(msgspec.Struct):
    """What was signed. Go writes null for a list that has nothing in it."""

    iss: str
    aud: str | list[str]
    exp: float
    sub: str | None = None
    nbf: float = 0.0
    iat: float = 0.0
    access: Any = None
    groups: Any = None


class BearerVerifier:
    """Find out what tokens of one issuer say.

    Args:
        keys: What they are signed with.
        issuer: Who issues them.
        service: What they must be for.
        clock: Tells what has expired; its seconds are those since 1970.
        algorithms: How they may be signed.
        leeway: Seconds that the clock of who issues them may be ahead of ours, or
            behind it.

    Raises:
        ValueError: one of the algorithms is unknown.
    """

    _log = Logger()

    def __init__(
        self,
        keys: TrustedKeys,
        issuer: str,
        service: str,
        clock: IReactorTime,
        algorithms: Collection[str] = ALGORITHMS,
        leeway: float = 60.0,
    ) -> None:
        unknown = ", ".join(sorted(set(algorithms) - ALGORITHMS))
        if unknown or not algorithms:
            raise ValueError(
                f"Tokens cannot be verified by {unknown or 'no algorithm'}; "
                f"use some of {', '.join(sorted(ALGORITHMS))}."
            )
        self._keys = keys
        self._issuer = issuer
        self._service = service
        self._clock = clock
        self._algorithms = frozenset(algorithms)
        self._leeway = leeway
        self._verified: OrderedDict[bytes, BearerClaims] = OrderedDict()

    def trust(self, keys: TrustedKeys) -> None:
        """Trust other keys from now on, and tokens of no key that is not among them."""
        self._keys = keys
        self._verified.clear()

    def verify(self, token: str) -> BearerClaims:
        """Find out what a token says.

        Args:
            token: A JSON Web Token in its compact form: three parts, each of one
                character or more, and all ASCII.

        Raises:
            Unauthorized: it is malformed; it was not signed with a trusted key, or not
                by one of the algorithms; it is of another issuer or for another
                service; it has expired, or is not good yet.
        """
        seen = hashlib.sha256(token.encode()).digest()
        claims = self._verified.get(seen)
        if claims is None:
            claims = self._check(token)
            self._verified[seen] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        self._verified.move_to_end(seen)
        now = self._clock.seconds()
        if now >= claims.until:
            self._refuse("it has expired, or a certificate has")
        if now < claims.since:
            self._refuse("it is not good yet: is a clock wrong?")
        return claims

    def _check(self, token: str) -> BearerClaims:
        said, _, signature = token.rpartition(".")
        first, _, second = said.partition(".")
        header = self._read(first, _Header)
        key = self._find(header)
        try:
            algorithm = get_algorithm_by_name(header.alg)
            prepared = algorithm.prepare_key(key.key)
            genuine = algorithm.verify(said.encode(), prepared, decode(signature))
        except PyJWTError:
            self._refuse("its key does not fit its algorithm")
        if not genuine:
            self._refuse("its signature is false")
        payload = self._read(second, _Payload)
        audience = [payload.aud] if isinstance(payload.aud, str) else payload.aud
        if payload.iss != self._issuer:
            self._refuse("it is of another issuer")
        if self._service not in audience:
            self._refuse("it is for another service")
        name = payload.sub or ""
        if _NAME.fullmatch(name) is None:
            self._refuse("it is issued to what is no name")
        groups = payload.groups if isinstance(payload.groups, list) else []
        return BearerClaims(
            name=name,
            groups=frozenset(group for group in groups if isinstance(group, str)),
            scopes=TokenScopes.parse_claim(payload.access),
            since=max(
                payload.nbf - self._leeway, payload.iat - self._leeway, key.since
            ),
            until=min(payload.exp + self._leeway, key.until),
        )

    def _find(self, header: _Header) -> TrustedKey:
        """Find the key that a token says it is signed with, if that is trusted."""
        if header.crit is not msgspec.UNSET:
            self._refuse("it has to be understood in ways that we do not know")
        if header.alg not in self._algorithms:
            self._refuse("it is signed by an algorithm that is not allowed")
        if header.x5c is not None and self._keys.authorities:
            key = self._certified(header.x5c)
        else:
            key = self._named(header)
        if header.alg not in key.algorithms:
            self._refuse("its key does not fit its algorithm")
        return key

    def _named(self, header: _Header) -> TrustedKey:
        name = header.kid if header.jwk is None else jwk_thumbprint(header.jwk)
        key = self._keys.by_name.get(name or "")
        if key is None:
            self._refuse("its key is not trusted")
        return key

    def _certified(self, chain: list[str]) -> TrustedKey:
        try:
            return signing_key(chain, self._keys.authorities, self._clock.seconds())
        except ChainError as error:
            self._refuse(str(error))

    def _read(self, part: str, kind: type[_Said]) -> _Said:
        try:
            return msgspec.json.decode(decode(part), type=kind)
        except (ValueError, RecursionError):
            self._refuse("it cannot be read")

    def _refuse(self, reason: str) -> NoReturn:
        self._log.debug("A bearer token is refused: {reason}", reason=reason)
        raise Unauthorized


@implementer(IIdentifier)
class BearerIdentifier:
    """Know those to whom a service of somebody else has issued tokens.

    The token alone decides what they may do, as that service has looked at it. What it
    says of groups is left out: ours are ours.

    Args:
        verifier: Finds out what tokens say.
    """

    def __init__(self, verifier: BearerVerifier) -> None:
        self._verifier = verifier

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`."""
        claims = _claims(shown, self._verifier)
        if claims is None:
            return None
        identity = Identity(claims.name, address=shown.address)
        return Caller(identity, claims.scopes, delegated=True)

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`: whom others know is their business."""
        del name
        return False


@implementer(IIdentifier)
class OwnBearerIdentifier:
    """Know those to whom we have issued tokens ourselves.

    A token limits what they may do, and the policy has to allow it as well.

    Args:
        verifier: Finds out what tokens say; it trusts nobody but ourselves.
    """

    def __init__(self, verifier: BearerVerifier) -> None:
        self._verifier = verifier

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`."""
        claims = _claims(shown, self._verifier)
        if claims is None:
            return None
        groups = claims.groups if claims.name else ANONYMOUS.groups
        return Caller(Identity(claims.name, groups, shown.address), claims.scopes)

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`: a token stands for another way."""
        del name
        return False


def parse_bearer(header: str) -> str | None:
    """Read the value of ``Authorization``.

    Returns:
        The token, in three parts; None if the header is of another scheme.

    Raises:
        Unauthorized: it is of this scheme, but malformed.
    """
    if _SCHEME.fullmatch(header) is None:
        return None
    match = None if len(header) > LONGEST else _BEARER.fullmatch(header)
    if match is None:
        raise Unauthorized
    return match[1]


def _claims(shown: Credentials, verifier: BearerVerifier) -> BearerClaims | None:
    token = parse_bearer(shown.authorization)
    return None if token is None else verifier.verify(token)
