"""The jobs of one rule: those in work, and those that wait."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.client.upstreams.interfaces import UpstreamFault
from txregistry.model.digest import Digest
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.replication.backoff import (
    OF_ALL,
    UNAVAILABLE,
    WRONG,
    Backoff,
    backoff_of,
    wish_of,
)
from txregistry.registry.replication.copying import NothingToCopy
from txregistry.registry.replication.jobs import Jobs
from txregistry.registry.replication.linestatus import LineStatus
from txregistry.registry.replication.rules import ReplicationRule
from txregistry.registry.replication.work import Outcome, Work
from txregistry.storage.interfaces import Key, StorageUnavailable

MOST: Final = 1000
"""Jobs of a rule that are known by heart; more of them are only in the store."""
_PAGE: Final = 200
RESCAN: Final = 600.0
"""Seconds after which one looks for jobs of nodes that are no more, or up to half less
than that."""
GRACE: Final = 300.0
"""Seconds for which a job that another node noted is left to that node."""
_MISSING: Final = 60.0
"""Seconds after which one looks once more for what was not here."""


@dataclass(eq=False)
class _Known:
    """A job that is known by heart.

    Attributes:
        name: Of which repository.
        reference: Which tag, or which manifest.
        noted: When it was, in seconds since 1970.
        due: When it may be done.
        key: Where we noted it, the last time.
        failures: How often in a row it failed.
        missing: Whether something was not here the last time.
        again: Whether it was noted once more while it was in work.
        is_over: Whether it is done, and only looked at once more.
        work: What goes on with it.
    """

    name: RepositoryName
    reference: Reference
    noted: float
    due: float
    key: Key | None = None
    failures: int = 0
    missing: bool = False
    again: bool = False
    is_over: bool = False
    work: Deferred[None] | None = None

    def __str__(self) -> str:
        joint = "@" if isinstance(self.reference, Digest) else ":"
        return f"{self.name}{joint}{self.reference}"


class Line:
    """Have the jobs of one rule done, some at a time.

    When one fails, it waits, longer each time; and so do all, but for one now and then,
    until one is done again.

    Args:
        rule: The rule.
        jobs: Where they are kept.
        work: Does them.
        clock: What measures the time.
        parallel: How many at a time.
        chance: A number from 0 to 1, another each time.
        most: How many are known by heart.
    """

    _log = Logger()

    def __init__(
        self,
        rule: ReplicationRule,
        jobs: Jobs,
        work: Work,
        clock: IReactorTime,
        parallel: int,
        chance: Callable[[], float] = random.random,
        most: int = MOST,
    ) -> None:
        self.rule = rule
        self._downstream = rule.downstream.name
        self._jobs = jobs
        self._work = work
        self._clock = clock
        self._parallel = parallel
        self._chance = chance
        self._most = most
        self._known: dict[tuple[RepositoryName, Reference], _Known] = {}
        self._running = False
        self._timer: Any = None
        self._scanning: Deferred[None] | None = None
        self._scanned = ""
        self._next_scan = 0.0
        self._is_first = True
        self._left_out = False
        self._failures = 0
        self._until = 0.0
        self._fault: str | None = None
        self._is_loud = False

    def start(self, *, shared: bool = False) -> None:
        """Begin with what is in the store.

        Args:
            shared: Whether another process begins with that.
        """
        self._running = True
        self._is_first = not shared
        pause = self._shorten(RESCAN) if shared else 0.0
        self._next_scan = self._clock.seconds() + pause
        self._wake(pause)

    async def stop(self) -> None:
        """Break off; the jobs are there still."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        works = [each.work for each in self._known.values() if each.work is not None]
        if self._scanning is not None:
            works.append(self._scanning)
        for each in works:
            each.cancel()
        await DeferredList(works)

    def add(self, name: RepositoryName, reference: Reference, key: Key) -> Key | None:
        """Take in that a job was written.

        Args:
            name: Of which repository.
            reference: Which tag, or which manifest.
            key: Where it was written.

        Returns:
            Where an older one lies that may go, as this one stands for it.
        """
        now = self._clock.seconds()
        known = self._known.get((name, reference))
        if known is None:
            known = self._take(name, reference, now)
        elif known.work is not None:
            known.again = True
        else:
            known.due = min(known.due, now)
            known.is_over = False
        self._wake()
        if known is None:
            return None
        older, known.key = known.key, key
        return older

    def status(self) -> LineStatus:
        """Say how it is."""
        now = self._clock.seconds()
        waiting = [each for each in self._known.values() if not each.is_over]
        return LineStatus(
            rule=self.rule.name,
            downstream=self._downstream,
            waiting=len(waiting),
            more=self._left_out or self._is_first or bool(self._scanned),
            working=self._in_work,
            oldest=max((now - each.noted for each in waiting), default=None),
            fault=self._fault,
            is_loud=self._is_loud,
            pause=max(0.0, self._until - now),
        )

    @property
    def _in_work(self) -> int:
        return sum(each.work is not None for each in self._known.values())

    @property
    def _has_room(self) -> bool:
        return len(self._known) <= self._most // 2

    def _take(
        self, name: RepositoryName, reference: Reference, noted: float
    ) -> _Known | None:
        """Know a job by heart; None where that are too many."""
        if len(self._known) >= self._most:
            self._left_out = True
            return None
        known = _Known(name, reference, noted, self._clock.seconds())
        self._known[name, reference] = known
        return known

    def _forget(self, known: _Known) -> None:
        self._known.pop((known.name, known.reference), None)

    def _wake(self, pause: float = 0.0) -> None:
        """Look after some seconds what is due, if not before."""
        when = self._clock.seconds() + max(0.0, pause)
        if not self._running:
            return
        if self._timer is not None and self._timer.active():
            if self._timer.getTime() <= when:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(max(0.0, pause), self._turn)

    def _turn(self) -> None:
        now = self._clock.seconds()
        if self._scanning is None and self._has_room and now >= self._next_scan:
            self._scanning = self._go_on(self._scan())
        room = (1 if self._failures else self._parallel) - self._in_work
        idle = [each for each in self._known.values() if each.work is None]
        idle.sort(key=lambda each: each.due)
        while now >= self._until and room > 0 and idle and idle[0].due <= now:
            known = idle.pop(0)
            known.again = False
            known.work = self._go_on(self._do(known))
            room -= 1
        times = [] if self._scanning is not None else [self._next_scan]
        if not self._has_room:
            times.clear()  # when there is some, there was another turn
        if idle and room > 0:
            times.append(max(idle[0].due, self._until))
        if times:
            self._wake(min(times) - now)

    @staticmethod
    def _go_on(work: Any) -> Deferred[None] | None:
        """Begin some work; None if it has ended already."""
        begun: Deferred[None] = Deferred.fromCoroutine(work)
        _ = begun.addErrback(lambda failure: failure.trap(CancelledError) and None)
        return None if begun.called else begun

    async def _do(self, known: _Known) -> None:
        began = self._clock.seconds()
        try:
            outcome = await self._work.do(
                known.name, known.reference, gives_up=known.missing
            )
        except CancelledError:
            raise
        except NothingToCopy as reason:
            known.missing = True
            self._wait(known, str(reason), _MISSING)
        except UpstreamFault as fault:
            what = f"The registry {self._downstream} {fault.what}."
            self._fail(known, what, backoff_of(fault), wish_of(fault))
        except StorageUnavailable as fault:
            self._fail(known, f"Our own store is not there: {fault}", UNAVAILABLE)
        except Exception:  # noqa: BLE001 - whatever it is, the job has to be done
            self._log.failure("Failed while replicating {job}", job=str(known))
            self._fail(known, "That was a mistake of ours; see above.", WRONG)
        else:
            self._end(known, outcome, self._clock.seconds() - began)
        finally:
            known.work = None
            self._wake()

    def _end(self, known: _Known, outcome: Outcome, seconds: float) -> None:
        if outcome.digest is not None:
            self._failures, self._until = 0, 0.0
            self._fault, self._is_loud = None, False
        if not known.is_over:
            self._tell(known, outcome, seconds)
        known.failures, known.missing = 0, False
        if known.again:
            known.due = known.noted = self._clock.seconds()
        elif outcome.again is not None:
            known.due, known.is_over = outcome.again, outcome.is_over
        else:
            self._forget(known)
        for tag, key in outcome.following:
            self.add(known.name, tag, key)

    def _tell(self, known: _Known, outcome: Outcome, seconds: float) -> None:
        if outcome.digest is not None:
            self._log.info(
                "Replicated {job} ({digest}) to {downstream} in {seconds:.1f} s",
                job=str(known),
                digest=str(outcome.digest),
                downstream=self._downstream,
                seconds=seconds,
            )
        elif outcome.is_gone:
            self._log.info(
                "{job} is not replicated to {downstream}: there is no such tag any "
                "more",
                job=str(known),
                downstream=self._downstream,
            )
        elif outcome.missing:
            self._log.error(
                "{job} is not replicated to {downstream}, as it is not here, or not "
                "all of it: {reason}",
                job=str(known),
                downstream=self._downstream,
                reason=outcome.missing,
            )

    def _fail(
        self, known: _Known, reason: str, backoff: Backoff, wish: float = 0.0
    ) -> None:
        """Let a job wait, and for a while all the others."""
        known.failures += 1
        self._failures += 1
        pause = max(backoff.pause(known.failures, self._chance()), wish)
        rest = max(OF_ALL.pause(self._failures, self._chance()), wish)
        self._until = max(self._until, self._clock.seconds() + rest)
        self._fault, self._is_loud = reason, backoff.is_loud
        self._wait(known, reason, max(pause, rest), is_loud=backoff.is_loud)
        if self._left_out or self._scanned:
            self._left_out = True  # it is found again when others have had their turn
            self._forget(known)

    def _wait(
        self, known: _Known, reason: str, pause: float, *, is_loud: bool = False
    ) -> None:
        known.due, known.is_over = self._clock.seconds() + pause, False
        (self._log.error if is_loud else self._log.info)(
            "Replicating {job} to {downstream} waits, for {pause:.0f} s at least: "
            "{reason}",
            job=str(known),
            downstream=self._downstream,
            pause=pause,
            reason=reason,
        )

    async def _scan(self) -> None:
        """Look for jobs in the store, page by page, as long as there is room."""
        if not self._scanned:
            self._left_out = False
        try:
            more = True
            while more and len(self._known) < self._most:
                more = await self._scan_page()
            if not more:
                self._scanned, self._is_first = "", False
                pause = RESCAN / 2 if self._left_out else RESCAN
                self._next_scan = self._clock.seconds() + self._shorten(pause)
        except StorageUnavailable as fault:
            self._log.warn(
                "Jobs of replication to {downstream} cannot be looked for: {reason}",
                downstream=self._downstream,
                reason=str(fault),
            )
            self._next_scan = self._clock.seconds() + self._shorten(RESCAN / 10)
        finally:
            self._scanning = None
            self._wake()

    async def _scan_page(self) -> bool:
        limit = min(_PAGE, self._most - len(self._known))
        page = await self._jobs.page(self._scanned, limit)
        latest = self._clock.seconds() - (0.0 if self._is_first else GRACE)
        for each in page.jobs:
            place = (each.job.repository, each.job.reference)
            if place not in self._known and each.noted <= latest:
                self._take(*place, each.noted)
        self._scanned = page.last
        return page.more

    def _shorten(self, pause: float) -> float:
        return pause * (0.5 + self._chance() / 2)
