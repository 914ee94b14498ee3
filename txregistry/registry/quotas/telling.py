"""What was let in, told to other processes while the daemon runs."""

from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txregistry.registry.quotas.quotas import Quotas
from txregistry.tasks import detach

_OFTEN: Final = 5.0


class TellingQuotas:
    """Write down what was let in, if anything was.

    Args:
        quotas: The quotas.
        clock: The reactor.
    """

    _log = Logger()

    def __init__(self, quotas: Quotas, clock: Any) -> None:
        self._quotas = quotas
        self._clock = clock
        self._waiting: Any = None

    def start(self) -> None:
        """Begin."""
        self._waiting = self._clock.callLater(_OFTEN, self._again)

    def stop(self) -> None:
        """End; what was let in since is written down at the very end."""
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()

    def reload(self) -> Deferred[None]:
        """Do nothing: there is no file to be read."""
        return succeed(None)

    def _again(self) -> None:
        _ = detach(self._quotas.flush(), self._log, "noting what quotas let in")
        self.start()
