"""Images of other registries that are fetched time and again, before anybody asks."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txregistry.auth.patterns import Patterns
from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.catalog import Catalog
from txregistry.registry.mirror.platforms import Platforms
from txregistry.registry.mirror.rules import MirrorRule, MirrorRules
from txregistry.registry.mirror.turns import PlanTurns, Turn
from txregistry.registry.mirror.warming import Warming
from txregistry.registry.mirror.warmreport import WarmReport
from txregistry.registry.mirror.wishes import Wish
from txregistry.registry.tagpatterns import TagPatterns
from txregistry.storage.interfaces import IObjectStore, StorageUnavailable
from txregistry.tasks import Turns, detach

_SOON: Final = 600.0
"""Seconds within which a turn is made up for."""
_PAGE: Final = 1000
_MOST_REPOSITORIES: Final = 10_000
"""Of one plan."""
_TOLD: Final = 5
"""Faults that are logged of one turn."""
_AFTER_SLASH: Final = chr(ord("/") + 1)


class Plan:
    """What is fetched time and again.

    Args:
        rule: Whose repositories are meant.
        repositories: Their names there, as ``library/alpine``; and patterns, as of
            `txregistry.auth.patterns`, which mean those of which something is here.
        tags: Patterns of tags, as of `txregistry.registry.tagpatterns`.
        platforms: Which members of indexes, as ``linux/amd64``; all, if empty.
        every: Seconds from one turn to the next.

    Raises:
        ValueError: one of them cannot be used; it says why.
    """

    def __init__(
        self,
        rule: MirrorRule,
        repositories: Sequence[str],
        tags: Sequence[str],
        platforms: Sequence[str],
        every: float,
    ) -> None:
        if not repositories or not tags:
            raise ValueError("It must say which repositories and which tags.")
        if every <= 0:
            raise ValueError("Turns must be some time apart.")
        self.rule = rule
        self.every = float(every)
        self.tags = TagPatterns(tags)
        self.platforms = Platforms(platforms)
        self.patterns = Patterns(each for each in repositories if "*" in each)
        self.names = [_local(rule, each) for each in repositories if "*" not in each]
        self.words = (rule.upstream.name, repositories, tags, platforms, self.every)

    async def wishes(self, rules: MirrorRules, catalog: Catalog) -> list[Wish]:
        """Say what is to be fetched now.

        Args:
            rules: Which repositories are mirrored.
            catalog: Those of which something is here.
        """
        wishes: dict[RepositoryName, Wish] = {}
        for name in self.names:
            wishes[name] = self._wish(name)
        if self.patterns.texts:
            async for name in self._matching(catalog):
                wishes.setdefault(name, self._wish(name, maybe=True))
                if len(wishes) > _MOST_REPOSITORIES:
                    break
        return [each for each in wishes.values() if rules.find(each.name) is self.rule]

    def _wish(self, name: RepositoryName, *, maybe: bool = False) -> Wish:
        text = f"{name}:{','.join(self.tags.texts)}"
        return Wish(text, name, self.tags, maybe)

    async def _matching(self, catalog: Catalog) -> AsyncIterator[RepositoryName]:
        prefix = self.rule.prefix
        after, more = prefix.removesuffix("/"), True
        while more:
            page = await catalog.page(after, _PAGE)
            for name in page.names:
                after = name.text
                if prefix and after > prefix[:-1] + _AFTER_SLASH:
                    return
                if not after.startswith(prefix):
                    continue
                if self.patterns.match(RepositoryName(self.rule.remote_name(name))):
                    yield name
            more = page.more


class MirrorSchedule:
    """Fetch what some plans say, while it runs; one after the other.

    No other registry is contacted at the start: the first turn of a plan is a part of
    its time later, which chance decides, or when the time has passed since the last
    turn that this or another node over the same store has had.

    Args:
        plans: The plans.
        rules: Which repositories are mirrored.
        catalog: Those of which something is here.
        store: Where it is remembered who had which turn.
        warming: Makes what fetches images ahead, given the platforms.
        clock: Measures the time.
        chance: A number from 0 to 1, another each time.
    """

    _log = Logger()

    def __init__(
        self,
        plans: Sequence[Plan],
        rules: MirrorRules,
        catalog: Catalog,
        store: IObjectStore,
        warming: Callable[[Platforms], Warming],
        clock: IReactorTime,
        chance: Callable[[], float],
    ) -> None:
        self._plans = plans
        self._rules = rules
        self._catalog = catalog
        self._store = store
        self._warming = warming
        self._clock = clock
        self._chance = chance
        self._turns = Turns()
        self._stopped = True
        self._running: list[Deferred[None]] = []

    def start(self) -> None:
        """Begin to wait for the first turns."""
        self._stopped = False
        self._running = [
            detach(self._repeat(plan), self._log, "waiting for a turn of mirroring")
            for plan in self._plans
        ]

    def stop(self) -> None:
        """Break off what is fetched, and wait for no more turns."""
        self._stopped = True
        running, self._running = self._running, []
        for each in running:
            each.cancel()

    def reload(self) -> Deferred[None]:
        """Do nothing: no file says what it does."""
        return succeed(None)

    async def _repeat(self, plan: Plan) -> None:
        turns = PlanTurns(self._store, plan.words)
        pause = await self._first_pause(plan, turns)
        while not self._stopped:
            await deferLater(self._clock, pause)
            async with self._turns.on("a turn"):
                pause = await self._next(plan, turns)

    async def _first_pause(self, plan: Plan, turns: PlanTurns) -> float:
        """Say in how many seconds the first turn is due."""
        try:
            last = await turns.last()
        except StorageUnavailable:
            last = None  # it is asked again before the turn
        if last is None:
            return self._chance() * plan.every
        left = self._left(plan, last)
        return left or self._chance() * min(plan.every, _SOON)

    async def _next(self, plan: Plan, turns: PlanTurns) -> float:
        """Take a turn, if it is due and nobody else has taken it.

        Returns:
            Seconds until one may be due again.
        """
        try:
            last = await turns.last()
            if last is not None and (left := self._left(plan, last)):
                return left
            began = self._clock.seconds()
            if not await turns.take(last, began):
                return plan.every
        except StorageUnavailable as fault:
            self._log.warn(
                "It cannot be told whose turn it is to fetch from {upstream}: {fault}",
                upstream=plan.rule.upstream.name,
                fault=str(fault),
            )
            return min(plan.every, _SOON)
        await detach(self._fetch(plan), self._log, "fetching ahead")
        return max(began + plan.every - self._clock.seconds(), 0.0)

    def _left(self, plan: Plan, last: Turn) -> float:
        """Say how many seconds are left until a turn is due.

        Clocks of nodes differ a little; a time that is long to come is none.
        """
        left = last.at + plan.every - self._clock.seconds()
        return left if 0 < left <= 2 * plan.every else 0.0

    async def _fetch(self, plan: Plan) -> None:
        """Fetch what there is to fetch, and tell what became of it."""
        warming = self._warming(plan.platforms)
        fault = ""
        try:
            wishes = await plan.wishes(self._rules, self._catalog)
            if len(wishes) > _MOST_REPOSITORIES:
                fault = f"; the first {_MOST_REPOSITORIES} repositories alone are meant"
            await warming.run(wishes[:_MOST_REPOSITORIES])
        except StorageUnavailable as unavailable:
            fault += f"; it was broken off: {unavailable}"
        report = warming.report
        told = fault + _describe(report)
        (self._log.warn if told else self._log.info)(
            "Fetched ahead from {upstream}: {blobs} blobs, {bytes} bytes; {images} "
            "images are here, {failed} are not{faults}",
            upstream=plan.rule.upstream.name,
            blobs=report.blobs,
            bytes=report.bytes,
            images=report.images,
            failed=report.failed,
            faults=told,
        )


def _describe(report: WarmReport) -> str:
    """Say what could not be had, for a log."""
    return "".join(f"; {each.image}: {each.reason}" for each in report.faults[:_TOLD])


def _local(rule: MirrorRule, text: str) -> RepositoryName:
    try:
        return rule.local_name(RepositoryName.parse(text))
    except NameInvalid as error:
        raise ValueError(f"{text!r} is no name of a repository.") from error
