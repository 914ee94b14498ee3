"""When another registry is asked for what may be old, and what counts meanwhile."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.client.upstreams.interfaces import UpstreamFault
from txregistry.model.names import Reference, RepositoryName
from txregistry.registry.mirror.failures import OFFLINE, failure_of
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.tasks import Flights

T = TypeVar("T")

_REMEMBERED: Final = 50_000


class NotThere(Exception):
    """It is not here, and the other registry did not have it a moment ago either."""


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """What came of asking.

    Attributes:
        found: What the other registry has; None where what is here has to do.
        age: Seconds since it was asked; None where it never was.
        fault: Why it could not be asked now, in a sentence; empty where it could, or
            there was no need to.
    """

    found: T | None
    age: float | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """When the other registry said something, and whether it had something."""

    at: float
    present: bool


class Rechecking:
    """Ask now and then, all who want the same at once, and nobody for long.

    Args:
        clock: Tells the time.
        offline: Whether no other registry is asked, whatever is missing.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, *, offline: bool) -> None:
        self._clock = clock
        self._offline = offline
        self._seen: OrderedDict[tuple[RepositoryName, Reference], _Seen] = OrderedDict()
        self._flights = Flights()

    def note(
        self, name: RepositoryName, reference: Reference, *, present: bool
    ) -> None:
        """Note what the other registry has said just now."""
        self._seen[name, reference] = _Seen(self._clock.seconds(), present)
        self._seen.move_to_end((name, reference))
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    async def check(
        self,
        rule: MirrorRule,
        name: RepositoryName,
        reference: Reference,
        ask: Callable[[], Coroutine[Any, Any, T]],
        *,
        here: bool,
    ) -> Checked[T]:
        """Ask, if it is time to.

        Args:
            rule: The rule of the repository.
            name: The repository.
            reference: What is wanted.
            ask: Asks, and notes what was said.
            here: Whether there is something here that can be given instead.

        Raises:
            NotThere: there is nothing here, and nobody is asked.
            UpstreamSilent: there is nothing here, and it does not answer.
            UpstreamInvalid: likewise, or what it answers cannot be used.
            Exception: whatever asking raises besides.
        """
        age = self._age(name, reference)
        if self._offline:
            if not here:
                raise NotThere
            return Checked(None, age, OFFLINE)
        if age is not None:
            present = self._seen[name, reference].present
            if not present and age < rule.absent:
                raise NotThere
            if here and age < rule.recheck:
                return Checked(None, age)
        asking: Deferred[T | None] = Deferred.fromCoroutine(
            self._flights.join((name, reference), ask)
        )
        if here:
            # Who could have what is here does not wait for long; the asking goes on.
            _ = asking.addTimeout(rule.patience, self._clock, lambda *_: None)
        try:
            found = await asking
        except UpstreamFault as fault:
            self._log.warn(
                "The mirror wanted {reference} of {name}: {reason}",
                name=str(name),
                reference=str(reference),
                reason=fault.reason,
            )
            if not here:
                raise failure_of(fault) from fault
            return Checked(None, self._age(name, reference), fault.reason)
        if found is None:
            late = "It takes too long to answer."
            return Checked(None, self._age(name, reference), late)
        return Checked(found, 0.0)

    def _age(self, name: RepositoryName, reference: Reference) -> float | None:
        seen = self._seen.get((name, reference))
        return None if seen is None else self._clock.seconds() - seen.at
