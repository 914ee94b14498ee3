"""Sets of digests in little memory: eight bytes for each."""

from array import array
from bisect import bisect_left
from typing import Final

from txregistry.model.digest import Digest

_DIGITS: Final = 16
"""Hexadecimal digits that are remembered. That two of 10⁸ contents have the same is as
likely as one in 4000; then one that is absent may be taken to be there."""


class KnownDigests:
    """Remember which digests there are, and mark some.

    Add all before you look.
    """

    def __init__(self) -> None:
        self._values: dict[str, array[int]] = {}
        self._marks: dict[str, bytearray] = {}
        self._unsorted: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._values.values()))

    def add(self, digest: Digest) -> None:
        """Remember a digest; in order is cheapest."""
        value = _value(digest)
        values = self._values.setdefault(digest.algorithm, array("Q"))
        if values and values[-1] > value:
            self._unsorted.add(digest.algorithm)
        values.append(value)

    def holds(self, digest: Digest) -> bool:
        """Say whether a digest was added."""
        return self._place(digest) is not None

    def mark(self, digest: Digest) -> None:
        """Mark a digest, if it was added."""
        place = self._place(digest)
        if place is not None:
            size = len(self._values[digest.algorithm])
            marks = self._marks.setdefault(digest.algorithm, bytearray(size))
            marks[place] = 1

    def is_marked(self, digest: Digest) -> bool:
        """Say whether a digest was marked."""
        place = self._place(digest)
        marks = self._marks.get(digest.algorithm)
        return place is not None and marks is not None and marks[place] == 1

    def _place(self, digest: Digest) -> int | None:
        values = self._values.get(digest.algorithm)
        if values is None:
            return None
        if digest.algorithm in self._unsorted:
            values = self._values[digest.algorithm] = array("Q", sorted(values))
            self._unsorted.discard(digest.algorithm)
        value = _value(digest)
        place = bisect_left(values, value)
        return place if place < len(values) and values[place] == value else None


def _value(digest: Digest) -> int:
    return int(digest.encoded[:_DIGITS], 16)
