"""Scrubbing, time and again while the daemon runs, on one node of all."""

from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.metrics.rounds import ScrubCounts
from txregistry.registry.collection.lease import LIFE, Lease, LeaseLost
from txregistry.registry.repeating import Repeating
from txregistry.registry.scrubbing.scrub import Scrub
from txregistry.registry.scrubbing.state import ScrubState
from txregistry.storage.interfaces import StorageUnavailable

_SOON: Final = 120.0
"""Seconds after the start."""
_LATER: Final = 3600.0
"""Seconds after which it is looked again whether it is time, at the latest."""


class ScrubSchedule(Repeating):
    """Scrub, unless another node does.

    Args:
        scrub: What reads everything.
        lease: The right to.
        every: Seconds from the begin of a pass to that of the next.
        clock: The reactor.
        counts: Where it is counted what was found.
    """

    _log = Logger()

    def __init__(
        self, scrub: Scrub, lease: Lease, every: float, clock: Any, counts: ScrubCounts
    ) -> None:
        super().__init__(clock, _SOON, _LATER)
        self._scrub = scrub
        self._lease = lease
        self._every = every
        self._counts = counts

    async def work(self) -> float:
        """Scrub, if it is time, and say after how many seconds to look again."""
        try:
            due = await self._scrub.due(self._every)
            if due:
                return min(due, _LATER)
            if not await self._lease.take():
                return 2 * LIFE  # who has it may have died
            # One blob may take long at the rate that is set.
            tending = LoopingCall(self._tend)
            tending.clock = self._clock
            _ = tending.start(LIFE / 4, now=False)
            try:
                state = await self._scrub.run(self._lease.touch)
            finally:
                tending.stop()
                await self._lease.release()
            self._count(state)
            self._log.info(
                "All content was read, {blobs} blobs of {bytes} bytes; {found} of them "
                "had rotted, and {unreadable} more could not be read",
                blobs=state.blobs,
                bytes=state.bytes,
                found=state.found,
                unreadable=state.unreadable,
            )
        except LeaseLost:
            return 2 * LIFE
        except StorageUnavailable as error:
            self._log.warn(
                "Scrubbing was broken off, and goes on another time: {reason}",
                reason=str(error),
            )
        except CancelledError:
            return _LATER
        except Exception:  # noqa: BLE001 - the next one may fare better
            self._log.failure("Failed while scrubbing")
        return 2 * LIFE

    def _count(self, state: ScrubState) -> None:
        counts = self._counts
        counts.passes += 1
        counts.blobs, counts.bytes = state.blobs, state.bytes
        counts.rotten, counts.unreadable = state.found, state.unreadable
        counts.ended = state.ended

    def _tend(self) -> Deferred[None]:
        """Keep the lease, if it is still ours: else that is found out soon."""
        return Deferred.fromCoroutine(self._lease.touch()).addErrback(
            lambda failure: failure.trap(LeaseLost, StorageUnavailable) and None
        )
