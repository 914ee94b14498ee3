"""Counts of what quotas are about, where no round of collection makes them."""

from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger

from txregistry.registry.collection.collector import Collector, NotOurTurn
from txregistry.storage.interfaces import StorageUnavailable

_FIRST: Final = 1.0
"""Seconds after the start: quotas are not in force before there is a count."""
_OFTEN: Final = 300.0
"""Seconds from one look to the next, whether it is time."""
_AGAIN: Final = 30.0
"""Seconds after which it is tried again, where it could not be done."""


class TallySchedule:
    """Count when there is no count of all quotas, or it is old.

    Args:
        collector: Who counts.
        every: Seconds from one count to the next; None where rounds of collection do
            that.
        clock: The reactor.
    """

    _log = Logger()

    def __init__(self, collector: Collector, every: float | None, clock: Any) -> None:
        self._collector = collector
        self._every = every
        self._clock = clock
        self._waiting: Any = None
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Begin soon."""
        self._wait(_FIRST)

    def stop(self) -> None:
        """Break off."""
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
        self._running = Deferred.fromCoroutine(self._count())
        _ = self._running.addBoth(self._end)

    def _end(self, result: object) -> None:
        self._running = None
        if self._waiting is not None:  # else it was stopped
            self._wait(result if isinstance(result, float) else _AGAIN)

    async def _count(self) -> Any:
        """Count if it is time, and say after how many seconds to look again."""
        often = _OFTEN if self._every is None else min(_OFTEN, self._every)
        try:
            if await self._collector.count(self._every):
                self._log.info("Counted what the quotas are about")
        except NotOurTurn:
            return _AGAIN
        except StorageUnavailable as error:
            self._log.warn(
                "What the quotas are about cannot be counted: {reason}",
                reason=str(error),
            )
            return _AGAIN
        except CancelledError:
            return often
        except Exception:  # noqa: BLE001 - it may go better another time
            self._log.failure("Failed while counting what the quotas are about")
        return often
