"""The collection of what nobody needs, a round after another.

Distribution's ``garbage-collect`` needs the registry to stand still; this one does not.
What nobody needs is condemned in one round and removed in another, if it is still
unneeded then and nobody has spared it meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txregistry.model.names import RepositoryName
from txregistry.registry.collection.contents import Contents
from txregistry.registry.collection.interfaces import IKeeping
from txregistry.registry.collection.keeping import KeepingAll
from txregistry.registry.collection.lease import LIFE, Lease, LeaseLost
from txregistry.registry.collection.marking import Marking
from txregistry.registry.collection.reasons import Reasons
from txregistry.registry.collection.report import CollectionReport, Hear
from txregistry.registry.collection.rounds import Round
from txregistry.registry.collection.settling import Settling
from txregistry.registry.quotas.tally import Tallying
from txregistry.registry.repositories import Registry
from txregistry.storage import keys
from txregistry.storage.interfaces import NotFound, StorageUnavailable
from txregistry.tasks import Blocking

_APART: Final = 2 * 3600.0
"""Seconds that clocks may be apart."""
_EARLY: Final = 0.9
"""Of the time from one round to the next, what must have passed at least."""


class NotOurTurn(Exception):
    """Somebody else is collecting."""


class TooSoon(Exception):
    """The last round was a moment ago."""


class Collector:
    """Collect what nobody needs.

    Args:
        registry: The registry, over a store in which nothing is spared: else what is
            about to go would be spared by who looks at it to remove it.
        blocking: Where disk work goes.
        floor: Seconds for which something stays after it was found to be unneeded.
        owner: Who collects: another text for each process.
        contents: What manifests name.
        keeping: Says what is kept.
        reasons: Takes note of why something stays; None where nobody asks.
        tallying: Counts what quotas are about; None where there are none.
    """

    _log = Logger()

    def __init__(
        self,
        registry: Registry,
        blocking: Blocking,
        floor: float,
        owner: str,
        contents: Contents,
        keeping: IKeeping,
        reasons: Reasons | None = None,
        tallying: Tallying | None = None,
    ) -> None:
        self._registry = registry
        self._clock = registry.clock
        self._blocking = blocking
        self._floor = floor
        self._keeping = keeping
        self._lease = Lease(registry.store, owner, registry.clock)
        self._contents = contents
        self._reasons = reasons
        self._tallying = tallying

    async def collect(
        self,
        hear: Hear = lambda _: None,
        *,
        only: Callable[[RepositoryName], bool] | None = None,
        every: float | None = None,
        dry_run: bool = False,
    ) -> CollectionReport:
        """Do one round.

        Args:
            hear: Is told how it goes.
            only: Of which repositories something may go, and no blobs then; None for
                all.
            every: Seconds that must have passed since the last round of whichever
                node; None for none.
            dry_run: Only say what would be condemned.

        Raises:
            NotOurTurn: somebody else is collecting, or was a moment ago.
            TooSoon: it is not time yet.
            StorageUnavailable: the store broke it off; what was done is done.
        """
        begun = self._clock.seconds()
        report = CollectionReport(dry_run=dry_run)
        if dry_run:
            await self._round(None, self._keeping, report, hear, only)
        elif await self._lease.take():
            try:
                started = await self._lease.written()
                await self._check_time(started, every)
                keeping = self._trusted(started)
                settling = Settling(
                    self._registry.store, self._lease, self._floor, started
                )
                with self._tended():
                    await self._round(settling, keeping, report, hear, only, started)
                report.seconds = self._clock.seconds() - begun
                report.finished = True
                if only is None:
                    await self._write(report)
            except LeaseLost:
                raise NotOurTurn from None
            finally:
                await self._lease.release()
        else:
            raise NotOurTurn
        return report

    async def count(self, every: float | None = None) -> bool:
        """Count what quotas are about, and do nothing else.

        Args:
            every: Seconds from one count to the next; None where that is enough which
                rounds of collection do, as soon as there was one.

        Returns:
            Whether it was time to.

        Raises:
            NotOurTurn: somebody else is collecting, or was a moment ago.
            StorageUnavailable: the store broke it off.
        """
        tallying = self._tallying
        if tallying is None or (every is None and not await tallying.is_due()):
            return False
        if not await self._lease.take():
            raise NotOurTurn
        try:
            started = await self._lease.written()
            limit = None if every is None else every * _EARLY
            due = await tallying.is_due(started, limit)
            if due:
                with self._tended():
                    await tallying.count(started)
        except LeaseLost:
            raise NotOurTurn from None
        finally:
            await self._lease.release()
        return due

    @contextmanager
    def _tended(self) -> Iterator[None]:
        """Keep the lease within the block."""
        tending = LoopingCall(self._tend)
        tending.clock = self._clock
        _ = tending.start(LIFE / 4, now=False)
        try:
            yield
        finally:
            tending.stop()

    async def _check_time(self, now: float, every: float | None) -> None:
        """Refuse to begin before it is time.

        Raises:
            TooSoon: it is not.
        """
        if every is None:
            return
        with suppress(NotFound):
            last = await self._registry.store.stat(keys.collection_report())
            if now - last.modified < every * _EARLY:
                raise TooSoon

    def _trusted(self, now: float) -> IKeeping:
        """Say what is kept, by rules only where clocks agree on what is old."""
        apart = self._clock.seconds() - now
        if abs(apart) <= _APART:
            return self._keeping
        self._log.warn(
            "Nothing goes by a rule in this round: the clock of this machine is "
            "{apart:+.0f} s from the store's",
            apart=apart,
        )
        return KeepingAll()

    def _tend(self) -> Deferred[None]:
        """Keep the lease while nothing is settled for long."""
        return Deferred.fromCoroutine(self._lease.touch()).addErrback(
            lambda failure: failure.trap(LeaseLost, StorageUnavailable) and None
        )

    async def _write(self, report: CollectionReport) -> None:
        """Write down what the last round came to."""
        await self._registry.store.put(
            keys.collection_report(), msgspec.json.encode(report)
        )

    async def _round(
        self,
        settling: Settling | None,
        keeping: IKeeping,
        report: CollectionReport,
        hear: Hear,
        only: Callable[[RepositoryName], bool] | None,
        started: float | None = None,
    ) -> None:
        await keeping.prepare()
        marking = Marking(
            self._registry.store,
            self._contents,
            self._registry.images,
            self._clock,
            self._blocking,
            keeping,
            self._reasons,
        )
        work = Round(
            self._registry,
            marking,
            self._blocking,
            settling,
            report,
            hear,
            self._tallying,
        )
        await work.run(only, started)
