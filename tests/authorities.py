"""Authorities that are made for a test, with what they certify and revoke."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
PAST = -30.0
LIFE = 60.0


@dataclass(frozen=True)
class Issued:
    """A certificate, its key, and who signed it; None where it signed itself."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey | RSAPrivateKey
    by: "Issued | None" = None

    @property
    def pem(self) -> bytes:
        """The certificate, as in a file."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate, as on the wire."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The key, as in a file."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def issue(
        self,
        name: str,
        *,
        since: float = PAST,
        until: float = LIFE,
        authority: bool = False,
    ) -> "Issued":
        """Sign a certificate; times are in days from now."""
        return issue(name, self, since=since, until=until, authority=authority)

    def revoke(
        self, *revoked: "Issued", since: float = PAST, until: float = LIFE
    ) -> bytes:
        """Sign a list of revoked certificates, as in a file."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(NOW + timedelta(days=since))
            .next_update(NOW + timedelta(days=until))
        )
        for each in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(each.certificate.serial_number)
                .revocation_date(NOW - timedelta(days=1))
                .build()
            )
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)


def issue(
    name: str,
    by: Issued | None = None,
    *,
    since: float = PAST,
    until: float = LIFE,
    authority: bool = False,
    key: EllipticCurvePrivateKey | RSAPrivateKey | None = None,
) -> Issued:
    """Make a certificate; it is for the host 127.0.0.1 too.

    Args:
        name: Whose it is.
        by: Who signs it; None for itself.
        since: The day from now on which it begins to be good.
        until: The day from now on which that ends.
        authority: Whether it may sign others.
        key: Its key; None for a new one.
    """
    key = key or generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    host = x509.IPAddress(ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=since))
        .not_valid_after(NOW + timedelta(days=until))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .sign(key if by is None else by.key, SHA256())
    )
    return Issued(certificate, key, by)


class Files:
    """Files of certificates in a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def path(self, name: str) -> str:
        """Say where a file lies."""
        return os.path.join(self._folder, name)

    def put(self, name: str, *contents: bytes) -> str:
        """Replace a file, at one stroke, and give its path."""
        path = self.path(name)
        with open(f"{path}.new", "wb") as file:
            file.write(b"".join(contents))
        os.replace(f"{path}.new", path)
        return path
