"""Byte order of names, out of the order in which stores list groups.

A store lists groups with their ``/``: ``1-rc/``, ``1.0/``, ``1/``. By name, ``1`` comes
first. A name that is due earlier than it is listed begins one that is listed before it
and ends where that has ``-`` or ``.``, the only characters of the grammars below ``/``.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """Part of a listing of groups, and what it tells of what lies beyond.

    Attributes:
        names: The part.
        known: What is known, sorted: this part, and maybe more.
        more: Whether others may come after what is known.
    """

    names: Sequence[str]
    known: Sequence[str]
    more: bool = False

    def knows(self, name: str) -> bool | None:
        """Say whether there is a name that sorts after the first that is known.

        Returns:
            None where that is not known.
        """
        place = bisect_left(self.known, name)
        if place < len(self.known):
            return self.known[place] == name
        return None if self.more else False


class NameOrder:
    """Tell which names are due when a store lists one.

    Args:
        exists: Says whether there is a group of a name.
    """

    def __init__(self, exists: Callable[[str], Awaitable[bool]]) -> None:
        self._exists = exists
        self._early: set[str] = set()
        self._absent: set[str] = set()

    async def all_due(self, listed: Iterable[str]) -> list[str]:
        """Tell names for some that a store lists one after the other, as `due` does."""
        names: list[str] = []
        for each in listed:
            if "." in each or "-" in each:
                names += await self.due(each)
            elif each not in self._early:
                names.append(each)
        return names

    async def due(self, listed: str) -> list[str]:
        """Give the names to be told now, in byte order, each once in all."""
        if "." not in listed and "-" not in listed:
            return [] if listed in self._early else [listed]
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
