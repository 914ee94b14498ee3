"""Turns of scheduled mirroring, which nodes over one store take from each other.

Each turn is an object of its own, numbered: who makes it has the turn, and removes
those before it. So a turn is had by one node, but for one that was asleep meanwhile;
that takes another, which does no harm.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from txregistry.registry.listing import objects
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge

_DIGITS: Final = 32
_LONGEST: Final = 32
"""Bytes of a time."""
_TIME: Final = re.compile(rb"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that somebody has had.

    Attributes:
        number: Its number, from 1.
        at: When it began, in seconds since 1970; 0 where that cannot be told.
    """

    number: int
    at: float


class PlanTurns:
    """The turns of one plan.

    Args:
        store: Where they are remembered.
        plan: What the plan says: others are of another plan.
    """

    def __init__(self, store: IObjectStore, plan: Sequence[object]) -> None:
        self._store = store
        encoded = msgspec.json.encode(plan)
        self._plan = hashlib.sha256(encoded).hexdigest()[:_DIGITS]

    async def last(self) -> Turn | None:
        """Give the latest turn; None where there was none.

        Raises:
            StorageUnavailable: that cannot be told.
        """
        numbers = await self._numbers()
        if not numbers:
            return None
        key = keys.mirror_turn(self._plan, max(numbers))
        try:
            data = await self._store.get(key, _LONGEST)
        except (NotFound, TooLarge):
            data = b""
        at = float(data) if _TIME.fullmatch(data) is not None else 0.0
        return Turn(max(numbers), at)

    async def take(self, last: Turn | None, now: float) -> bool:
        """Take the turn after the latest one.

        Args:
            last: The latest one.
            now: When it begins.

        Returns:
            Whether it was nobody else's.

        Raises:
            StorageUnavailable: that cannot be told.
        """
        number = 1 if last is None else last.number + 1
        key = keys.mirror_turn(self._plan, number)
        data = b"%d" % math.floor(now)
        if not await self._store.put(key, data, if_absent=True):
            return False
        past = [each for each in await self._numbers() if each < number]
        await self._store.delete(keys.mirror_turn(self._plan, each) for each in past)
        return True

    async def _numbers(self) -> list[int]:
        prefix = keys.mirror_turns(self._plan)
        names = (key.removeprefix(prefix) for key in await objects(self._store, prefix))
        return [int(name) for name in names if name.isascii() and name.isdigit()]
