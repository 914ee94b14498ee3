"""Certificates and keys in files that settings name."""

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

from txregistry.settings import SettingsError

_PEM: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)


def read_certificates(setting: str, path: str | None) -> list[x509.Certificate]:
    """Read all certificates in a file.

    Raises:
        SettingsError: there is none in PEM form.
    """
    found = _PEM.findall(read_file(setting, path))
    try:
        certificates = [x509.load_pem_x509_certificate(pem) for pem in found]
    except Exception as error:
        raise SettingsError(
            f"{setting}: {path!r} has a certificate that cannot be read."
        ) from error
    if not certificates:
        raise SettingsError(f"{setting}: {path!r} has no certificate in PEM form.")
    return certificates


def read_key(setting: str, path: str | None) -> PrivateKeyTypes:
    """Read a private key from a file.

    Raises:
        SettingsError: there is none in PEM form.
    """
    try:
        return load_pem_private_key(read_file(setting, path), None)
    except SettingsError:
        raise
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
