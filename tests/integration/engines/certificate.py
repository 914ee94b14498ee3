"""TLS between two ends on this machine."""

import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

LOOPBACK = "127.0.0.1"


@lru_cache(maxsize=1)
def make_pem() -> tuple[str, str]:
    """Make a key, and a certificate for this address that signs itself, as PEM."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engines")])
    day, now = timedelta(days=1), datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - day,
        not_valid_after=now + day,
    ).add_extension(names, critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signed = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return private.decode(), signed.decode()


@lru_cache(maxsize=1)
def make_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make contexts for a server at this address, and for clients that trust it."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "w") as file:
            file.writelines(make_pem())
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
    finally:
        os.unlink(path)
    return server, ssl.create_default_context(cadata=make_pem()[1])
