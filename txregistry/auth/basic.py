"""A name and a password in ``Authorization``.

Source: RFC 7617, "The 'Basic' HTTP Authentication Scheme".
"""

import base64
import binascii
import re
from typing import Final

from txregistry.model.errors import Unauthorized

_LONGEST: Final = 4096
_SCHEME: Final = re.compile(r"basic(?: .*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_BASIC: Final = re.compile(r"basic +([A-Za-z0-9+/]+={0,2})", re.ASCII | re.IGNORECASE)


def parse_basic(header: str) -> tuple[str, str] | None:
    """Read the value of ``Authorization``.

    Returns:
        The name and the password. It is None, which is anonymous, if the header is of
        another scheme, or both are empty, as Docker 1.5 sends them where it has no
        account.

    Raises:
        Unauthorized: it is of this scheme, but malformed.
    """
    if _SCHEME.fullmatch(header) is None:
        return None
    match = _BASIC.fullmatch(header)
    if match is None or len(header) > _LONGEST:
        raise Unauthorized
    try:
        data = base64.b64decode(match[1], validate=True)
        name, colon, password = data.decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized from None
    if not colon or base64.b64encode(data).decode() != match[1]:
        raise Unauthorized
    if password and not name:
        raise Unauthorized
    return (name, password) if name else None
