"""What can be a name and a password; accounts that are no file."""

import hmac
import re
from collections.abc import Mapping
from typing import Final

from zope.interface import implementer

from txregistry.auth.interfaces import IAccounts
from txregistry.model.access import Identity

_LONGEST: Final = 1024
"""Bytes in a name."""

_LONGEST_PASSWORD: Final = 72
"""Bytes in a password: bcrypt takes no more, and what takes more cuts it, silently."""

_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def may_exist(name: str, password: str) -> bool:
    """Say whether there can be an account of this name and password at all.

    Neither is empty or has control characters, and neither is too long.
    """
    return _fits(name, _LONGEST) and _fits(password, _LONGEST_PASSWORD)


def _fits(text: str, longest: int) -> bool:
    return (
        len(text) <= longest
        and _TEXT.fullmatch(text) is not None
        and len(text.encode()) <= longest
    )


@implementer(IAccounts)
class MemoryAccounts:
    """Keep accounts, and their passwords as they are, until the process ends.

    Args:
        passwords: By name.
        groups: What they belong to, by name.
    """

    def __init__(
        self,
        passwords: Mapping[str, str],
        groups: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._passwords = dict(passwords)
        self._groups = dict(groups or {})

    async def identify(
        self, name: str, password: str, address: str = ""
    ) -> Identity | None:
        """See `IAccounts`."""
        known = self._passwords.get(name, "")
        if not may_exist(name, password):
            return None
        if not hmac.compare_digest(known.encode(), password.encode()):
            return None
        return Identity(name, self._groups.get(name, frozenset()), address)

    async def has(self, name: str) -> bool:
        """See `IAccounts`."""
        return name in self._passwords
