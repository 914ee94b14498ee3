"""The steps of a handshake, at the cost of OpenSSL's own calls.

pyOpenSSL raises an error for each that has to wait for the client, and writes a
certificate in DER to have it read again. What is used here of it is not public, and
held by the tests.
"""

from typing import Any, Final

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

_SHA256: Final = lib.EVP_get_digestbyname(b"sha256")
_SIZE: Final = 32

_digest: Final = ffi.new("unsigned char[]", _SIZE)
_count: Final = ffi.new("unsigned int *")


def take_in(connection: SSL.Connection, data: bytes) -> None:
    """Let OpenSSL have what a client has sent."""
    ours: Any = connection
    lib.BIO_write(ours._into_ssl, data, len(data))  # noqa: SLF001 - as said above


def shake_hands(connection: SSL.Connection) -> bool:
    """Go on with a handshake as far as what has come allows.

    Returns:
        Whether it is done; else more must come.

    Raises:
        SSL.Error: it failed.
    """
    ours: Any = connection
    ssl = ours._ssl  # noqa: SLF001 - likewise
    result = lib.SSL_do_handshake(ssl)
    if result <= 0 and lib.SSL_get_error(ssl, result) == lib.SSL_ERROR_WANT_READ:
        return False
    ours._raise_ssl_error(ssl, result)  # noqa: SLF001 - nothing, where there is none
    return True


def shown_digest(connection: SSL.Connection) -> bytes | None:
    """Give the SHA-256 of the certificate that a client has shown; None if it has not.

    For the reactor's thread.

    Raises:
        SSL.Error: OpenSSL cannot say.
    """
    ours: Any = connection
    certificate = lib.SSL_get_peer_certificate(ours._ssl)  # noqa: SLF001 - likewise
    if certificate == ffi.NULL:
        return None
    try:
        if lib.X509_digest(certificate, _SHA256, _digest, _count) != 1:
            raise SSL.Error
    finally:
        lib.X509_free(certificate)
    return bytes(ffi.buffer(_digest, _SIZE))
