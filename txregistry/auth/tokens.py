"""Tokens as clients present them, and those that our own Index issues.

Ours are signed, so that whoever has the public key can verify them. Everything that one
says is inside its signature, also the repository and the access that stand beside it.
It can be used until it expires, from several places at once, as clients do; there is
nothing to look up, and nothing that could be used up.

Source: Docker Registry API v1, section "Authorization".
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.auth.safetext import decode, encode
from txregistry.model.access import Access, Identity
from txregistry.model.errors import NameInvalid, Unauthorized
from txregistry.model.names import RepositoryName, parse_v1_name, spell_v1_name

_LONGEST: Final = 4096
"""Characters in the value of ``Authorization``."""

_SCHEME: Final = "token"
_FIELDS: Final = frozenset({"signature", "repository", "access"})
_FIELD: Final = re.compile(r"([a-z]+)=(\S+)", re.ASCII)
_SIGNATURE: Final = re.compile(r"[!#-+\--~]+", re.ASCII)
"""What can be seen of ASCII, but neither quote nor comma."""

_VERSION: Final = "1"
_PURPOSE: Final = b"txregistry Index token"
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_AHEAD: Final = 300
"""Seconds that the clock of who issued a token may be ahead of ours."""

_REMEMBERED: Final = 1000
_ROOM: Final = _LONGEST - len("Token Token ")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says.

    Attributes:
        repository: What it is for.
        access: What it is good for.
        identity: Whom it was issued to.
        expires: Until when it is good, in seconds since 1970.
        nonce: What tells it apart from others that say the same.
    """

    repository: RepositoryName
    access: Access
    identity: Identity
    expires: int
    nonce: str


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A token that was read; whether it is genuine, nobody has asked yet.

    Attributes:
        text: The token as an Index issues it, without the scheme.
        signature: What only its issuer understands.
        repository: Which repository it says it is for.
        access: What it says it is good for.
        header: The value of ``Authorization`` that it came in, which is what is passed
            on to somebody else's Index.
    """

    text: str
    signature: str
    repository: RepositoryName
    access: Access
    header: str = field(compare=False)


class _Payload(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a token says besides its repository and its access."""

    issued: int
    expires: int
    name: str
    groups: list[str]
    nonce: str


class TokenSigner:
    """Issue tokens.

    Args:
        private_key: What they are signed with.
        clock: Tells when they are issued; its seconds are those since 1970.
    """

    def __init__(self, private_key: Ed25519PrivateKey, clock: IReactorTime) -> None:
        self._key = private_key
        self._key_id = key_id(private_key.public_key())
        self._clock = clock

    def issue(
        self,
        repository: RepositoryName,
        access: Access,
        identity: Identity,
        lifetime: float,
        nonce: str,
    ) -> str:
        """Make a token, without the scheme.

        Args:
            repository: What it is for.
            access: What it is good for.
            identity: Whom it is issued to; ``ANONYMOUS`` will do.
            lifetime: Seconds for which it is good.
            nonce: What tells it apart: 1 to 64 letters, digits, ``_`` or ``-``.

        Raises:
            ValueError: the nonce is none, or the identity has more names of groups than
                fit into a header.
        """
        if _NONCE.fullmatch(nonce) is None:
            raise ValueError(f"{nonce!r} is no nonce.")
        now = self._clock.seconds()
        payload = _Payload(
            issued=int(now),
            expires=int(now + lifetime),
            name=identity.name,
            groups=sorted(identity.groups),
            nonce=nonce,
        )
        said = f"{_VERSION}.{self._key_id}.{encode(msgspec.json.encode(payload))}"
        signed = self._key.sign(_signed(said, repository, access))
        token = _write(f"{said}.{encode(signed)}", repository, access)
        if len(token) > _ROOM:
            raise ValueError(
                f"A token for {identity.name!r} is too long for a header: "
                f"{len(token)} characters."
            )
        return token


class TokenVerifier:
    """Read tokens that were issued with one of some keys.

    Args:
        public_keys: Those keys: several, while one takes the place of another.
        clock: Tells what has expired; its seconds are those since 1970.
    """

    _log = Logger()

    def __init__(
        self, public_keys: Iterable[Ed25519PublicKey], clock: IReactorTime
    ) -> None:
        self._keys = {key_id(key): key for key in public_keys}
        self._clock = clock
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    def verify(self, presented: PresentedToken) -> Claims:
        """Find out what a token really says.

        Raises:
            Unauthorized: it was not issued with one of the keys, or not with these
                words; it has expired, or will be issued some minutes from now.
        """
        said, dot, encoded = presented.signature.rpartition(".")
        message = _signed(said, presented.repository, presented.access)
        seen = hashlib.sha256(b"\0".join((message, encoded.encode()))).digest()
        claims = self._verified.get(seen)
        if claims is None:
            claims = self._check(presented, said + dot, message, decode(encoded))
            self._verified[seen] = claims
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        self._verified.move_to_end(seen)
        if claims.expires <= self._clock.seconds():
            self._refuse("it has expired")
        return claims

    def _check(
        self, presented: PresentedToken, said: str, message: bytes, signed: bytes
    ) -> Claims:
        match said.split("."):
            case [version, name, encoded, ""] if version == _VERSION:
                key = self._keys.get(name)
            case _:
                self._refuse("it is none of this version")
        if key is None:
            self._refuse("its key is unknown")
        try:
            key.verify(signed, message)
            payload = msgspec.json.decode(decode(encoded), type=_Payload)
        except InvalidSignature:
            self._refuse("its signature is false")
        except msgspec.DecodeError:
            self._refuse("what was signed cannot be read")
        if payload.issued > self._clock.seconds() + _AHEAD:
            self._refuse("it is issued in the future: is a clock wrong?")
        return Claims(
            repository=presented.repository,
            access=presented.access,
            identity=Identity(payload.name, frozenset(payload.groups)),
            expires=payload.expires,
            nonce=payload.nonce,
        )

    def _refuse(self, reason: str) -> NoReturn:
        self._log.debug("A token is refused: {reason}", reason=reason)
        raise Unauthorized


def parse_authorization(header: str) -> PresentedToken | None:
    """Read a token in the value of ``Authorization``, whoever issued it.

    The scheme may be there twice, and a blank after each comma: so clients write it.
    All else is read more strictly than by the registries of the time, so that nobody to
    whom the token is passed on can read another one.

    Returns:
        The token. It is None, which is anonymous, if it is of another scheme, or the
        scheme only, which who got no token sends, as Docker 1.5 does.

    Raises:
        Unauthorized: it is of this scheme, but malformed.
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != _SCHEME or not rest:
        return None
    if len(header) > _LONGEST or not header.isascii():
        raise Unauthorized
    again, _, token = rest.partition(" ")
    fields = _fields(token if again.lower() == _SCHEME else rest)
    signature, repository = fields["signature"], fields["repository"]
    quoted = repository.startswith('"') and repository.endswith('"')
    if _SIGNATURE.fullmatch(signature) is None or not quoted:
        raise Unauthorized
    try:
        name = parse_v1_name(repository[1:-1])
        access = Access(fields["access"])
    except (NameInvalid, ValueError):
        raise Unauthorized from None
    text = _write(signature, name, access)
    return PresentedToken(text, signature, name, access, header)


def _fields(text: str) -> dict[str, str]:
    """Part a token into its three fields, each there once."""
    found: dict[str, str] = {}
    for part in text.replace(", ", ",").split(","):
        match = _FIELD.fullmatch(part)
        if match is None or match[1] in found:
            raise Unauthorized
        found[match[1]] = match[2]
    if found.keys() != _FIELDS:
        raise Unauthorized
    return found


def _write(signature: str, repository: RepositoryName, access: Access) -> str:
    """Write a token as an Index issues it: without the scheme, which clients add."""
    name = spell_v1_name(repository)
    return f'signature={signature},repository="{name}",access={access}'


def key_id(key: Ed25519PublicKey) -> str:
    """Name a key, for tokens to say which one they were issued with."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _signed(said: str, repository: RepositoryName, access: Access) -> bytes:
    """Give the bytes that are signed; no part of them has a NUL in it."""
    parts = (said, spell_v1_name(repository), access.value)
    return b"\0".join((_PURPOSE, *(part.encode() for part in parts)))
