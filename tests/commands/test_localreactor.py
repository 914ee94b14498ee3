"""Tests of ``txregistry/commands/localreactor.py``."""

import signal
import subprocess
import sys
from typing import Final

from twisted.internet.interfaces import IReactorThreads, IReactorTime
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.commands.program import LIMIT
from tests.transfer.program import environment
from txregistry.commands.localreactor import LocalReactor

_WAITING: Final = """\
import sys
from twisted.internet.defer import Deferred
from txregistry.commands.breakable import BreakableOptions

async def work(reactor):
    reactor.callWhenRunning(print, "waits", flush=True)
    await Deferred()

try:
    BreakableOptions().work_in_reactor(work, local=True)
finally:
    print(any(each.startswith("OpenSSL") for each in sys.modules))
"""


class LocalReactorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = LocalReactor()

    def run_reactor(self) -> None:
        """Run it until it is told to stop, which is not to take for ever."""
        late = self.reactor.callLater(LIMIT, self.reactor.stop)
        self.reactor.run(installSignalHandlers=False)
        self.assertTrue(late.active())

    def test_interfaces(self) -> None:
        for each in (IReactorThreads, IReactorTime):
            self.assertTrue(verifyObject(each, self.reactor))

    def test_it_waits_for_the_time(self) -> None:
        called: list[int] = []
        began = self.reactor.seconds()
        for number, delay in enumerate((0.02, 0.01)):
            self.reactor.callLater(delay, called.append, number)
        self.reactor.callLater(0.03, self.reactor.stop)
        self.run_reactor()
        self.assertEqual(called, [1, 0])
        self.assertGreaterEqual(self.reactor.seconds() - began, 0.03)

    def test_threads_wake_it_up(self) -> None:
        def work(left: int) -> None:
            if left:
                next_one = self.reactor.callInThread
                self.reactor.callFromThread(next_one, work, left - 1)
            else:
                self.reactor.callFromThread(self.reactor.stop)

        self.reactor.callWhenRunning(self.reactor.callInThread, work, 10)
        self.run_reactor()

    def test_it_may_be_woken_up_any_number_of_times(self) -> None:
        for _ in range(100_000):  # which is more than a pipe holds
            self.reactor.wakeUp()
        self.reactor.callWhenRunning(self.reactor.stop)
        self.run_reactor()


class SignalTests(SynchronousTestCase):
    def test_signals_end_what_waits(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with subprocess.Popen(
                [sys.executable, "-c", _WAITING],
                env=environment(),
                stdout=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stdout is not None
                self.assertEqual(process.stdout.readline(), "waits\n")
                process.send_signal(number)
                self.assertEqual(process.communicate(timeout=LIMIT)[0], "False\n")
            self.assertEqual(process.returncode, 130, number)
