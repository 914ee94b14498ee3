"""Tests of ``txregistry/workers/crew.py`` and ``process.py``; processes are made up."""

import socket
import struct
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProcessTransport,
)
from twisted.internet.task import Clock
from twisted.logger import eventAsText
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.web.exchange import logged
from txregistry.metrics.families import Family, Kind, add_up, one
from txregistry.settings.sections import Settings
from txregistry.workers.crew import Crew
from txregistry.workers.launch import Launch
from txregistry.workers.ports import HeldPort, HeldPorts, can_share
from txregistry.workers.process import CONTROL, FIRST_PORT, LOG, STATUS, STRAY
from txregistry.workers.setup import (
    Order,
    Setup,
    read_order,
    read_setup,
    write_figures,
)

_KILLED, _FAILED = 9, 256


@implementer(IProcessTransport)
class Running:
    """A process that runs only in our heads."""

    def __init__(self, protocol: Any, pid: int, descriptors: Mapping[int, Any]) -> None:
        self.protocol = protocol
        self.pid = pid
        self.descriptors = descriptors
        self.told = b""
        self.is_let_go = False
        self.signals: list[str] = []
        protocol.makeConnection(self)

    def messages(self) -> list[bytes]:
        """What it was told, message by message."""
        found, rest = [], self.told
        while rest:
            (size,) = struct.unpack("!I", rest[:4])
            found.append(rest[4 : 4 + size])
            rest = rest[4 + size :]
        return found

    def serve(self) -> None:
        """Say that it serves."""
        self.protocol.childDataReceived(STATUS, b"serves\n")

    def end(self, status: int = 0) -> None:
        """Be no more."""
        reason = ProcessTerminated(status=status) if status else ProcessDone(0)
        if status == _KILLED:
            reason = ProcessTerminated(signal=_KILLED)
        self.protocol.processExited(Failure(reason))
        self.protocol.processEnded(Failure(reason))

    def writeToChild(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        """See ``IProcessTransport``."""
        assert childFD == CONTROL
        self.told += data

    def closeChildFD(self, descriptor: int) -> None:  # noqa: N802
        """See ``IProcessTransport``."""
        assert descriptor == CONTROL
        self.is_let_go = True

    def signalProcess(self, signalID: str | int) -> None:  # noqa: N802, N803
        """See ``IProcessTransport``."""
        self.signals.append(str(signalID))

    def write(self, data: bytes) -> None:
        """See ``IProcessTransport``."""

    def closeStdin(self) -> None:  # noqa: N802
        """See ``IProcessTransport``."""

    def closeStdout(self) -> None:  # noqa: N802
        """See ``IProcessTransport``."""

    def closeStderr(self) -> None:  # noqa: N802
        """See ``IProcessTransport``."""

    def loseConnection(self) -> None:
        """See ``IProcessTransport``."""

    def writeSequence(self, data: Iterable[bytes]) -> None:  # noqa: N802
        """See ``ITransport``."""

    def getHost(self) -> IAddress:
        """See ``ITransport``."""
        raise NotImplementedError

    def getPeer(self) -> IAddress:  # noqa: N802
        """See ``ITransport``."""
        raise NotImplementedError


class Machine(Clock):
    """A reactor of processes that run only in our heads.

    Attributes:
        begun: All that were begun.
        full: Whether no more can be.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Running] = []
        self.full = False

    def spawnProcess(  # noqa: N802
        self,
        protocol: Any,
        executable: str,
        args: list[str],
        env: dict[str, str],
        childFDs: Mapping[int, Any],  # noqa: N803
    ) -> Running:
        """See ``IReactorProcess``."""
        if self.full:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        assert executable == args[0] == sys.executable
        self.command, self.environment = args, env
        running = Running(protocol, 100 + len(self.begun), childFDs)
        self.begun.append(running)
        return running


class CrewTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine()
        self.log: list[str] = []
        self.failures = 0
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.events = stack.enter_context(logged())

    def begin(self, count: int = 2, *, tls: bool = False, serve: bool = True) -> Crew:
        """Begin some workers."""
        ports = HeldPorts(count)
        pair = socket.socketpair()
        self.addCleanup(pair[0].close)
        self.addCleanup(pair[1].close)
        ports.ports.append(HeldPort(pair))
        self.ports = [each.fileno() for each in pair]
        setup = Setup({"role": "private"}, Settings(), {"tokens": b"s" * 32}, ["a/"])
        launch = Launch({}, self.log.append, self._fail)
        crew = Crew(self.machine, setup, ports, launch, speaks_tls=tls)
        crew.start()
        if serve:
            for each in self.machine.begun:
                each.serve()
        return crew

    def end(self, crew: Crew) -> None:
        """End in good order."""
        crew.stop()
        done = Deferred.fromCoroutine(crew.drain(1.0))
        for each in self.machine.begun:
            if each.is_let_go:
                each.end()
        self.successResultOf(done)

    def told(self) -> str:
        return "\n".join(map(eventAsText, self.events))

    def _fail(self) -> None:
        self.failures += 1


class BeginTests(CrewTestCase):
    def test_each_is_told_what_to_be(self) -> None:
        self.begin()
        found = [read_setup(each.messages()[0]) for each in self.machine.begun]
        self.assertEqual([each.number for each in found], [1, 2])
        self.assertEqual([each.ports for each in found], [[FIRST_PORT]] * 2)
        self.assertEqual(found[0].secrets, {"tokens": b"s" * 32})
        self.assertIsNone(found[0].tickets)

    def test_each_has_a_socket_of_its_own(self) -> None:
        self.begin()
        found = [each.descriptors for each in self.machine.begun]
        pipes = {CONTROL: "w", LOG: "r", STRAY: "r", STATUS: "r"}
        for given, port in zip(found, self.ports, strict=True):
            self.assertEqual(given, {**pipes, FIRST_PORT: port})

    def test_secrets_are_neither_arguments_nor_variables(self) -> None:
        self.begin()
        for text in (*self.machine.command, *self.machine.environment.values()):
            self.assertNotIn("c3Nzc3Nz", text)
            self.assertNotIn("ssssss", text)

    def test_lines_of_their_logs_are_handed_on(self) -> None:
        self.begin()
        one, two = self.machine.begun
        one.protocol.childDataReceived(LOG, b"fir")
        two.protocol.childDataReceived(LOG, b"second\n")
        one.protocol.childDataReceived(LOG, b"st\n")
        self.assertEqual(self.log, ["second\n", "first\n"])

    def test_what_a_library_writes_is_told_with_the_number(self) -> None:
        self.begin()
        self.machine.begun[1].protocol.childDataReceived(STRAY, b"oh\n")
        self.assertIn("Worker 2: oh", self.told())

    def test_it_is_known_who_does_not_serve(self) -> None:
        crew = self.begin(serve=False)
        self.assertEqual((crew.away(), crew.have_served()), ([1, 2], False))
        one, two = self.machine.begun
        one.serve()
        self.assertEqual((crew.away(), crew.have_served()), ([2], False))
        two.serve()
        self.assertEqual((crew.away(), crew.have_served()), ([], True))
        one.end(_KILLED)
        self.assertEqual((crew.away(), crew.have_served()), ([1], True))
        self.machine.advance(0)
        self.assertEqual(crew.away(), [1])  # the next has begun, and is not ready yet


class FiguresTests(CrewTestCase):
    def ask(self, crew: Crew) -> Deferred[dict[str, list[Family]]]:
        return Deferred.fromCoroutine(crew.figures())

    def asked(self, number: int) -> int:
        """Count how often a worker was asked."""
        orders = map(read_order, self.machine.begun[number - 1].messages()[1:])
        return sum(each.figures for each in orders)

    def tell(self, number: int, count: float) -> None:
        """Have one of those that were begun tell what it has counted: in two pieces."""
        line = write_figures(
            [one("n_total", Kind.COUNTER, "", count), one("g", Kind.SUM, "", 1)]
        )
        for piece in (line[:10], line[10:]):
            self.machine.begun[number - 1].protocol.childDataReceived(STATUS, piece)

    def sums(self, found: dict[str, list[Family]]) -> dict[str, float]:
        """Add up what was told."""
        return {each.name: each.rows[0].values[0] for each in add_up(found)}

    def test_all_are_asked_and_waited_for(self) -> None:
        asked = self.ask(self.begin())
        self.assertEqual([self.asked(1), self.asked(2)], [1, 1])
        self.tell(1, 3)
        self.assertNoResult(asked)
        self.tell(2, 4)
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found), {"n_total": 7, "g": 2})
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_who_does_not_serve_yet_is_not_asked(self) -> None:
        crew = self.begin(serve=False)
        self.assertEqual(self.sums(self.successResultOf(self.ask(crew))), {})

    def test_who_does_not_answer_is_waited_for_a_second(self) -> None:
        crew = self.begin()
        asked = self.ask(crew)
        self.tell(1, 3)
        self.tell(2, 4)
        self.successResultOf(asked)
        asked = self.ask(crew)
        self.tell(1, 5)
        self.machine.advance(0.9)
        self.assertNoResult(asked)
        self.machine.advance(0.1)
        # What it counted counts; how it is now nobody knows.
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found), {"n_total": 9, "g": 1})
        self.assertIn("Worker 2 (process 101) has not told its figures", self.told())
        self.assertEqual(crew.away(), [2])

    def test_who_hangs_is_asked_no_more_and_counts_again_when_it_goes_on(self) -> None:
        crew = self.begin()
        for _ in range(3):
            asked = self.ask(crew)
            self.tell(1, 3)
            self.machine.advance(1)
            self.successResultOf(asked)
        self.assertEqual([self.asked(1), self.asked(2)], [3, 1])
        self.tell(2, 4)
        self.assertEqual(crew.away(), [])
        asked = self.ask(crew)
        self.tell(1, 3)
        self.tell(2, 5)
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found), {"n_total": 8, "g": 2})

    def test_several_who_ask_at_once_have_the_same(self) -> None:
        crew = self.begin()
        asked = [self.ask(crew) for _ in range(3)]
        self.tell(1, 3)
        self.tell(2, 4)
        found = [self.sums(self.successResultOf(each)) for each in asked]
        self.assertEqual(found, [{"n_total": 7, "g": 2}] * 3)
        self.assertEqual([self.asked(1), self.asked(2)], [1, 1])

    def test_what_was_counted_lasts_when_its_worker_does_not(self) -> None:
        crew = self.begin()
        asked = self.ask(crew)
        self.tell(1, 3)
        self.tell(2, 4)
        self.successResultOf(asked)
        for count in (1, 2):
            self.machine.begun[-1 if count > 1 else 0].end(_KILLED)
            self.machine.advance(2)
            self.machine.begun[-1].serve()
            asked = self.ask(crew)
            self.tell(2, 4)
            self.tell(len(self.machine.begun), 10)
            found = self.successResultOf(asked)
            self.assertEqual(self.sums(found), {"n_total": 7 + 10 * count, "g": 2})

    def test_who_dies_is_waited_for_no_longer(self) -> None:
        crew = self.begin()
        asked = self.ask(crew)
        self.tell(1, 3)
        self.machine.begun[1].end(_KILLED)
        found = self.successResultOf(asked)
        self.assertEqual(self.sums(found)["n_total"], 3)


class EndTests(CrewTestCase):
    def test_one_that_dies_is_replaced_at_once(self) -> None:
        self.begin()
        self.machine.begun[0].end(_KILLED)
        self.machine.advance(0)
        self.assertEqual(len(self.machine.begun), 3)
        (new,) = self.machine.begun[2:]
        self.assertEqual(read_setup(new.messages()[0]).number, 1)
        self.assertEqual(new.descriptors[FIRST_PORT], self.ports[0])
        self.assertIn("Worker 1 (process 100) ended by signal 9", self.told())

    def test_one_that_dies_time_and_again_waits_longer_each_time(self) -> None:
        self.begin(1)
        pauses = []
        for _ in range(7):
            before = len(self.machine.begun)
            self.machine.begun[-1].end(_FAILED)
            began = self.machine.seconds()
            while len(self.machine.begun) == before:
                self.machine.advance(0.5)
            pauses.append(self.machine.seconds() - began)
            self.machine.begun[-1].serve()
        self.assertEqual(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0])

    def test_one_that_lived_long_is_replaced_at_once_again(self) -> None:
        self.begin(1)
        for _ in range(3):
            self.machine.begun[-1].end(_FAILED)
            self.machine.advance(30.0)
        self.assertEqual(len(self.machine.begun), 4)

    def test_where_there_is_no_room_for_one_it_is_tried_again(self) -> None:
        self.begin(1)
        self.machine.full = True
        self.machine.begun[0].end(_KILLED)
        self.machine.advance(0.0)
        self.assertIn("before it began", self.told())
        self.machine.full = False
        self.machine.advance(20.0)
        self.assertEqual(len(self.machine.begun), 2)

    def test_where_the_first_cannot_serve_no_other_is_begun(self) -> None:
        self.begin(serve=False)
        self.machine.begun[0].end(_FAILED)
        self.machine.begun[1].end(_FAILED)
        self.machine.advance(60.0)
        self.assertEqual(len(self.machine.begun), 2)
        self.assertEqual(self.failures, 1)
        self.assertIn("before it served at all", self.told())


class DrainTests(CrewTestCase):
    def test_all_are_let_go_and_waited_for(self) -> None:
        crew = self.begin()
        self.end(crew)
        self.assertTrue(all(each.is_let_go for each in self.machine.begun))
        self.assertFalse(any(each.signals for each in self.machine.begun))
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_whoever_dies_meanwhile_is_not_replaced(self) -> None:
        crew = self.begin()
        self.machine.begun[0].end(_KILLED)
        self.end(crew)
        self.machine.advance(60.0)
        self.assertEqual(len(self.machine.begun), 2)

    def test_one_that_does_not_end_is_killed(self) -> None:
        crew = self.begin(1)
        crew.stop()
        done = Deferred.fromCoroutine(crew.drain(30.0))
        self.machine.advance(39.0)
        self.assertEqual(self.machine.begun[0].signals, [])
        self.machine.advance(1.0)
        self.assertEqual(self.machine.begun[0].signals, ["KILL"])
        self.machine.begun[0].end(_KILLED)
        self.successResultOf(done)


class OrderTests(CrewTestCase):
    def orders(self) -> list[list[Order]]:
        return [
            [read_order(each) for each in running.messages()[1:]]
            for running in self.machine.begun
        ]

    def test_all_read_their_files_anew(self) -> None:
        self.successResultOf(self.begin().reload())
        self.assertEqual(self.orders(), [[Order(reload=True)]] * 2)

    def test_all_have_the_same_keys_of_sessions(self) -> None:
        self.begin(tls=True)
        one, other = (read_setup(each.messages()[0]) for each in self.machine.begun)
        self.assertEqual(one.tickets, other.tickets)
        self.assertEqual(len(one.tickets or b""), 32)

    def test_keys_of_sessions_are_others_after_some_hours(self) -> None:
        self.begin(tls=True)
        first = read_setup(self.machine.begun[0].messages()[0]).tickets
        self.machine.advance(4 * 3600.0)
        ((one,), (other,)) = self.orders()
        self.assertEqual(one.tickets, other.tickets)
        self.assertNotIn(one.tickets, {None, first})
        self.machine.begun[0].end(_KILLED)
        self.machine.advance(0.0)
        late = read_setup(self.machine.begun[-1].messages()[0])
        self.assertEqual(late.tickets, one.tickets)

    def test_who_is_gone_is_told_nothing(self) -> None:
        crew = self.begin()
        self.machine.begun[0].end(_KILLED)
        _ = crew.reload()
        self.assertEqual(self.orders(), [[], [Order(reload=True)]])


class HeldPortTests(SynchronousTestCase):
    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IListeningPort, HeldPort([])))

    def test_what_can_be_shared(self) -> None:
        for text in ("tcp:1", "tcp6:1:interface=\\:\\:", "systemd:domain=INET:index=0"):
            self.assertTrue(can_share(text), text)
        for text in ("unix:/a", "ssl:443", "systemd:domain=UNIX:index=0", "onion:1"):
            self.assertFalse(can_share(text), text)
