"""Who holds what, as far as that is known here, and what there is room for."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from twisted.logger import Logger

from txregistry.model.errors import Denied
from txregistry.model.names import RepositoryName
from txregistry.model.sizes import spell_size
from txregistry.registry.quotas.counts import Usage
from txregistry.registry.quotas.figures import Figures
from txregistry.registry.quotas.rules import Quota, QuotaRules
from txregistry.registry.quotas.things import Thing

_ADVICE: Final = {
    "bytes": "Delete what nobody needs and wait until it was collected",
    "tags": "Delete tags that nobody needs",
}
_KNOWN: Final = 50_000
"""Things of which it is remembered that they are there."""


@dataclass(slots=True)
class Known:
    """Something that the repositories of a quota have, or are about to get.

    Attributes:
        usage: What it takes, beside what was counted.
        waiting: How many are about to write it.
        kept: Whether it is there.
    """

    usage: Usage
    waiting: int = 0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class _Excess:
    """What there would be too much of.

    Attributes:
        unit: What is counted.
        used: How much there is.
        allowed: How much there may be.
        wanted: How much more is wanted.
    """

    unit: str
    used: int
    allowed: int
    wanted: int

    def __str__(self) -> str:
        used, allowed, wanted = self.used, self.allowed, self.wanted
        if self.unit == "tags":
            return f"{used} of {allowed} tags, and this takes {wanted}"
        return (
            f"{spell_size(used)} of {spell_size(allowed)}, and this takes "
            f"{spell_size(wanted)}"
        )


class Ledger:
    """The quotas' accounts. Nothing here waits.

    Args:
        rules: Who may hold how much.
        figures: Says how much is used.
    """

    _log = Logger()

    def __init__(self, rules: QuotaRules, figures: Figures) -> None:
        self._rules = rules
        self._figures = figures
        self._known: OrderedDict[tuple[int, str], Known] = OrderedDict()
        self._pending: dict[int, Usage] = {}
        self._largest: dict[int, int] = {}

    def quota(self, place: int) -> Quota:
        """Give a quota by its place."""
        return self._rules.quotas[place]

    def used(self, place: int) -> Usage:
        """Say how much of a quota is used, or will be in a moment."""
        found = self._figures.used(self.quota(place).called)
        return found.plus(self._pending.get(place, Usage()))

    def left(self, place: int) -> int | None:
        """Say how many bytes a quota has room for; None for any number."""
        size = self.quota(place).size
        return None if size is None else max(size - self.used(place).bytes, 0)

    def plausible(self, place: int) -> int | None:
        """Say how many bytes may come of which nobody knows what they will be.

        Returns:
            The size of the largest blob that a quota has, or what it has room for; None
            for any number.
        """
        left = self.left(place)
        largest = self._figures.count.largest.get(self.quota(place).called, 0)
        return None if left is None else max(left, largest, self._largest.get(place, 0))

    def is_new(self, place: int, thing: Thing) -> bool:
        """Say whether nothing is known of something."""
        return (place, thing.name) not in self._known

    def needed(self, place: int, things: Iterable[Thing]) -> Usage:
        """Say how much some things take that a quota does not have yet."""
        needed = Usage()
        for thing in {each.name: each for each in things}.values():
            if self.is_new(place, thing):
                needed = needed.plus(thing.usage)
        return needed

    def fits(self, place: int, needed: Usage) -> bool:
        """Say whether a quota has room for something."""
        return self._excess(place, needed) is None

    def check(self, name: RepositoryName, place: int, needed: Usage) -> None:
        """Refuse what a quota has no room for.

        Args:
            name: Who wants it.
            place: The quota.
            needed: How much it is.

        Raises:
            Denied: there is no room for it.
        """
        excess = self._excess(place, needed)
        if excess is None:
            return
        called = self.quota(place).called
        self._log.info(
            "Refused for the quota of {quota}: {name} wants {wanted} {unit} more, "
            "{used} of {allowed} are used",
            quota=called,
            name=str(name),
            wanted=excess.wanted,
            unit=excess.unit,
            used=excess.used,
            allowed=excess.allowed,
        )
        raise Denied(
            f"The quota of {called} has no room for this: its repositories use "
            f"{excess} more. {_ADVICE[excess.unit]}, or ask whoever runs the registry "
            "for more.",
            {
                "quota": called,
                "unit": excess.unit,
                "used": excess.used,
                "allowed": excess.allowed,
                "wanted": excess.wanted,
            },
        )

    def find(self, place: int, thing: Thing) -> None:
        """Note that something is there that was counted, as far as that is known."""
        if self.is_new(place, thing):
            self._remember(place, thing, Known(Usage(), kept=True))

    def take(self, places: Sequence[int], things: Sequence[Thing]) -> list[Known]:
        """Count what is about to be written; it is given back by `give_back`."""
        return [self._take(place, each) for place in places for each in things]

    def give_back(
        self, places: Sequence[int], things: Sequence[Thing], taken: Sequence[Known]
    ) -> None:
        """Stop to wait for what was about to be written, and count what was."""
        pairs = [(place, each) for place in places for each in things]
        for (place, thing), known in zip(pairs, taken, strict=True):
            known.waiting -= 1
            if not known.kept and not known.waiting:
                self._pend(place, known.usage, -1)
                self._known.pop((place, thing.name), None)

    def keep(self, places: Iterable[int], thing: Thing) -> None:
        """Note that something was written."""
        for place in places:
            known = self._known.get((place, thing.name))
            if known is None:
                known = self._remember(place, thing, Known(thing.usage))
            elif known.kept:
                continue
            else:
                self._pend(place, known.usage, -1)
            known.kept = True
            largest = max(self._largest.get(place, 0), known.usage.bytes)
            self._largest[place] = largest
            self._figures.add(self.quota(place).called, known.usage)

    def lose(self, places: Iterable[int], thing: Thing) -> None:
        """Note that something is gone."""
        gone = Usage(-thing.usage.bytes, -thing.usage.tags)
        for place in places:
            known = self._known.get((place, thing.name))
            if known is not None and not known.waiting:
                del self._known[place, thing.name]
            self._figures.add(self.quota(place).called, gone)

    def recount(self) -> None:
        """Forget what is known: there is another count, in which it is."""
        for each in [each for each, known in self._known.items() if not known.waiting]:
            del self._known[each]

    def _excess(self, place: int, needed: Usage) -> _Excess | None:
        quota, used = self.quota(place), self.used(place)
        for unit, limit, there, more in (
            ("bytes", quota.size, used.bytes, needed.bytes),
            ("tags", quota.tags, used.tags, needed.tags),
        ):
            if more > 0 and limit is not None and there + more > limit:
                return _Excess(unit, there, limit, more)
        return None

    def _take(self, place: int, thing: Thing) -> Known:
        known = self._known.get((place, thing.name))
        if known is None:
            known = self._remember(place, thing, Known(thing.usage))
            self._pend(place, known.usage, 1)
        known.waiting += 1
        return known

    def _pend(self, place: int, usage: Usage, sign: int) -> None:
        change = Usage(sign * usage.bytes, sign * usage.tags)
        self._pending[place] = self._pending.get(place, Usage()).plus(change)

    def _remember(self, place: int, thing: Thing, known: Known) -> Known:
        self._known[place, thing.name] = known
        excess = len(self._known) - _KNOWN
        for each in [*islice(self._known, max(excess, 0))]:
            if not self._known[each].waiting:
                del self._known[each]
        return known
