"""What OpenSSL decrypts and encrypts, straight to where it is wanted.

pyOpenSSL takes memory for each piece, and copies it twice from there: that costs more
than to decrypt it. What is used here of it is not public, and held by the tests.
"""

from typing import Any

from OpenSSL import SSL
from OpenSSL._util import ffi, lib


def read_records(
    connection: SSL.Connection, memory: memoryview
) -> tuple[int, SSL.Error | None]:
    """Decrypt what has come: as many records as there is room for.

    Args:
        connection: Where it came; what there was no room for is given the next time.
        memory: Where it goes.

    Returns:
        How many bytes there are; and why nothing will come after them, if so.
    """
    ours: Any = connection
    ssl, size, room = ours._ssl, 0, len(memory)  # noqa: SLF001
    with ffi.from_buffer("char[]", memory, require_writable=True) as place:
        while size < room:
            count = lib.SSL_read(ssl, place + size, room - size)
            if count <= 0:
                return size, _end_of(ours, count)
            size += count
    return size, None


def read_encrypted(connection: SSL.Connection, memory: memoryview) -> int:
    """Take what OpenSSL has for the other side.

    Args:
        connection: Whose it is; what there was no room for is given the next time.
        memory: Where it goes.

    Returns:
        How many bytes there are.
    """
    ours: Any = connection
    with ffi.from_buffer("char[]", memory, require_writable=True) as place:
        count: int = lib.BIO_read(ours._from_ssl, place, len(memory))  # noqa: SLF001
    return max(0, count)


def _end_of(connection: Any, result: int) -> SSL.Error | None:
    """Say why nothing more comes; None where it only has not come yet."""
    ssl = connection._ssl  # noqa: SLF001
    if lib.SSL_get_error(ssl, result) == lib.SSL_ERROR_WANT_READ:
        return None
    try:
        connection._raise_ssl_error(ssl, result)  # noqa: SLF001
    except SSL.WantReadError:
        return None
    except SSL.Error as error:
        return error
    return None
