"""Works that are broken off where time passes as fast as it can."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.registry.breaking import contract
from tests.registry.breaking.works import WORKS

Choose = Callable[[int], range]
"""Says before which of so many writes something is broken off."""


def every(count: int) -> range:
    """Choose all writes, and one that does not come."""
    return range(1, count + 2)


class SteppingCase(contract.BreakingContract, SynchronousTestCase):
    """Let time pass as fast as it can."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)

    def go_on(self, work: Coroutine[Any, Any, Any]) -> Any:
        """See `BreakingContract`."""
        done = Deferred.fromCoroutine(work)
        for _ in range(100_000):
            if done.called:
                break
            self.clock.advance(0.25)
        failures: list[Failure] = []
        _ = done.addErrback(failures.append)
        for failure in failures:
            failure.raiseException()
        return self.successResultOf(done)

    def try_all(
        self, try_one: Callable[[str, Choose], int], choose: Choose = every
    ) -> int:
        """Try all works, and say how many steps there were."""
        return sum(try_one(name, choose) for name in WORKS)
