"""Byte order of names, out of the order in which stores list groups.

A store lists groups with their ``/``: ``1-rc/``, ``1.0/``, ``1/``. By name, ``1`` comes
first. A name that is due earlier than it is listed begins one that is listed before it
and ends where that has ``-`` or ``.``, the only characters of the grammars below ``/``.
"""

from collections.abc import Awaitable, Callable


class NameOrder:
    """Tell which names are due when a store lists one.

    Args:
        exists: Says whether there is a group of a name.
    """

    def __init__(self, exists: Callable[[str], Awaitable[bool]]) -> None:
        self._exists = exists
        self._early: set[str] = set()
        self._absent: set[str] = set()

    async def due(self, listed: str) -> list[str]:
        """Give the names to be told now, in byte order, each once in all."""
        names = []
        for place, letter in enumerate(listed):
            if letter in "-." and place and await self._is_early(listed[:place]):
                names.append(listed[:place])
        if listed not in self._early:
            names.append(listed)
        return names

    async def _is_early(self, name: str) -> bool:
        if name in self._early or name in self._absent:
            return False
        found = await self._exists(name)
        (self._early if found else self._absent).add(name)
        return found
