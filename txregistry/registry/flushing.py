"""What is noted in memory, written down time and again while the daemon runs."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txregistry.tasks import detach


class Flushing:
    """Write down what was noted, if anything was.

    Args:
        flush: Writes it.
        every: Seconds from one time to the next.
        what: What this is in words, for the log.
        clock: The reactor.
    """

    _log = Logger()

    def __init__(
        self,
        flush: Callable[[], Coroutine[Any, Any, None]],
        every: float,
        what: str,
        clock: Any,
    ) -> None:
        self._flush = flush
        self._every = every
        self._what = what
        self._clock = clock
        self._waiting: Any = None

    def start(self) -> None:
        """Begin."""
        self._waiting = self._clock.callLater(self._every, self._again)

    def stop(self) -> None:
        """End; what was noted since is written down at the very end, by others."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()

    def reload(self) -> Deferred[None]:
        """Do nothing: there is no file to be read."""
        return succeed(None)

    def _again(self) -> None:
        _ = detach(self._flush(), self._log, self._what)
        self.start()
