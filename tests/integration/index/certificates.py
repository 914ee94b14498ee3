"""Certificates that are made for a test, as files."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@dataclass(frozen=True)
class Certified:
    """A certificate and its key, and where both lie."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey
    path: Path
    key_path: Path

    def serves(self, clients: "Certified | None" = None) -> ssl.SSLContext:
        """Make a context for a server; one that asks clients for a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key_path)
        if clients is not None:
            context.load_verify_locations(clients.path)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def certify(
    folder: Path,
    name: str,
    by: Certified | None = None,
    *,
    address: str = "127.0.0.1",
    days: int = 1,
) -> Certified:
    """Make a certificate, and write it and its key.

    Args:
        folder: Where to.
        name: Whose it is.
        by: Who signs it; None for itself, which may sign others then.
        address: The address of the server that it is for.
        days: For how many days from now it is good; it began ten days ago.
    """
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(
            issuer_name=subject if by is None else by.certificate.subject,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=10),
            not_valid_after=now + timedelta(days=days),
        )
        .add_extension(x509.BasicConstraints(by is None, None), critical=True)
        .add_extension(names, critical=False)
    )
    signed = builder.sign(key if by is None else by.key, SHA256())
    path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    path.write_bytes(signed.public_bytes(Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return Certified(signed, key, path, key_path)


def make_token_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Make the key of an Index, and write it and its public part."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public
