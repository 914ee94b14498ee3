"""Tests of ``txregistry/commands/worker.py``; it runs in ``integration/workers``."""

import os
import struct
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from txregistry.commands.worker import Control, make_service, read_first
from txregistry.metrics.families import Kind, one
from txregistry.settings.sections import Http, Settings
from txregistry.settings.storage import Storage
from txregistry.workers.setup import Order, Setup, encode, read_figures

SETUP = Setup({"config": None}, Settings(), {"tokens": b"s" * 32}, [], number=2)


class ReadingTests(SynchronousTestCase):
    def read(self, data: bytes) -> Setup | None:
        """Read what somebody wrote, and then closed."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.write(writing, data)
        os.close(writing)
        return read_first(reading)

    def test_reads_what_to_be_and_nothing_after_that(self) -> None:
        data = encode(SETUP)
        frame = struct.pack("!I", len(data)) + data
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.write(writing, frame + b"later")
        self.assertEqual(read_first(reading), SETUP)
        self.assertEqual(os.read(reading, 100), b"later")

    def test_who_is_not_wanted_any_more_is_nothing(self) -> None:
        for data in (b"", b"\0\0", struct.pack("!I", 100) + b"half"):
            self.assertIsNone(self.read(data))

    def test_what_is_no_setup_is_refused(self) -> None:
        with self.assertRaises(msgspec.DecodeError):
            self.read(struct.pack("!I", 2) + b"{}")


class Told:
    """A service, and what it was told; or what it speaks TLS with."""

    def __init__(self) -> None:
        self.orders: list[object] = []
        self.tls = self

    def reload(self) -> Deferred[None]:
        """Note it."""
        self.orders.append("reload")
        return succeed(None)

    def renew(self, tickets: bytes) -> Deferred[None]:
        """Note it."""
        self.orders.append(tickets)
        return succeed(None)


class Stopping(MemoryReactorClock):
    """A reactor that can be stopped once."""

    stops = 0

    def stop(self) -> None:
        """See ``IReactorCore``."""
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


def _make_told() -> Any:
    return Told()


class ControlTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.service = _make_told()
        self.reactor = Stopping()
        self.control = Control(self.service, self.reactor)
        self.transport = StringTransport()
        self.control.makeConnection(self.transport)

    def tell(self, order: Order) -> None:
        data = encode(order)
        self.control.dataReceived(struct.pack("!I", len(data)) + data)

    def test_reads_files_anew(self) -> None:
        self.tell(Order(reload=True))
        self.assertEqual(self.service.orders, ["reload"])

    def test_renews_keys_of_sessions(self) -> None:
        self.tell(Order(tickets=b"new"))
        self.assertEqual(self.service.orders, [b"new"])

    def test_without_tls_there_are_no_keys(self) -> None:
        self.service.tls = None
        self.tell(Order(tickets=b"new"))
        self.assertEqual(self.service.orders, [])

    def test_tells_what_it_has_counted(self) -> None:
        families = [one("n_total", Kind.COUNTER, "Things\nof ours.", 7)]
        self.service.figures = lambda: families
        self.tell(Order(figures=True))
        line, rest = self.transport.value().split(b"\n")
        self.assertEqual((read_figures(line), rest), (families, b""))

    def test_tells_nothing_where_nobody_counts(self) -> None:
        self.service.figures = None
        self.tell(Order(figures=True))
        self.assertEqual(self.transport.value(), b"")

    def test_ends_when_nobody_is_there_any_more(self) -> None:
        self.control.connectionLost()
        self.assertEqual(self.reactor.stops, 1)

    def test_ends_once(self) -> None:
        self.control.end()
        self.control.connectionLost()
        self.assertEqual(self.reactor.stops, 2)  # of which the second is none


class ServiceTests(SynchronousTestCase):
    def test_rules_are_read_anew_as_twistd_reads_them(self) -> None:
        """What was given by options is over what the file says."""
        settings = Settings(storage=Storage(inmemory={}), http=Http(addr=":1"))
        secrets = dict.fromkeys(("cookies", "tokens", "passing"), b"s" * 32)
        given = {
            "config": None,
            "role": None,
            "storage": None,
            "listen": ["tcp:7"],
            "ssh": [],
            "ssh-keys": None,
            "workers": None,
        }
        setup = Setup(given, settings, secrets, [], number=1, ports=[100])
        service = make_service(setup, MemoryReactorClock())
        (reloading,) = [each for each in service._watching if hasattr(each, "_read")]
        self.assertEqual(reloading._read().http.listen, ("tcp:7",))
