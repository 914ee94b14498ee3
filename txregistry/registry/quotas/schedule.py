"""Counts of what quotas are about, where no round of collection makes them."""

from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from txregistry.registry.collection.collector import Collector, NotOurTurn
from txregistry.registry.repeating import Repeating
from txregistry.storage.interfaces import StorageUnavailable

_FIRST: Final = 1.0
"""Seconds after the start: quotas are not in force before there is a count."""
_OFTEN: Final = 300.0
"""Seconds from one look to the next, whether it is time."""
_AGAIN: Final = 30.0
"""Seconds after which it is tried again, where it could not be done."""


class TallySchedule(Repeating):
    """Count when there is no count of all quotas, or it is old.

    Args:
        collector: Who counts.
        every: Seconds from one count to the next; None where rounds of collection do
            that.
        clock: The reactor.
    """

    _log = Logger()

    def __init__(self, collector: Collector, every: float | None, clock: Any) -> None:
        super().__init__(clock, _FIRST, _AGAIN)
        self._collector = collector
        self._every = every

    async def work(self) -> float:
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
