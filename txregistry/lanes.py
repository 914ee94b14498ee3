"""Several pieces of work that go on at the same time, and not more than so many."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txregistry.tasks import Bell


class Lanes:
    """Do work in so many lanes at most.

    Args:
        most: How many there are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: set[Deferred[None]] = set()
        self._ended = Bell()
        self._failure: Failure | None = None

    async def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin some work as soon as there is a lane for it.

        Raises:
            Exception: whatever the first work raised that failed; then this one is not
                begun.
        """
        try:
            while self._failure is None and len(self._running) >= self._most:
                await self._ended.wait()
            self._check()
        except BaseException:
            work.close()
            raise
        running = Deferred.fromCoroutine(work)
        self._running.add(running)
        _ = running.addBoth(self._end, running)

    async def settle(self) -> None:
        """Wait until all work has ended.

        Raises:
            Exception: whatever the first work raised that failed.
        """
        while self._running:
            await self._ended.wait()
        self._check()

    async def break_off(self) -> None:
        """Break off what is under way, and wait until it has ended."""
        for each in tuple(self._running):
            each.cancel()
        while self._running:
            await self._ended.wait()

    def _end(self, outcome: object, running: Deferred[None]) -> None:
        self._running.discard(running)
        if isinstance(outcome, Failure) and self._failure is None:
            self._failure = outcome
        self._ended.ring()

    def _check(self) -> None:
        if self._failure is not None:
            self._failure.raiseException()
