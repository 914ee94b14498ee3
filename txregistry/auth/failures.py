"""How long those wait who guess passwords."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from twisted.internet.interfaces import IReactorTime

_REMEMBERED: Final = 10_000
_FORGOTTEN: Final = 900.0
"""Seconds after the last failure, when it is as if nobody had guessed."""

_MOST: Final = 64
"""Failures that are told apart: the delay is the longest by then."""


class Failures:
    """Remember where log-ins failed.

    Args:
        clock: Tells when that was.
        forgiven: Failures in a row that cost nothing.
        longest: Seconds that the longest delay has.
    """

    def __init__(
        self, clock: IReactorTime, *, forgiven: int = 0, longest: float = 8.0
    ) -> None:
        self._clock = clock
        self._forgiven = forgiven
        self._longest = longest
        self._failed: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def delay(self, where: Hashable) -> float:
        """Say how many seconds the next answer has to wait.

        One second after the first failure in a row that is not forgiven, doubled by
        each further one up to the longest.
        """
        failed = self._count(where) - self._forgiven
        return 0.0 if failed <= 0 else min(2.0 ** (failed - 1), self._longest)

    def has(self, where: Hashable) -> bool:
        """Say whether somebody failed there not long ago."""
        return self._count(where) > 0

    def add(self, where: Hashable) -> None:
        """Take in that a log-in failed."""
        # Where the delay is longest, counting on would only make numbers that overflow.
        failed = min(self._count(where) + 1, _MOST)
        self._failed[where] = (failed, self._clock.seconds())
        self._failed.move_to_end(where)
        if len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)

    def forget(self, where: Hashable) -> None:
        """Take in that a log-in succeeded."""
        self._failed.pop(where, None)

    def _count(self, where: Hashable) -> int:
        failed, when = self._failed.get(where, (0, 0.0))
        return 0 if self._clock.seconds() - when > _FORGOTTEN else failed
