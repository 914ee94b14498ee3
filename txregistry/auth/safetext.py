"""Bytes as text of letters, digits, ``_`` and ``-``, which is safe in any header.

Source: RFC 4648, section 5, without padding.
"""

import base64

from txregistry.model.errors import Unauthorized


def encode(data: bytes) -> str:
    """Write bytes as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Read what `encode` wrote, and no other spelling of it.

    Raises:
        Unauthorized: it is none.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError:  # binascii's own, or of what is not ASCII
        raise Unauthorized from None
    if encode(data) != text:
        raise Unauthorized
    return data
