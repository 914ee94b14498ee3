"""Pages of the catalog, kept for as long as they are proved to hold."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from txregistry.model.names import RepositoryName
from txregistry.storage.interfaces import IProof

_ROOM: Final = 6000
"""Folders of which all pages that are kept tell: some hundred bytes each."""
_LONGEST: Final = 300
"""Letters of where a page begins that is kept: no name has more."""


@dataclass(frozen=True, slots=True)
class NamesPage:
    """Some names of repositories, sorted, and whether there are more."""

    names: tuple[RepositoryName, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """A page, what proves that it holds, and how many folders it tells of."""

    page: NamesPage
    proof: IProof
    price: int


class KnownPages:
    """Keep the pages that were asked for last, by where they begin and their length.

    Args:
        room: Folders of which all of them tell, at most.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._known: OrderedDict[tuple[str, int], _Known] = OrderedDict()
        self._left = room

    def find(self, after: str, limit: int) -> NamesPage | None:
        """Give a page that is known, and holds."""
        key = after, limit
        found = self._known.get(key)
        if found is None:
            return None
        if not found.proof.holds():
            self._forget(key)
            return None
        self._known.move_to_end(key)
        return found.page

    def keep(
        self, after: str, limit: int, page: NamesPage, proof: IProof, folders: int
    ) -> None:
        """Keep a page.

        Args:
            after: What it follows.
            limit: How many names it has at most.
            page: The page.
            proof: That it holds.
            folders: Of how many folders it tells.
        """
        if len(after) > _LONGEST:
            return
        self._forget((after, limit))
        self._known[after, limit] = _Known(page, proof, folders)
        self._left -= folders
        while self._left < 0:
            self._forget(next(iter(self._known)))

    def _forget(self, key: tuple[str, int]) -> None:
        forgotten = self._known.pop(key, None)
        if forgotten is not None:
            self._left += forgotten.price
