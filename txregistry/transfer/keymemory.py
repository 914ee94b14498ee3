"""Keys that are remembered, up to so many."""

from collections import OrderedDict
from typing import Final

_MOST: Final = 50_000


class KeyMemory:
    """Remember keys; those that nobody asked for the longest are forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._keys: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        if key not in self._keys:
            return False
        self._keys.move_to_end(key)
        return True

    def add(self, key: str) -> bool:
        """Remember a key; say whether it was not remembered before."""
        if key in self:
            return False
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return True
