"""How long jobs of replication wait that have failed."""

from dataclasses import dataclass
from typing import Final

from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamRefused,
    UpstreamUnavailable,
)

_LONGEST_WISH: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long something waits that has failed.

    Attributes:
        first: Seconds after the first failure, doubled for each further one.
        longest: Seconds at most.
        is_loud: Whether somebody has to do something about it.
    """

    first: float
    longest: float
    is_loud: bool = False

    def pause(self, failures: int, chance: float = 1.0) -> float:
        """Give the seconds to wait.

        Args:
            failures: How many there were in a row.
            chance: A number from 0 to 1; up to half of the pause is left to it, so that
                not all come at one time.
        """
        pause = min(self.longest, self.first * 2.0 ** min(failures - 1, 30))
        return pause * (0.5 + chance / 2)


OF_ALL: Final = Backoff(5.0, 300.0)
"""For the jobs of a rule, of which but one is tried then."""
UNAVAILABLE: Final = Backoff(10.0, 600.0)
WRONG: Final = Backoff(60.0, 3600.0, is_loud=True)
_REFUSED: Final = Backoff(600.0, 6 * 3600.0, is_loud=True)


def backoff_of(fault: UpstreamFault) -> Backoff:
    """Say how long a job waits that a registry did not take."""
    if isinstance(fault, UpstreamUnavailable):
        return UNAVAILABLE
    return _REFUSED if isinstance(fault, UpstreamRefused) else WRONG


def wish_of(fault: UpstreamFault) -> float:
    """Give the seconds for which a registry wants to be left alone, within reason."""
    return min(fault.retry_after or 0.0, _LONGEST_WISH)
