"""Certificates, keys and lists of revoked ones in files that settings name."""

import re
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import (
    PrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from txregistry.settings.section import SettingsError

_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)
_CRL: Final = re.compile(
    rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL
)


def read_certificates(setting: str, path: str | None) -> list[x509.Certificate]:
    """Read all certificates in a file.

    Raises:
        SettingsError: there is none in PEM form.
    """
    return parse_certificates(setting, path, read_file(setting, path))


def parse_certificates(
    setting: str, path: str | None, data: bytes
) -> list[x509.Certificate]:
    """Parse all certificates in a file's content.

    Raises:
        SettingsError: there is none in PEM form.
    """
    found = _PEM.findall(data)
    try:
        certificates = [x509.load_pem_x509_certificate(pem) for pem in found]
    except Exception as error:
        raise SettingsError(
            f"{setting}: {path!r} has a certificate that cannot be read."
        ) from error
    if not certificates:
        raise SettingsError(f"{setting}: {path!r} has no certificate in PEM form.")
    return certificates


def parse_crls(
    setting: str, path: str, data: bytes
) -> list[x509.CertificateRevocationList]:
    """Parse all lists of revoked certificates in a file's content.

    Raises:
        SettingsError: there is none in PEM form.
    """
    found = _CRL.findall(data)
    try:
        crls = [x509.load_pem_x509_crl(pem) for pem in found]
    except Exception as error:
        raise SettingsError(
            f"{setting}: {path!r} has a list of revoked certificates that cannot be "
            "read."
        ) from error
    if not crls:
        raise SettingsError(
            f"{setting}: {path!r} has no list of revoked certificates in PEM form."
        )
    return crls


def read_key(setting: str, path: str | None) -> PrivateKeyTypes:
    """Read a private key from a file.

    Raises:
        SettingsError: there is none in PEM form.
    """
    return parse_key(setting, path, read_file(setting, path))


def parse_key(setting: str, path: str | None, data: bytes) -> PrivateKeyTypes:
    """Parse the private key in a file's content.

    Raises:
        SettingsError: there is none in PEM form.
    """
    try:
        return load_pem_private_key(data, None)
    except Exception as error:
        raise SettingsError(
            f"{setting}: {path!r} has no private key in PEM form."
        ) from error


def read_file(setting: str, path: str | None) -> bytes:
    """Read a file that a setting names.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return Path(path or "").read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{setting}: {path!r} cannot be read: {error.strerror}."
        ) from error


def read_public_key(setting: str, path: str) -> PublicKeyTypes:
    """Read a public key from a file.

    Raises:
        SettingsError: there is none in PEM form.
    """
    try:
        return load_pem_public_key(read_file(setting, path))
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(
            f"{setting}: {path!r} has no public key in PEM form."
        ) from error
