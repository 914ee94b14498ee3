"""A certificate authority, to try a registry with client certificates.

Source: RFC 5280, sections 4.2 and 5.2; for how long a server's certificate may be good,
Apple's "Requirements for trusted certificates in iOS 13 and macOS 10.15".
"""

import ipaddress
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LONGEST_SERVER: Final = 825
"""Days for which a server's certificate is good: some clients refuse one of more."""

_AUTHORITY_DAYS: Final = 3652
_BEFORE: Final = timedelta(hours=1)
"""How far the clocks of others may be behind ours: so much of the first day is past."""

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}\.)*(?=[0-9-]*[a-z]){_LABEL}", re.ASCII)
_LONGEST_HOST: Final = 253

Host = x509.DNSName | x509.IPAddress


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate, and its key, which is secret."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def parse_host(text: str) -> Host:
    """Read the name, or the IP address, under which a server is reached.

    Raises:
        ValueError: it is neither; the text says so.
    """
    name = text.lower()
    if len(name) <= _LONGEST_HOST and _HOST.fullmatch(name) is not None:
        return x509.DNSName(name)
    try:
        address = ipaddress.ip_address(text.replace("%", "?"))  # no scope: it is local
    except ValueError:
        raise ValueError(
            f"{text!r} is neither the name of a host, in ASCII and without a port, nor "
            "an IP address."
        ) from None
    return x509.IPAddress(address)


class Authority:
    """Sign certificates, and say which are revoked.

    Args:
        own: The authority's own certificate and key.
    """

    def __init__(self, own: Certified) -> None:
        self.own = own

    @classmethod
    def create(cls, now: datetime) -> "Authority":
        """Make one, which is like no other."""
        key = ec.generate_private_key(ec.SECP256R1())
        # A name of its own: who trusts several authorities finds the right one by that.
        name = _name(f"txregistry CA {secrets.token_hex(4)}")
        usage = _usage(digital_signature=False, signs=True)
        certificate = (
            _begin(name, key.public_key(), name, now, _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(_issuer_key(key.public_key()), critical=False)
            .sign(key, SHA256())
        )
        return cls(Certified(certificate, key))

    def issue_server(self, hosts: Iterable[Host], now: datetime) -> Certified:
        """Make a certificate for a server that is reached under some names."""
        return self._issue(
            _name("txregistry server"),
            ExtendedKeyUsageOID.SERVER_AUTH,
            x509.SubjectAlternativeName(hosts),
            now,
            LONGEST_SERVER,
        )

    def issue_client(
        self, name: str, groups: Sequence[str], now: datetime, days: int
    ) -> Certified:
        """Make a certificate for a client.

        Args:
            name: What it is called: the common name, of 64 characters at most.
            groups: What it belongs to: organizational units, each as long as that.
            now: When it begins to be good.
            days: For how long it is good.
        """
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(_name(name, groups), usage, None, now, days)

    def has_issued(self, certificate: x509.Certificate) -> bool:
        """Say whether a certificate is of this authority."""
        try:
            certificate.verify_directly_issued_by(self.own.certificate)
        except Exception:  # noqa: BLE001 - it may fail in many ways, and in no other
            return False
        return True

    def list_revoked(
        self,
        now: datetime,
        before: x509.CertificateRevocationList | None = None,
        serial: int | None = None,
    ) -> x509.CertificateRevocationList:
        """Make a list of what is revoked, good for as long as the authority is.

        Args:
            now: When it is made.
            before: The list that it takes the place of, with all that is in it.
            serial: The number of a certificate that is revoked now.
        """
        number = 0 if before is None else _number(before)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.own.certificate.subject)
            .last_update(now - _BEFORE)
            .next_update(self.own.certificate.not_valid_after_utc)
            .add_extension(x509.CRLNumber(number + 1), critical=False)
            .add_extension(_issuer_key(self.own.key.public_key()), critical=False)
        )
        for known in before or ():
            builder = builder.add_revoked_certificate(known)
        if serial is not None:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(now)
                .build()
            )
        return builder.sign(self.own.key, SHA256())

    def has_listed(self, revoked: x509.CertificateRevocationList) -> bool:
        """Say whether a list of what is revoked is of this authority."""
        return (
            revoked.issuer == self.own.certificate.subject
            and revoked.is_signature_valid(self.own.key.public_key())
        )

    def _issue(
        self,
        name: x509.Name,
        purpose: x509.ObjectIdentifier,
        alternatives: x509.SubjectAlternativeName | None,
        now: datetime,
        days: int,
    ) -> Certified:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.own.certificate.subject
        limits = x509.BasicConstraints(ca=False, path_length=None)
        usage = _usage(digital_signature=True, signs=False)
        builder = (
            _begin(name, key.public_key(), issuer, now, days)
            .add_extension(limits, critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_issuer_key(self.own.key.public_key()), critical=False)
        )
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        return Certified(builder.sign(self.own.key, SHA256()), key)


def _name(name: str, groups: Iterable[str] = ()) -> x509.Name:
    units = [(NameOID.ORGANIZATIONAL_UNIT_NAME, group) for group in groups]
    return x509.Name(
        x509.NameAttribute(*each) for each in (*units, (NameOID.COMMON_NAME, name))
    )


def _begin(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    start = now - _BEFORE
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days, seconds=-1))  # which is included
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issuer_key(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _usage(*, digital_signature: bool, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _number(revoked: x509.CertificateRevocationList) -> int:
    number = revoked.extensions.get_extension_for_class(x509.CRLNumber).value
    return number.crl_number
