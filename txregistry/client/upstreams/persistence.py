"""Asking again where that may help."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txregistry.client.upstreams.faults import Faltered
from txregistry.client.upstreams.limits import Patience

T = TypeVar("T")


class Persistence:
    """Do what may be repeated until something comes of it.

    Args:
        clock: What measures the time.
        patience: How often, and with what pauses.
        chance: A number from 0 to 1, another each time.
    """

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, patience: Patience, chance: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._patience = patience
        self._chance = chance

    def pause(self, failures: int) -> float:
        """Give the seconds to wait after so many failures in a row."""
        patience = self._patience
        pause = min(patience.longest_pause, patience.pause * 2.0 ** (failures - 1))
        return pause * (0.5 + self._chance() / 2)

    async def on(
        self,
        work: Callable[[], Awaitable[T]],
        goes_on: Callable[[], bool] = lambda: True,
    ) -> T:
        """Do some work.

        Args:
            work: The work. Where it raises `Faltered` it is done again.
            goes_on: Says whether that may be after all.

        Returns:
            What it comes to.

        Raises:
            Faltered: it did not come to anything.
        """
        attempt = 1
        while True:
            try:
                return await work()
            except Faltered as fault:
                wanted = fault.retry_after or 0.0
                if attempt >= self._patience.attempts or not goes_on():
                    raise
                if wanted > self._patience.longest_pause:
                    raise
                self._log.info("Asking again: {reason}", reason=fault.reason)
                pause = max(wanted, self.pause(attempt))
            await deferLater(self._clock, pause)
            attempt += 1
