"""Leaving an upstream alone that fails, and one that says that we ask too much."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from txregistry.client.upstreams.faults import Failed, Throttled
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.limits import Limits

_ASKERS: Final = 1024
"""Those on whose behalf too much was asked, who are remembered."""
_REPOSITORIES: Final = 1024
"""Repositories that are remembered for what could not be answered about them."""


class Breaker:
    """Ask no more when that failed several times in a row, but for a try now and then.

    A failure that is narrow counts once for each repository until there is an answer to
    anything: who asks again and again for what has none keeps nobody else from asking.
    At a try it keeps only that repository waiting.

    Args:
        name: What the upstream is called.
        clock: What measures the time.
        limits: How many failures, and for how long.
        chance: A number from 0 to 1, another each time: several registries shall not
            try at the same moment.

    Attributes:
        is_open: Whether nothing is asked at present.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        limits: Limits,
        chance: Callable[[], float],
    ) -> None:
        self.is_open = False
        self._name = name
        self._clock = clock
        self._limits = limits
        self._chance = chance
        self._failures = 0
        self._pause = limits.alone
        self._until = 0.0
        self._trying = False
        self._stumbled: OrderedDict[str, float] = OrderedDict()

    @contextmanager
    def trial(self, about: str) -> Iterator[None]:
        """Ask within the block, and take in what comes of it.

        Args:
            about: The repository that it is about.

        Raises:
            UpstreamUnavailable: it is none of the moments to try.
        """
        probing = self.is_open
        if probing:
            self._begin(about)
        try:
            yield
        except Failed as fault:
            if fault.narrow:
                self._stumble(about, probing=probing)
            else:
                self._fail(probing=probing)
            if self.is_open and fault.retry_after is None:
                fault.retry_after = self._left(about) or None
            raise
        except (CancelledError, UpstreamUnavailable):
            raise  # that was us, not the upstream
        except Exception:
            self._succeed()  # whatever it was, there was an answer
            raise
        else:
            self._succeed()
        finally:
            if probing:
                self._trying = False

    def _begin(self, about: str) -> None:
        left = self._left(about)
        if left > 0 or self._trying:
            raise UpstreamUnavailable(
                self._name,
                "is left alone for a while, as it failed several times",
                max(left, self._limits.alone if self._trying else 0.0),
            )
        self._trying = True

    def _left(self, about: str) -> float:
        """Give the seconds for which nothing is asked about a repository."""
        until = max(self._until, self._stumbled.get(about, 0.0))
        return max(0.0, until - self._clock.seconds())

    def _fail(self, *, probing: bool) -> None:
        self._failures += 1
        if probing:
            self._pause = min(2 * self._pause, self._limits.longest_alone)
        elif self.is_open or self._failures < self._limits.failures:
            return  # what was begun before tells nothing new
        else:
            self.is_open = True
            self._pause = self._limits.alone
            self._log.warn("The upstream {upstream} is left alone", upstream=self._name)
        self._until = self._later()

    def _stumble(self, about: str, *, probing: bool) -> None:
        known = about in self._stumbled
        until = self._later() if probing else self._stumbled.get(about, 0.0)
        self._stumbled[about] = until
        self._stumbled.move_to_end(about)
        if len(self._stumbled) > _REPOSITORIES:
            self._stumbled.popitem(last=False)
        if not known and not probing:
            self._fail(probing=False)

    def _later(self) -> float:
        """Give the end of a pause that begins now."""
        return self._clock.seconds() + self._pause * (1.0 + self._chance() / 2)

    def _succeed(self) -> None:
        if self.is_open:
            self._log.info("The upstream {upstream} answers again", upstream=self._name)
        self.is_open = False
        self._failures = 0
        self._stumbled.clear()


class Throttle:
    """Ask no more on somebody's behalf until the upstream wants us to.

    Args:
        name: What the upstream is called.
        clock: What measures the time.
        limits: For how long it may have us wait.
    """

    def __init__(self, name: str, clock: IReactorTime, limits: Limits) -> None:
        self._name = name
        self._clock = clock
        self._limits = limits
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def check(self, asker: bytes) -> None:
        """See that something may be asked.

        Args:
            asker: On whose behalf.

        Raises:
            Throttled: it may not.
        """
        left = self._until.get(asker, 0.0) - self._clock.seconds()
        if left > 0:
            raise self._fault(left)
        self._until.pop(asker, None)

    def close(self, asker: bytes, seconds: float | None) -> Throttled:
        """Take in that too much was asked.

        Args:
            asker: On whose behalf.
            seconds: For how long nothing should be; None where nobody said.

        Returns:
            What to raise.
        """
        wanted = self._limits.throttled if seconds is None else seconds
        pause = min(wanted, self._limits.longest_throttled)
        self._until[asker] = self._clock.seconds() + pause
        self._until.move_to_end(asker)
        if len(self._until) > _ASKERS:
            self._until.popitem(last=False)
        return self._fault(pause)

    def _fault(self, left: float) -> Throttled:
        return Throttled(self._name, "lets us ask no more at present", left)
