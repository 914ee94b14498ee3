"""Chains of certificates that are made for a test, at a time of its own."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.auth.bearertokens import NOW, P256, P384, PrivateKey

_START: Final = datetime.fromtimestamp(NOW, UTC)
HOUR: Final = 3600.0


@dataclass(frozen=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def text(self) -> str:
        """The certificate as it is in ``x5c``."""
        der = self.certificate.public_bytes(Encoding.DER)
        return base64.b64encode(der).decode()

    @property
    def pem(self) -> bytes:
        """The certificate as it is in a bundle."""
        return self.certificate.public_bytes(Encoding.PEM)


def usage(*, sign: bool = False, certify: bool = False) -> x509.KeyUsage:
    """Say what a certificate's key is for."""
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=not sign and not certify,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certify,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def certify(
    name: str,
    key: PrivateKey,
    by: Certified | None = None,
    *extensions: x509.ExtensionType,
    since: float = -HOUR,
    until: float = HOUR,
) -> Certified:
    """Make a certificate.

    Args:
        name: Whose it is.
        key: What it is for.
        by: Who signs it; None for itself.
        extensions: What is in it, all of it critical.
        since: From when on it is valid, in seconds from the time of the tests.
        until: Until when it is.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_START + timedelta(seconds=since))
        .not_valid_after(_START + timedelta(seconds=until))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    signer = key if by is None else by.key
    hashed = None if isinstance(signer, Ed25519PrivateKey) else SHA256()
    return Certified(builder.sign(signer, hashed), key)


def authority(depth: int | None = None) -> x509.BasicConstraints:
    """Say that a certificate may certify others."""
    return x509.BasicConstraints(ca=True, path_length=depth)


ROOT: Final = certify("root", P256, None, authority(), usage(certify=True))
BETWEEN: Final = certify("between", P384, ROOT, authority(0), usage(certify=True))
