"""How long those wait who guess passwords."""

from collections import OrderedDict
from typing import Final

from twisted.internet.interfaces import IReactorTime

_REMEMBERED: Final = 10_000
_FORGOTTEN: Final = 900.0
"""Seconds after the last failure, when a name is as if nobody had guessed."""

_LONGEST: Final = 8.0


class Failures:
    """Remember under which names log-ins failed, whether or not such accounts exist.

    Args:
        clock: Tells when that was.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def delay(self, name: str) -> float:
        """Say how many seconds the next answer under a name has to wait.

        One second after the first failure in a row, doubled by each further one up to
        eight.
        """
        failed = self._count(name)
        return 0.0 if failed == 0 else min(2.0 ** (failed - 1), _LONGEST)

    def add(self, name: str) -> None:
        """Take in that a log-in failed."""
        # Where the delay is longest, counting on would only make numbers that overflow.
        failed = min(self._count(name) + 1, 8)
        self._failed[name] = (failed, self._clock.seconds())
        self._failed.move_to_end(name)
        if len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)

    def forget(self, name: str) -> None:
        """Take in that a log-in succeeded."""
        self._failed.pop(name, None)

    def _count(self, name: str) -> int:
        failed, when = self._failed.get(name, (0, 0.0))
        return 0 if self._clock.seconds() - when > _FORGOTTEN else failed
