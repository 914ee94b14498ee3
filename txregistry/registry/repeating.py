"""Work that is done again and again while the daemon runs."""

from typing import Any

from twisted.internet.defer import Deferred, succeed


class Repeating:
    """Do some work, and say after how long to do it again.

    Whoever inherits from this says what the work is, in `work`.

    Args:
        clock: The reactor.
        first: Seconds until it is done first.
        otherwise: Seconds from one time to the next, where the work does not say it.
    """

    def __init__(self, clock: Any, first: float, otherwise: float) -> None:
        self._clock = clock
        self._first = first
        self._otherwise = otherwise
        self._waiting: Any = None
        self._running: Deferred[None] | None = None

    async def work(self) -> float:
        """Do it.

        Returns:
            Seconds after which it is time again.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Begin soon."""
        self._wait(self._first)

    def stop(self) -> None:
        """Break off; what was done is done, and the rest is for another time."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
        self._waiting = None
        if self._running is not None:
            self._running.cancel()

    def reload(self) -> Deferred[None]:
        """Do nothing: there is no file to be read."""
        return succeed(None)

    async def ended(self) -> None:
        """Wait until what was broken off has ended."""
        running = self._running
        if running is not None:
            done: Deferred[None] = Deferred()
            _ = running.addBoth(done.callback)
            await done

    def _wait(self, seconds: float) -> None:
        self._waiting = self._clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        running: Deferred[Any] = Deferred.fromCoroutine(self.work())
        self._running = running
        _ = running.addBoth(self._end)

    def _end(self, result: object) -> None:
        self._running = None
        if self._waiting is not None:  # else it was stopped
            self._wait(result if isinstance(result, float) else self._otherwise)
