"""Commands whose work goes on for a while, and can be broken off."""

import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import react
from twisted.python.threadpool import ThreadPool

from txregistry.commands.localreactor import work_locally
from txregistry.commands.options import CommandOptions
from txregistry.settings.section import SettingsError
from txregistry.tasks import Blocking, in_threads

_IMPOSSIBLE: Final = 2
_INTERRUPTED: Final = 130


class BreakableOptions(CommandOptions):
    """A command that works in a reactor, and ends when the process is told to.

    Attributes:
        faults: What its work fails with where it cannot be done.
    """

    faults: ClassVar[tuple[type[Exception], ...]] = (SettingsError,)
    _broken_off = False

    def work_in_reactor(
        self, work: Callable[[Any], Coroutine[Any, Any, int]], *, local: bool = False
    ) -> None:
        """Do some work, and end.

        Args:
            work: Makes it, given the reactor; it gives the status to end with.
            local: Whether all of it is on this machine, in this process.

        Raises:
            SystemExit: at the end, with that status.
        """
        statuses: list[int] = []
        if local:
            work_locally()

        async def run(reactor: Any) -> None:
            if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
                signal.signal(signal.SIGHUP, reactor.sigTerm)
            statuses.append(await self._run(reactor, work(reactor)))

        try:
            react(run)
        except SystemExit as ended:
            raise SystemExit(statuses[0] if statuses else ended.code or 1) from None

    def check_broken_off(self) -> None:
        """Let the work end here, if it is to.

        Raises:
            CancelledError: it is.
        """
        if self._broken_off:
            raise CancelledError

    async def _run(self, reactor: Any, work: Coroutine[Any, Any, int]) -> int:
        """Wait for some work, also when it is broken off."""
        working = Deferred.fromCoroutine(work)
        ended: Deferred[None] = Deferred()

        def break_off() -> Deferred[None]:
            self._broken_off = True
            working.cancel()  # of no use while it waits for a thread
            return ended

        reactor.addSystemEventTrigger("before", "shutdown", break_off)
        try:
            return await working
        except self.faults as error:
            sys.stderr.write(f"txregistry: {error}\n")
            return _IMPOSSIBLE
        except CancelledError:
            return _INTERRUPTED
        finally:
            ended.callback(None)


def start_threads(reactor: Any, most: int, name: str) -> Blocking:
    """Start threads for work that blocks; they stop with the reactor.

    Args:
        reactor: The reactor.
        most: How many there are at most.
        name: What they are called.
    """
    pool = ThreadPool(1, most, name)
    pool.start()
    reactor.addSystemEventTrigger("during", "shutdown", pool.stop)
    return in_threads(reactor, pool)
