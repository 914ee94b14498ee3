"""A crowd of hosts that all pull one image at once, through mirrors: a simulation.

Bytes are a fluid, shared as in `fluid`. What happens in between is exact: the layers of
a host come some at a time; a mirror's process fetches a layer when it is first asked
for it, whatever other processes do; who wants it meanwhile gets it as it comes, and no
faster; who asks later gets the file.

Hosts that begin at about the same time at the same mirror are taken together, and a
mirror's processes each serve as many: the kernel deals connections out among them.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.capacity.costs import Costs
from tests.benchmarks.capacity.fluid import Flow, share
from tests.benchmarks.capacity.node import CONNECTIONS, PAYLOAD, QUESTIONS, Node

#: What of a layer may be missing where it counts as complete, in parts of it.
_NOTHING = 1e-9
#: A mirror's links: what it sends, what it receives, its processors, its disk.
_LINKS = ("mirrors' network", "mirrors' fetching", "processors", "disk")


@dataclass(frozen=True)
class Crowd:
    """Who pulls what, and through what.

    Args:
        hosts: How many pull.
        layers: The bytes of each layer, in order.
        network: Bits a second that a host takes.
        keeps: Bytes a second that a host writes to its disk.
        parallel: Layers that a host pulls at a time.
        spread: Seconds within which all begin.
        origin: Bits a second that the origin gives, to all together.
        connection: Bytes a second that one connection to the origin gives.
        mirrors: How many mirrors there are; 0 where all go to the origin.
        mirror: What each of them is.
        parent: Another mirror from which these fetch, where there is one.
        tls: Whether hosts speak TLS.
        warm: Whether mirrors have the image before.
        chance: Whether each host goes to some mirror; else they are dealt out.
        slots: Into how many parts of the spread hosts are sorted.
        seed: What chance begins with.
    """

    hosts: int
    layers: tuple[int, ...]
    network: float
    mirror: Node
    mirrors: int
    origin: float
    parent: Node | None = None
    keeps: float = math.inf
    parallel: int = 3
    spread: float = 5.0
    connection: float = math.inf
    tls: bool = True
    warm: bool = False
    chance: bool = True
    slots: int = 8
    seed: int = 1

    @property
    def size(self) -> int:
        """The bytes of the image."""
        return sum(self.layers)


@dataclass(frozen=True)
class Outcome:
    """How it went.

    Args:
        done: When each host had all, in seconds from the beginning, in order.
        fetched: Bytes that the origin gave.
        given: Bytes that hosts got.
        busy: Of each kind of link, which part of the most used one was in use, on the
            average until the last host was done.
        peak: Which part of a link was in use at most, anywhere: never more than all.
    """

    done: tuple[float, ...]
    fetched: float
    given: float
    busy: dict[str, float]
    peak: float

    def after(self, part: float) -> float:
        """Return when a part of the hosts was done."""
        return self.done[max(0, math.ceil(part * len(self.done)) - 1)]

    @property
    def bottleneck(self) -> str:
        """What was used most."""
        return max(self.busy, key=self.busy.__getitem__)


@dataclass(eq=False)
class _Cohort:
    """Hosts that do the same at the same time."""

    count: int
    start: float
    mirror: int
    link: int
    waiting: list[int] = field(default_factory=list)
    running: int = 0
    done: float = math.inf


@dataclass(eq=False)
class _Filling:
    """A layer that each of a mirror's processes fetches."""

    mirror: int
    size: float
    filling: "_Filling | None" = None
    arrived: float = 0.0
    rate: float = 0.0

    @property
    def over(self) -> bool:
        """Whether it is there."""
        return self.arrived >= self.size * (1 - _NOTHING)


@dataclass(eq=False)
class _Pull:
    """A layer on its way to the hosts of a cohort; or what they say first."""

    cohort: _Cohort
    size: float
    filling: _Filling | None = None
    layer: int | None = None
    arrived: float = 0.0
    rate: float = 0.0

    @property
    def over(self) -> bool:
        """Whether it is there."""
        return self.arrived >= self.size * (1 - _NOTHING)


_Moving = _Filling | _Pull


def _leader(moving: _Moving) -> _Filling | None:
    """Return what is no further: there is nothing to be had but what just comes."""
    filling = moving.filling
    if filling is None or filling.over:
        return None
    behind = filling.arrived - moving.arrived
    return filling if behind <= moving.size * _NOTHING else None


def simulate(crowd: Crowd, costs: Costs) -> Outcome:
    """Let them pull.

    Args:
        crowd: Who pulls what.
        costs: What it costs the mirrors.
    """
    return _Simulation(crowd, costs).run()


class _Simulation:
    def __init__(self, crowd: Crowd, costs: Costs) -> None:
        self._crowd = crowd
        if crowd.tls:
            self._following, self._pulling = costs.tls_follow, costs.tls_pull
            connecting = costs.connect
        else:
            self._following, self._pulling = costs.follow, costs.pull
            connecting = 0.0
        self._fill = costs.fill / 1e9
        self._hello = (connecting * CONNECTIONS + costs.manifest * QUESTIONS) / 1000
        self._capacities = [crowd.origin / 8 * PAYLOAD]
        self._kinds = ["origin"]
        nodes = [crowd.mirror] * crowd.mirrors
        # The last one is the parent, if there is one.
        for node in [*nodes, crowd.parent] if crowd.parent else nodes:
            self._capacities += [node.payload, node.payload, node.processors, node.disk]
            self._kinds += _LINKS
        # What the kernel cannot keep of the image is read again for each host.
        self._missing = max(0.0, 1 - crowd.mirror.cache(costs) / crowd.size)
        self._cohorts = list(self._make_cohorts())
        self._fillings: dict[tuple[int, int], _Filling] = {}
        self._pulls: list[_Pull] = []
        self._used = [0.0] * len(self._capacities)
        self._peak = self._fetched = self._given = 0.0

    def run(self) -> Outcome:
        """Go from event to event until all are done."""
        now, coming = 0.0, sorted(self._cohorts, key=lambda each: -each.start)
        while coming or self._pulls:
            while coming and coming[-1].start <= now:
                self._begin(coming.pop())
            moving = self._moving()
            flows = self._flows(moving)
            for each, rate in zip(moving, share(self._capacities, flows), strict=True):
                each.rate = rate
            step = coming[-1].start - now if coming else math.inf
            step = self._step(moving, step)
            self._pass(step, moving, flows)
            now += step
            self._finish(now)
        hosts = [each.done for each in self._cohorts for _ in range(each.count)]
        busy: dict[str, float] = {}
        for link, kind in enumerate(self._kinds):
            part = self._used[link] / (self._capacities[link] * now)
            busy[kind] = max(part, busy.get(kind, 0.0))
        return Outcome(
            tuple(sorted(hosts)), self._fetched, self._given, busy, self._peak
        )

    def _make_cohorts(self) -> Iterator[_Cohort]:
        crowd = self._crowd
        chance = random.Random(crowd.seed)  # noqa: S311 - no secret
        counts: dict[tuple[int, int], int] = {}
        mirrors = max(1, crowd.mirrors)
        for number in range(crowd.hosts):
            chosen = chance.randrange(mirrors)
            mirror = chosen if crowd.chance else number % mirrors
            place = (mirror, chance.randrange(crowd.slots))
            counts[place] = counts.get(place, 0) + 1
        rate = min(crowd.network / 8 * PAYLOAD, crowd.keeps)
        for (mirror, slot), count in sorted(counts.items()):
            start = crowd.spread * slot / crowd.slots
            yield _Cohort(count, start, mirror, len(self._capacities))
            self._capacities.append(rate)
            self._kinds.append("hosts")

    def _begin(self, cohort: _Cohort) -> None:
        cohort.waiting = list(range(len(self._crowd.layers)))
        if self._crowd.mirrors and self._hello and self._following:
            # As bytes of a layer, so that it has a fair share of the processors.
            size = self._hello / self._following * 1e9
            cohort.running += 1
            self._pulls.append(_Pull(cohort, size))
        else:
            self._next(cohort)

    def _next(self, cohort: _Cohort) -> None:
        crowd = self._crowd
        while cohort.waiting and cohort.running < crowd.parallel:
            layer = cohort.waiting.pop(0)
            size = float(crowd.layers[layer])
            filling = None
            if crowd.mirrors and not crowd.warm:
                filling = self._fill_in(cohort.mirror, layer, size)
            cohort.running += 1
            self._pulls.append(_Pull(cohort, size, filling, layer))

    def _fill_in(self, mirror: int, layer: int, size: float) -> _Filling | None:
        """Return the filling of a layer, which may begin now; None if it is over."""
        place, parent = (mirror, layer), self._crowd.mirrors
        if place not in self._fillings:
            source = None
            if self._crowd.parent and mirror != parent:
                source = self._fill_in(parent, layer, size)
            self._fillings[place] = _Filling(mirror, size, source)
        found = self._fillings[place]
        return None if found.over else found

    def _moving(self) -> list[_Moving]:
        """Give all that moves; what others follow is before them."""
        fillings = [each for each in self._fillings.values() if not each.over]
        fillings.sort(key=lambda each: each.filling is not None)
        return [*fillings, *self._pulls]

    def _flows(self, moving: Sequence[_Moving]) -> list[Flow]:
        places = {id(each): place for place, each in enumerate(moving)}
        flows = []
        for each in moving:
            leader = _leader(each)
            place = None if leader is None else places[id(leader)]
            if isinstance(each, _Filling):
                limit = 1 / self._fill if self._fill else math.inf
                uses = self._filled(each)
                if 0 in uses:
                    limit = min(limit, self._crowd.connection)
                flows.append(Flow(uses, limit, place))
            elif self._crowd.mirrors:
                flows.append(Flow(self._pulled(each), leader=place))
            else:
                count = float(each.cohort.count)
                uses = {each.cohort.link: 1.0, 0: count}
                flows.append(Flow(uses, self._crowd.connection))
        return flows

    def _filled(self, filling: _Filling) -> dict[int, float]:
        """Return what a filling takes, of both of its ends."""
        crowd, parent = self._crowd, self._crowd.mirrors
        from_parent = crowd.parent is not None and filling.mirror != parent
        node = crowd.mirror
        if crowd.parent is not None and filling.mirror == parent:
            node = crowd.parent
        copies = float(node.processes)
        _, coming, processors, disk = self._links(filling.mirror)
        uses = {coming: copies, processors: copies * self._fill, disk: copies}
        if not from_parent:
            return {**uses, 0: copies}
        network, _, processors, _ = self._links(parent)
        cost = self._pulling if filling.filling is None else self._following
        return {**uses, network: copies, processors: copies * cost / 1e9}

    def _pulled(self, pull: _Pull) -> dict[int, float]:
        """Return what a pull takes of hosts and of their mirror."""
        network, _, processors, disk = self._links(pull.cohort.mirror)
        count = pull.cohort.count
        if pull.layer is None:
            return {processors: count * self._following / 1e9}
        cost = self._pulling if pull.filling is None else self._following
        uses = {pull.cohort.link: 1.0, network: float(count)}
        uses[processors] = count * cost / 1e9
        if self._missing and _leader(pull) is None:
            uses[disk] = count * self._missing
        return uses

    def _links(self, mirror: int) -> range:
        first = 1 + mirror * len(_LINKS)
        return range(first, first + len(_LINKS))

    def _step(self, moving: Sequence[_Moving], step: float) -> float:
        """Return the seconds until something changes."""
        for each in moving:
            step = min(step, (each.size - each.arrived) / each.rate)
            filling = each.filling
            if filling is None or filling.over or _leader(each):
                continue
            if each.rate > filling.rate:
                behind = filling.arrived - each.arrived
                step = min(step, behind / (each.rate - filling.rate))
        return step

    def _pass(
        self, step: float, moving: Sequence[_Moving], flows: Sequence[Flow]
    ) -> None:
        used = [0.0] * len(self._capacities)
        for each, flow in zip(moving, flows, strict=True):
            for link, use in flow.uses.items():
                used[link] += use * each.rate
            each.arrived = min(each.size, each.arrived + each.rate * step)
            if isinstance(each, _Pull) and each.layer is not None:
                self._given += each.cohort.count * each.rate * step
        self._fetched += used[0] * step
        for link, rate in enumerate(used):
            self._used[link] += rate * step
            self._peak = max(self._peak, rate / self._capacities[link])

    def _finish(self, now: float) -> None:
        ended = [each for each in self._pulls if each.over]
        self._pulls = [each for each in self._pulls if not each.over]
        for pull in ended:
            pull.cohort.running -= 1
        for pull in ended:
            self._next(pull.cohort)
            if not pull.cohort.running:
                pull.cohort.done = now
