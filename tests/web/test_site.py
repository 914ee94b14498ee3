"""Tests of watching over connections: time that runs out, and the service's end."""

from twisted.internet.defer import Deferred

from tests.web import exchange
from tests.web.exchange import CHUNKED, Exchange, request_bytes
from tests.web.stores import SlowStore
from tests.web.wire import Connection

_IDLE = 60.0
_SILENT = 15.0
_HEADER_TIME = 30.0
_STALL = 60.0
_SWEEP = 5.0
_GRACE = 3.0
_DATA = b"x" * 3_000_000


class TimeCase(exchange.WebCase):
    """A connection, and a clock."""

    def setUp(self) -> None:
        super().setUp()
        self.connection = self.exchange.connect()

    def pass_time(self, seconds: float) -> None:
        """Let time pass, second by second."""
        for _ in range(int(seconds)):
            self.exchange.clock.advance(1)

    def is_over(self, connection: Connection | None = None) -> bool:
        """Say whether the server ended a connection."""
        pipe = (connection or self.connection).pipe
        return bool(pipe.disconnecting or pipe.aborted)


class IdleTests(TimeCase):
    def test_a_client_that_says_nothing(self) -> None:
        self.pass_time(_SILENT - 1)
        self.assertFalse(self.is_over())
        self.pass_time(1)
        self.assertTrue(self.is_over())

    def test_a_client_that_begins_in_time(self) -> None:
        self.pass_time(_SILENT - 1)
        self.connection.send(b"G")
        self.pass_time(_HEADER_TIME - _SWEEP)
        self.assertFalse(self.is_over())
        self.connection.send(request_bytes("GET", "/v2/")[1:])
        self.assertEqual(self.connection.answer().status, 200)
        self.pass_time(_IDLE - 1)
        self.assertFalse(self.is_over())
        self.pass_time(1)
        self.assertTrue(self.is_over())

    def test_a_client_may_be_silent_for_less_if_the_settings_say_so(self) -> None:
        self.exchange = Exchange(site={"idle": 5.0})
        self.connection = self.exchange.connect()
        self.pass_time(4)
        self.assertFalse(self.is_over())
        self.pass_time(1)
        self.assertTrue(self.is_over())

    def test_between_requests(self) -> None:
        for _ in range(3):
            self.connection.send(request_bytes("GET", "/v2/"))
            self.pass_time(_IDLE - 1)
        self.assertFalse(self.is_over())
        self.pass_time(1)
        self.assertTrue(self.is_over())

    def test_within_a_body(self) -> None:
        location = self.begin_upload()
        for headers in ({"Content-Length": "1000"}, CHUNKED):
            connection = self.exchange.connect()
            connection.send(request_bytes("PATCH", location, headers) + b"5\r\nhel")
            self.pass_time(_IDLE - 1)
            self.assertFalse(self.is_over(connection))
            self.pass_time(1)
            self.assertTrue(self.is_over(connection))
            connection.drop()

    def test_after_a_body(self) -> None:
        self.connection.send(request_bytes("PATCH", self.begin_upload(), body=b"x"))
        self.pass_time(_IDLE)
        self.assertTrue(self.is_over())

    def test_after_a_body_of_which_the_client_had_to_wait(self) -> None:
        target = self.begin_upload()
        size = 2_000_000
        head = request_bytes("PATCH", target, {"Content-Length": str(size)})
        self.connection.send(head)
        self.connection.send(b"x" * size)
        self.assertEqual(self.connection.answer("PATCH").status, 202)
        self.pass_time(_IDLE - 1)
        self.assertFalse(self.is_over())
        self.pass_time(1)
        self.assertTrue(self.is_over())

    def test_a_client_that_has_to_wait_for_us_is_not_idle(self) -> None:
        store = SlowStore(self.exchange.clock)
        self.exchange = Exchange(store=store, clock=self.exchange.clock)
        location = self.begin_upload()
        store.hold()
        connection = self.exchange.connect()
        body = b"x" * 1_000_000
        data = request_bytes("PATCH", location, body=body)
        connection.send(data[:500_000])
        self.assertTrue(connection.waits)
        self.pass_time(10 * _IDLE)
        self.assertFalse(self.is_over(connection))
        store.release()
        self.assertFalse(connection.waits)
        connection.send(data[500_000:])
        self.assertEqual(connection.answer("PATCH").status, 202)

    def test_it_is_idle_when_we_wait_for_it_again(self) -> None:
        store = SlowStore(self.exchange.clock)
        self.exchange = Exchange(store=store, clock=self.exchange.clock)
        location = self.begin_upload()
        store.hold()
        connection = self.exchange.connect()
        data = request_bytes("PATCH", location, body=b"x" * 1_000_000)
        connection.send(data[:500_000])
        self.assertTrue(connection.waits)
        store.release()
        self.assertFalse(connection.waits)
        self.pass_time(_IDLE - 1)
        self.assertFalse(self.is_over(connection))
        self.pass_time(1)
        self.assertTrue(self.is_over(connection))

    def test_a_body_that_drips_goes_on(self) -> None:
        head = request_bytes("PATCH", self.begin_upload(), {"Content-Length": "9"})
        self.connection.send(head)
        for _ in range(9):
            self.pass_time(_IDLE - 1)
            self.connection.send(b"x")
        self.assertEqual(self.connection.answer("PATCH").status, 202)

    def test_one_that_does_not_end_by_itself_is_broken_off(self) -> None:
        self.connection.send(request_bytes("GET", "/v2/"))
        self.pass_time(_IDLE + 14)
        self.assertFalse(self.connection.pipe.aborted)
        self.pass_time(1)
        self.assertTrue(self.connection.pipe.aborted)


class HeaderTimeTests(TimeCase):
    def drip(self, data: bytes, seconds: int) -> None:
        for place in range(seconds):
            self.connection.send(data[place : place + 1])
            self.pass_time(1)

    def test_headers_that_drip(self) -> None:
        self.drip(request_bytes("GET", "/v2/", {"X": "y" * 100}), int(_HEADER_TIME))
        self.assertFalse(self.is_over())
        self.drip(b"y" * 100, int(_SWEEP) + 1)
        self.assertTrue(self.connection.pipe.aborted)

    def test_of_a_later_request(self) -> None:
        self.connection.send(request_bytes("GET", "/v2/"))
        self.pass_time(50)
        self.drip(request_bytes("GET", "/v2/", {"X": "y" * 100}), int(_HEADER_TIME) - 1)
        self.assertFalse(self.is_over())
        self.drip(b"y" * 100, int(_SWEEP) + 2)
        self.assertTrue(self.connection.pipe.aborted)

    def test_quick_headers_and_a_slow_body(self) -> None:
        target = self.begin_upload()
        self.connection.send(request_bytes("PATCH", target, {"Content-Length": "99"}))
        self.drip(b"x" * 99, 99)
        self.assertEqual(self.connection.answer("PATCH").status, 202)

    def test_the_log_says_so(self) -> None:
        with exchange.logged() as events:
            self.drip(b"GET /" + b"a" * 100, int(_HEADER_TIME + _SWEEP) + 1)
        self.assertIn("was too slow to send its headers", exchange.lines(events)[0])


class StallTests(TimeCase):
    def setUp(self) -> None:
        super().setUp()
        self.connection = self.exchange.connect(room=1000)
        digest = self.push_blob("a", _DATA)
        self.connection.send(request_bytes("GET", f"/v2/a/blobs/{digest}"))

    def test_a_client_that_stops_reading(self) -> None:
        self.pass_time(_STALL)
        self.assertFalse(self.is_over())
        self.pass_time(_SWEEP + 1)
        self.assertTrue(self.connection.pipe.aborted)

    def test_a_client_that_reads_slowly(self) -> None:
        for _ in range(8):
            self.pass_time(_STALL - 1)
            self.assertFalse(self.is_over())
            self.connection.pipe.read()

    def test_the_log_says_so(self) -> None:
        with exchange.logged() as events:
            self.pass_time(_STALL + _SWEEP + 1)
        text = "\n".join(exchange.lines(events))
        self.assertIn("was too slow to take its answer", text)

    def test_a_client_that_has_everything_is_idle(self) -> None:
        while len(self.connection.received) < len(_DATA):
            self.connection.pipe.read()
        self.connection.pipe.read()
        self.pass_time(_IDLE - 1)
        self.assertFalse(self.is_over())


class SweepTests(TimeCase):
    def test_ends_with_the_factory(self) -> None:
        self.connection.drop()
        self.assertNotEqual(self.exchange.clock.getDelayedCalls(), [])
        for _ in range(2):
            self.exchange.site.stopFactory()
            self.assertEqual(self.exchange.clock.getDelayedCalls(), [])

    def test_begins_once_though_many_ports_start_it(self) -> None:
        before = len(self.exchange.clock.getDelayedCalls())
        self.exchange.site.startFactory()
        self.assertEqual(len(self.exchange.clock.getDelayedCalls()), before)


class DrainTests(TimeCase):
    def drain(self, patience: float = 10.0) -> "Deferred[None]":
        return Deferred.fromCoroutine(self.exchange.site.drain(patience))

    def test_without_connections(self) -> None:
        self.connection.drop()
        self.successResultOf(self.drain())

    def test_idle_connections_are_closed(self) -> None:
        self.connection.send(request_bytes("GET", "/v2/"))
        done = self.drain()
        self.assertTrue(self.connection.pipe.disconnecting)
        self.assertFalse(self.connection.pipe.aborted)
        self.connection.drop()
        self.successResultOf(done)

    def test_who_does_not_take_the_end_is_not_waited_for(self) -> None:
        self.connection.send(request_bytes("GET", "/v2/"))
        done = self.drain()
        self.pass_time(_GRACE - 1)
        self.assertFalse(self.connection.pipe.aborted)
        self.pass_time(1)
        self.assertTrue(self.connection.pipe.aborted)
        self.connection.drop()
        self.successResultOf(done)

    def test_who_has_just_connected_may_ask(self) -> None:
        done = self.drain()
        self.pass_time(_GRACE - 1)
        self.assertFalse(self.is_over())
        self.connection.send(request_bytes("GET", "/v2/"))
        answer = self.connection.answer()
        self.assertEqual((answer.status, answer.keeps), (200, False))
        self.assertTrue(self.is_over())
        self.connection.drop()
        self.successResultOf(done)

    def test_who_connects_and_does_not_ask_is_not_waited_for(self) -> None:
        done = self.drain()
        late = self.exchange.connect()
        self.pass_time(_GRACE)
        for connection in (late, self.connection):
            self.assertTrue(self.is_over(connection))
            connection.drop()
        self.successResultOf(done)

    def test_who_has_begun_to_ask_may_go_on(self) -> None:
        data = request_bytes("GET", "/v2/")
        self.connection.send(data * 2 + data[:1])
        done = self.drain()
        self.pass_time(_GRACE - 1)
        self.assertFalse(self.is_over())
        self.connection.send(data[1:])
        answer = self.connection.answers("GET", "GET", "GET")[-1]
        self.assertEqual((answer.status, answer.keeps), (200, False))
        self.assertTrue(self.is_over())
        self.connection.drop()
        self.successResultOf(done)

    def test_who_has_begun_to_ask_and_does_not_go_on_is_not_waited_for(self) -> None:
        data = request_bytes("GET", "/v2/")
        self.connection.send(data + data[:-1])
        done = self.drain()
        self.pass_time(_GRACE)
        self.assertTrue(self.is_over())
        self.connection.drop()
        self.successResultOf(done)

    def test_a_request_may_finish(self) -> None:
        data = request_bytes("PATCH", self.begin_upload(), body=b"hello")
        self.connection.send(data[:-1])
        done = self.drain()
        self.assertFalse(self.is_over())
        self.connection.send(data[-1:])
        answer = self.connection.answer("PATCH")
        self.assertEqual((answer.status, answer.keeps), (202, False))
        self.assertTrue(self.is_over())
        self.connection.drop()
        self.successResultOf(done)

    def test_a_download_may_finish_and_then_the_connection_ends(self) -> None:
        digest = self.push_blob("a", _DATA)
        self.connection.drop()
        connection = self.exchange.connect(room=1000)
        connection.send(request_bytes("GET", f"/v2/a/blobs/{digest}"))
        done = self.drain()
        while len(connection.received) < len(_DATA):
            self.assertFalse(self.is_over(connection))
            connection.pipe.read()
        self.assertEqual(connection.answer().body, _DATA)
        connection.pipe.read()
        self.assertTrue(self.is_over(connection))
        connection.drop()
        self.successResultOf(done)

    def test_a_new_connection_gets_one_answer(self) -> None:
        done = self.drain()
        late = self.exchange.connect()
        late.send(request_bytes("GET", "/v2/") * 2)
        self.assertFalse(late.answer().keeps)
        self.assertTrue(self.is_over(late))
        for connection in (late, self.connection):
            connection.drop()
        self.successResultOf(done)

    def test_patience_ends(self) -> None:
        head = request_bytes("PATCH", self.begin_upload(), {"Content-Length": "9"})
        self.connection.send(head)
        done = self.drain(10.0)
        self.pass_time(9)
        self.assertFalse(self.is_over())
        self.pass_time(1)
        self.assertTrue(self.connection.pipe.aborted)
        self.assertNoResult(done)
        self.connection.drop()
        self.successResultOf(done)

    def test_nothing_is_left_running(self) -> None:
        done = self.drain(1000.0)
        self.connection.drop()
        self.successResultOf(done)
        late = [
            call
            for call in self.exchange.clock.getDelayedCalls()
            if call.getTime() >= 1000
        ]
        self.assertEqual(late, [])


class ShareTests(TimeCase):
    def test_many_bodies_share_the_memory(self) -> None:
        site = self.exchange.site
        alone = site.share()
        head = {"Content-Length": "9"}
        connections = []
        for _ in range(100):
            connection = self.exchange.connect()
            connection.send(request_bytes("PATCH", self.begin_upload(), head))
            connections.append(connection)
        self.assertEqual(site.receiving, 100)
        self.assertLess(site.share(), alone)
        for connection in connections[:50]:
            connection.drop()
        for connection in connections[50:]:
            connection.send(b"x" * 9)
        self.assertEqual((site.receiving, site.share()), (0, alone))

    def test_speaks_only_http_1_1(self) -> None:
        self.assertEqual(self.exchange.site.acceptableProtocols(), [b"http/1.1"])
