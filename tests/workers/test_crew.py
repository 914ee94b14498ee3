"""Tests of ``txregistry/workers/crew.py`` and ``process.py``; processes are made up."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
)
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.workers.crewcase import FAILED, KILLED, CrewTestCase
from txregistry.workers.ports import HeldPort, can_share
from txregistry.workers.process import CONTROL, FIRST_PORT, LOG, STATUS, STRAY
from txregistry.workers.setup import (
    Order,
    read_order,
    read_setup,
)


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
        one.end(KILLED)
        self.assertEqual((crew.away(), crew.have_served()), ([1], True))
        self.machine.advance(0)
        self.assertEqual(crew.away(), [1])  # the next has begun, and is not ready yet


class EndTests(CrewTestCase):
    def test_one_that_dies_is_replaced_at_once(self) -> None:
        self.begin()
        self.machine.begun[0].end(KILLED)
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
            self.machine.begun[-1].end(FAILED)
            began = self.machine.seconds()
            while len(self.machine.begun) == before:
                self.machine.advance(0.5)
            pauses.append(self.machine.seconds() - began)
            self.machine.begun[-1].serve()
        self.assertEqual(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0])

    def test_one_that_lived_long_is_replaced_at_once_again(self) -> None:
        self.begin(1)
        for _ in range(3):
            self.machine.begun[-1].end(FAILED)
            self.machine.advance(30.0)
        self.assertEqual(len(self.machine.begun), 4)

    def test_where_there_is_no_room_for_one_it_is_tried_again(self) -> None:
        self.begin(1)
        self.machine.full = True
        self.machine.begun[0].end(KILLED)
        self.machine.advance(0.0)
        self.assertIn("before it began", self.told())
        self.machine.full = False
        self.machine.advance(20.0)
        self.assertEqual(len(self.machine.begun), 2)

    def test_where_the_first_cannot_serve_no_other_is_begun(self) -> None:
        self.begin(serve=False)
        self.machine.begun[0].end(FAILED)
        self.machine.begun[1].end(FAILED)
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
        self.machine.begun[0].end(KILLED)
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
        self.machine.begun[0].end(KILLED)
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
        self.machine.begun[0].end(KILLED)
        self.machine.advance(0.0)
        late = read_setup(self.machine.begun[-1].messages()[0])
        self.assertEqual(late.tickets, one.tickets)

    def test_who_is_gone_is_told_nothing(self) -> None:
        crew = self.begin()
        self.machine.begun[0].end(KILLED)
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
