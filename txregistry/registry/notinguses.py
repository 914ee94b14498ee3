"""Uses, written down time and again while the daemon runs."""

from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txregistry.registry.uses import Uses
from txregistry.tasks import detach

_OFTEN: Final = 300.0


class NotingUses:
    """Write uses down.

    Args:
        uses: The uses.
        clock: The reactor.
    """

    _log = Logger()

    def __init__(self, uses: Uses, clock: Any) -> None:
        self._uses = uses
        self._clock = clock
        self._waiting: Any = None

    def start(self) -> None:
        """Begin."""
        self._waiting = self._clock.callLater(_OFTEN, self._again)

    def stop(self) -> None:
        """End; what was noted since is written down at the very end."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()

    def reload(self) -> Deferred[None]:
        """Do nothing: there is no file to be read."""
        return succeed(None)

    def _again(self) -> None:
        _ = detach(self._uses.flush(), self._log, "noting what was used")
        self.start()
