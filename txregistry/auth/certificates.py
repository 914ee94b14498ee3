"""Who somebody is, by the certificate that TLS has verified.

Whatever is in a certificate, its authority has signed, but perhaps not read. So a name
is read only where it can be read in one way: what is in doubt makes nobody somebody.

Source: RFC 5280, sections 4.1.2.5, 4.1.2.6 and 4.2.1.6; SPIFFE X.509-SVID, section 5.2.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.auth.accounts import may_exist
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.auth.policy import ANONYMOUS, AUTHENTICATED, EVERYONE
from txregistry.model.access import Identity
from txregistry.model.errors import Unauthorized

_LONGEST: Final = 1024
"""Characters in a value that is looked at: patterns may take their time."""

_MOST: Final = 100
"""Values of one kind in a certificate."""

_REMEMBERED: Final = 1000
_WORDS: Final = frozenset({EVERYONE, ANONYMOUS, AUTHENTICATED})
_SPIFFE: Final = "spiffe://"


@dataclass(frozen=True, slots=True)
class NameSource:
    """Where in a certificate there is a name.

    Attributes:
        field: ``cn`` for the common name of the subject; ``dns`` (in lower case),
            ``email`` or ``uri`` for the alternative names of that kind.
        pattern: A regular expression that a value has to match as a whole. Its group
            ``name`` is the name, or else its first group, or all where it has none.
    """

    field: str
    pattern: str = "(?s).+"


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read from a certificate.

    Attributes:
        identity: Whose it is; None where it has no name.
        expires: Until when it is good, in seconds since 1970.
    """

    identity: Identity | None
    expires: float


class _Doubtful(Exception):
    """What a certificate says cannot be taken for a name, or not for one only."""


@implementer(IIdentifier)
class CertificateIdentifier:
    """Know those who have a certificate, by a name in it.

    Args:
        sources: Where that name is. The first one counts of which a value matches.
        clock: Tells which certificate has expired since its connection was made; its
            seconds are those since 1970.
        groups: What they belong to, by name.
        units: Whether they belong to the organizational units (OU) of the subject, too.

    Raises:
        ValueError: there is no source, or one has a field or a pattern that is none.
    """

    _log = Logger()

    def __init__(
        self,
        sources: Iterable[NameSource],
        clock: IReactorTime,
        groups: Mapping[str, frozenset[str]] | None = None,
        *,
        units: bool = False,
    ) -> None:
        self._sources = tuple(map(_compile, sources))
        if not self._sources:
            raise ValueError("There must be a field of certificates to find names in.")
        self._clock = clock
        self._groups = dict(groups or {})
        self._units = units
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`. Of what is shown, only the certificate is looked at."""
        if not isinstance(shown.certificate, x509.Certificate):
            return None
        known = self._recall(shown.certificate)
        if self._clock.seconds() > known.expires:
            raise Unauthorized("The client certificate has expired")
        if known.identity is None:
            return None
        identity = known.identity
        return Caller(Identity(identity.name, identity.groups, shown.address))

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`: until a certificate is shown, nobody can tell."""
        del name
        return True

    def _recall(self, certificate: x509.Certificate) -> _Known:
        fingerprint = certificate.fingerprint(SHA256())
        known = self._known.get(fingerprint)
        if known is None:
            known = _Known(
                self._read(certificate, fingerprint),
                certificate.not_valid_after_utc.timestamp(),
            )
            self._known[fingerprint] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(fingerprint)
        return known

    def _read(
        self, certificate: x509.Certificate, fingerprint: bytes
    ) -> Identity | None:
        try:
            name = self._name(certificate)
            units = _units(certificate) if self._units else frozenset()
        except (
            _Doubtful,
            x509.DuplicateExtension,
            x509.UnsupportedGeneralNameType,
            ValueError,  # what cryptography says of anything else that is malformed
        ) as error:
            self._log.debug(
                "No name is read from the client certificate {fingerprint}: {reason}",
                fingerprint=fingerprint.hex(),
                reason=str(error),
            )
            return None
        return Identity(name, self._groups.get(name, frozenset()) | units)

    def _name(self, certificate: x509.Certificate) -> str:
        for values_of, pattern in self._sources:
            found = {
                name
                for value in _bounded(values_of(certificate))
                if (name := _match(pattern, value)) is not None
            }
            if len(found) > 1:
                raise _Doubtful("more than one is in it")
            for name in found:
                if not _may_be_called(name):
                    raise _Doubtful("what matches cannot be a name")
                return name
        raise _Doubtful("nothing in it matches")


_Source = tuple[Callable[[x509.Certificate], list[str]], re.Pattern[str]]


def _compile(source: NameSource) -> _Source:
    values_of = _FIELDS.get(source.field)
    if values_of is None:
        raise ValueError(
            f"{source.field!r} is no field of certificates with a name in it; allowed "
            f"are {', '.join(map(repr, _FIELDS))}."
        )
    try:
        return values_of, re.compile(source.pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(
            f"{source.pattern!r} is no regular expression: {error}."
        ) from error


def _match(pattern: re.Pattern[str], value: str) -> str | None:
    match = pattern.fullmatch(value)
    if match is None:
        return None
    # A group that took no part in the match has no name: then it is none of ours.
    group = "name" if "name" in pattern.groupindex else min(pattern.groups, 1)
    name: str | None = match[group]
    return name


def _may_be_called(name: str) -> bool:
    """Say whether somebody can have a name: no word of the policy's is one."""
    return may_exist(name, "-") and name not in _WORDS and not name.startswith("@")


def _bounded(values: list[str]) -> list[str]:
    if len(values) > _MOST or any(len(value) > _LONGEST for value in values):
        raise _Doubtful("it has too many values, or one that is too long")
    return values


def _units(certificate: x509.Certificate) -> frozenset[str]:
    """Give the organizational units of the subject.

    All or none: a rule may take something away from who is in a group.
    """
    found = _bounded(_subject(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME))
    if not all(may_exist(unit, "-") for unit in found):
        raise _Doubtful("an organizational unit of it cannot be a group")
    return frozenset(found)


def _subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    values = [each.value for each in certificate.subject.get_attributes_for_oid(oid)]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(values):
        raise _Doubtful("its subject has bytes where text belongs")
    return texts


def _common_names(certificate: x509.Certificate) -> list[str]:
    return _subject(certificate, NameOID.COMMON_NAME)


def _hosts(certificate: x509.Certificate) -> list[str]:
    found = _alternatives(certificate).get_values_for_type(x509.DNSName)
    return [each.lower() for each in found]  # RFC 5280, 7.2: case is of no matter


def _addresses(certificate: x509.Certificate) -> list[str]:
    return list(_alternatives(certificate).get_values_for_type(x509.RFC822Name))


def _uris(certificate: x509.Certificate) -> list[str]:
    alternatives = _alternatives(certificate)
    found = alternatives.get_values_for_type(x509.UniformResourceIdentifier)
    if len(found) > 1 and any(each.lower().startswith(_SPIFFE) for each in found):
        raise _Doubtful("it has a SPIFFE ID beside another URI")
    return list(found)


def _alternatives(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    try:
        return certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


_FIELDS: Final[Mapping[str, Callable[[x509.Certificate], list[str]]]] = {
    "cn": _common_names,
    "dns": _hosts,
    "email": _addresses,
    "uri": _uris,
}
