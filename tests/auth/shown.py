"""Certificates as clients show them, with all that may be in one."""

import warnings
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

KEY: Final = ec.generate_private_key(ec.SECP256R1())
ENDS: Final = datetime(2030, 1, 1, tzinfo=UTC)
BAD_ALTERNATIVES: Final = x509.UnrecognizedExtension(
    x509.SubjectAlternativeName.oid, b"\x30\x03\x82\x05a"
)
"""Alternative names that cannot be read."""


def dns(*values: str) -> list[x509.GeneralName]:
    """Write alternative names that are hosts'."""
    return [x509.DNSName(value) for value in values]


def emails(*values: str) -> list[x509.GeneralName]:
    """Write alternative names that are addresses of mail."""
    return [x509.RFC822Name(value) for value in values]


def uris(*values: str) -> list[x509.GeneralName]:
    """Write alternative names that are URIs."""
    return [x509.UniformResourceIdentifier(value) for value in values]


def make(
    *names: str,
    units: Iterable[str] = (),
    alternatives: Iterable[x509.GeneralName] = (),
    extension: x509.ExtensionType | None = None,
    ends: datetime = ENDS,
) -> x509.Certificate:
    """Make a certificate as a client shows it.

    Args:
        names: The common names in its subject.
        units: The organizational units in it.
        alternatives: The alternative names.
        extension: Another extension, or one in its place.
        ends: Until when it is good, as it was for ten days.
    """
    subject = [
        *((NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units),
        *((NameOID.COMMON_NAME, name) for name in names),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is longer than it should be
        name = x509.Name(
            [x509.NameAttribute(*each, _validate=False) for each in subject]
        )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=10))
        .not_valid_after(ends)
    )
    known = list(alternatives)
    if known:
        builder = builder.add_extension(x509.SubjectAlternativeName(known), False)
    if extension is not None:
        builder = builder.add_extension(extension, False)
    return builder.sign(KEY, SHA256())
