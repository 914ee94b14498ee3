"""Work that has to be done before the reactor runs, although it needs one."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.pollreactor import PollReactor
from twisted.python.failure import Failure

T = TypeVar("T")


def do_beforehand(work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """Do some work in a reactor of its own, and wait for it.

    What the work makes is of no use to another reactor, but for plain values.

    Args:
        work: Makes the work, given the reactor.

    Returns:
        What it comes to.
    """
    reactor = PollReactor()
    outcomes: list[T | Failure] = []

    def begin() -> None:
        done = Deferred.fromCoroutine(work(reactor))
        _ = done.addBoth(outcomes.append).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    outcome = outcomes[0]
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome
