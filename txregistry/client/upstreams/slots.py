"""Turns at an upstream: how many ask at once, who comes next, and how often."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from txregistry.client.upstreams.interfaces import UpstreamUnavailable


class Slots:
    """Let so many at a time, in the order in which they came.

    Args:
        name: What the upstream is called.
        clock: What measures the time.
        limit: How many at a time.
        waiting: How many may wait for their turn.
        patience: Seconds for which one does.

    Attributes:
        taken: How many there are at present.
    """

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        *,
        limit: int,
        waiting: int,
        patience: float,
    ) -> None:
        self.taken = 0
        self._name = name
        self._clock = clock
        self._limit = limit
        self._room = waiting
        self._patience = patience
        self._giving = False
        self._waiting: deque[Deferred[None]] = deque()

    @property
    def are_wanted(self) -> bool:
        """Whether anybody waits for a turn."""
        return bool(self._waiting)

    async def take(self) -> Callable[[], None]:
        """Wait for one's turn.

        Returns:
            Ends it, once; harmless the second time.

        Raises:
            UpstreamUnavailable: it does not come in time, or too many wait already.
        """
        if self.taken < self._limit:
            self.taken += 1
            return self._once()
        if len(self._waiting) >= self._room:
            raise UpstreamUnavailable(self._name, "is asked for too much at present")
        turn: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(turn)
        try:
            await turn.addTimeout(self._patience, self._clock)
        except Late:
            raise UpstreamUnavailable(
                self._name, "is asked for too much at present"
            ) from None
        return self._once()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and have it within the block."""
        end = await self.take()
        try:
            yield
        finally:
            end()

    def _once(self) -> Callable[[], None]:
        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                self._give()

        return end

    def _give(self) -> None:
        """Hand a turn on: whoever gets it may end it here and now."""
        self.taken -= 1
        if self._giving:
            return
        self._giving = True
        try:
            while self._waiting and self.taken < self._limit:
                self.taken += 1
                self._waiting.popleft().callback(None)
        finally:
            self._giving = False


class Rate:
    """Let so many through in a second, and some at once after a while of none.

    Args:
        name: What the upstream is called.
        clock: What measures the time.
        rate: How many; None for any number.
        burst: How many at once.
        patience: Seconds for which one waits at most.
    """

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        *,
        rate: float | None,
        burst: int,
        patience: float,
    ) -> None:
        self._name = name
        self._clock = clock
        self._step = 0.0 if rate is None else 1.0 / rate
        self._ahead = self._step * max(0, burst - 1)
        self._patience = patience
        self._next = 0.0

    async def pass_(self) -> None:
        """Wait until one more may be asked for.

        Raises:
            UpstreamUnavailable: that would take too long.
        """
        if not self._step:
            return
        now = self._clock.seconds()
        due = max(self._next, now - self._ahead)
        if due - now > self._patience:
            raise UpstreamUnavailable(
                self._name, "is asked for too much at present", due - now
            )
        self._next = due + self._step
        if due > now:
            await deferLater(self._clock, due - now)
