"""How far uploads have come: how many bytes, and what these add up to.

The bytes of an upload may come to one node and its end to another. So the sum of what
came is kept with the bytes, as the mark of their staging area; where it is, the end of
the upload needs no look at them. Who adds more bytes to those that came elsewhere only
counts, since a hash cannot be taken up from its sum; all of them are read again at the
end, once, however many nodes they came to.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from txregistry.model.digest import CANONICAL, Digest, Hashing, new_hashing
from txregistry.storage.interfaces import Held, Key

_MARK: Final = re.compile(rf"(0|[1-9][0-9]{{0,18}}) ({CANONICAL}:[0-9a-f]{{64}})")
_REMEMBERED: Final = 4096


@dataclass(slots=True)
class Progress:
    """The bytes of a session so far.

    Attributes:
        offset: How many there are.
        hashing: Goes on when more come; None where at most their sum is known.
        told: That sum, where it is known; where there is a hash, of no meaning.
    """

    offset: int = 0
    hashing: Hashing | None = field(default_factory=new_hashing)
    told: Digest | None = None

    @classmethod
    def unknown(cls, size: int) -> "Progress":
        """Take bytes that nothing is known of."""
        return cls(size, None)

    @classmethod
    def told_by(cls, mark: str) -> "Progress | None":
        """Read a mark; None where it is none."""
        found = _MARK.fullmatch(mark)
        if found is None:
            return None
        return cls(int(found[1]), None, Digest.parse(found[2]))

    @property
    def sum(self) -> Digest | None:
        """What the bytes add up to; None where they have to be read to know."""
        if self.hashing is None:
            return self.told
        return Digest(CANONICAL, self.hashing.hexdigest())

    def take(self, piece: bytes) -> None:
        """Add bytes."""
        if self.hashing is None:
            self.told = None
        else:
            self.hashing.update(piece)
        self.offset += len(piece)

    def mark(self) -> str:
        """Write down what is known, in a line; empty where that is nothing."""
        return "" if self.sum is None else f"{self.offset} {self.sum}"


class ProgressMemory:
    """Remember the progress of the sessions that are at work here."""

    def __init__(self) -> None:
        self._progress: OrderedDict[Key, Progress] = OrderedDict()

    def recall(self, area: Key, held: Held) -> Progress | None:
        """Give the progress that belongs to what an area holds.

        Others may have written to the area since. So what is remembered counts only if
        it is what is marked there.

        Returns:
            What is remembered, or else what the mark tells; None where neither speaks
            of all that the area holds.
        """
        if not held.size:
            return Progress()
        for found in (self._progress.get(area), Progress.told_by(held.mark)):
            if found and found.offset == held.size and found.mark() == held.mark:
                return found
        return None

    def remember(self, area: Key, progress: Progress) -> None:
        """Remember progress, and let what was not used for long go."""
        self._progress[area] = progress
        self._progress.move_to_end(area)
        if len(self._progress) > _REMEMBERED:
            self._progress.popitem(last=False)

    def forget(self, area: Key) -> None:
        """Forget a session."""
        self._progress.pop(area, None)

    def clear(self) -> None:
        """Forget all."""
        self._progress.clear()
