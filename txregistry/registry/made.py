"""What was made of listings, kept while they are the same.

A store that remembers listings gives the same sequence again, the object itself, for as
long as it can prove that nothing has changed. So whatever was made of it still holds.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Final, Generic, TypeVar

_PRICE: Final = 16
"""What a listing costs beside its names, in names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """Something that was made of listings.

    Attributes:
        value: What was made.
        listings: What it was made of, by their prefixes.
    """

    value: T
    listings: Mapping[str, Sequence[str]]

    def is_of(self, listings: Sequence[Sequence[str]]) -> bool:
        """Say whether listings, in the same order, are those that it was made of."""
        return all(map(is_, listings, self.listings.values()))


class Making(Generic[T]):
    """Keep what was made last.

    Args:
        room: Names in the listings of all that is kept: these live as long as it does.
    """

    def __init__(self, room: int) -> None:
        self._kept: OrderedDict[Hashable, Made[T]] = OrderedDict()
        self._room = room

    def find(self, key: Hashable) -> Made[T] | None:
        """Give what was made under a key, whether or not it still holds."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, made: Made[T]) -> None:
        """Keep something in place of what was made under that key before."""
        before = self._kept.pop(key, None)
        if before is not None:
            self._room += _price(before)
        self._kept[key] = made
        self._room -= _price(made)
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += _price(oldest)


def _price(made: Made[T]) -> int:
    return sum(_PRICE + len(names) for names in made.listings.values())
