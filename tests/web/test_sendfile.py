"""Tests of downloads, as far as they need no kernel: pace, and clients that leave.

What the kernel sends is tested over real sockets, in ``tests/integration``.
"""

from twisted.internet.task import Clock

from tests.web import exchange
from tests.web.answers import Answer, Cut
from tests.web.exchange import Exchange, request_bytes
from tests.web.stores import FailingStore, ShortStore, SlowStore
from txregistry.storage.interfaces import StorageUnavailable

_DATA = bytes(range(251)) * 12_000
_ROOM = 64 * 1024
_PIECE = 256 * 1024


class DownloadCase(exchange.WebCase):
    """A blob of some megabytes in a store that can be slow."""

    def setUp(self) -> None:
        clock = Clock()
        self.store = SlowStore(clock)
        self.exchange = Exchange(store=self.store, clock=clock)
        self.target = f"/v2/a/blobs/{self.push_blob('a', _DATA)}"


class PaceTests(DownloadCase):
    def test_a_client_that_reads_gets_everything(self) -> None:
        connection = self.exchange.connect(_ROOM)
        connection.send(request_bytes("GET", self.target))
        turns = 0
        while len(connection.received) < len(_DATA):
            connection.pipe.read()
            turns += 1
            self.assertLess(turns, 100)
        self.assertEqual(connection.answer().body, _DATA)

    def test_a_client_that_does_not_read_gets_little(self) -> None:
        connection = self.exchange.connect(_ROOM)
        connection.send(request_bytes("GET", self.target))
        self.assertLess(len(connection.received), _ROOM + _PIECE + 1024)
        for turn in range(1, 4):
            connection.pipe.read()
            most = (turn + 1) * (_ROOM + _PIECE + 1024)
            self.assertLess(len(connection.received), most)

    def test_the_next_request_waits_for_the_end(self) -> None:
        connection = self.exchange.connect(_ROOM)
        connection.send(request_bytes("GET", self.target) * 2)
        while len(connection.received) < 2 * len(_DATA):
            connection.pipe.read()
        bodies = [each.body for each in connection.answers("GET", "GET")]
        self.assertEqual(bodies, [_DATA, _DATA])

    def test_head_opens_nothing(self) -> None:
        connection = self.exchange.connect()
        connection.send(request_bytes("HEAD", self.target))
        self.assertEqual(connection.answer("HEAD").status, 200)
        self.assertEqual(self.store.readers, set())

    def test_what_was_opened_is_closed(self) -> None:
        self.assertEqual(self.get(self.target).body, _DATA)
        self.assertEqual(self.store.readers, set())


class LeavingTests(DownloadCase):
    def test_within_the_blob(self) -> None:
        connection = self.exchange.connect(_ROOM)
        connection.send(request_bytes("GET", self.target))
        self.assertEqual(len(self.store.readers), 1)
        connection.drop()
        self.assertEqual(self.store.readers, set())

    def test_while_the_store_is_asked(self) -> None:
        """Threads cannot be stopped: their answer comes when nobody waits for it."""
        for target in (self.target, self.target.replace("/a/", "/%61/")):
            connection = self.exchange.connect()
            self.store.hold()
            connection.send(request_bytes("GET", target))
            connection.drop()
            self.store.release()
            self.assertEqual(connection.received, b"", target)
            self.assertEqual(self.store.readers, set(), target)

    def test_while_the_store_is_asked_for_other_things(self) -> None:
        location = self.begin_upload("a")
        for method, target, body in (
            ("GET", "/v2/a/manifests/latest", None),
            ("HEAD", self.target, None),
            ("GET", "/v2/%61/manifests/latest", None),
            ("PUT", "/v2/a/manifests/latest", b"{}"),
            ("DELETE", "/v2/a/manifests/latest", None),
            ("DELETE", "/v2/a/blobs/sha256:" + "0" * 64, None),
            ("GET", "/v2/a/tags/list", None),
            ("PATCH", location, b"hello"),
        ):
            connection = self.exchange.connect()
            self.store.hold()
            connection.send(request_bytes(method, target, body=body))
            connection.drop()
            self.store.release()
            connection.settle()
            self.assertEqual(self.store.readers, set(), f"{method} {target}")

    def test_the_log_says_that_it_left(self) -> None:
        connection = self.exchange.connect(_ROOM)
        with exchange.logged() as events:
            connection.send(request_bytes("GET", self.target))
            connection.drop()
        (line,) = exchange.lines(events)
        self.assertIn(" 499 ", line)


class BrokenOffTests(exchange.WebCase):
    """A blob that cannot be read to its end."""

    def setUp(self) -> None:
        clock = Clock()
        self.store = FailingStore(clock)
        self.exchange = Exchange(store=self.store, clock=clock)
        self.target = f"/v2/a/blobs/{self.push_blob('a', _DATA)}"
        self.store.reads = False

    def test_an_error_is_not_taken_for_the_blob(self) -> None:
        self.store.failure = lambda: StorageUnavailable("the disk is gone")
        connection = self.exchange.connect()
        connection.send(request_bytes("GET", self.target))
        self.assertTrue(connection.pipe.aborted)
        self.assertRaises(Cut, connection.answer)
        self.assertNotIn(b"UNAVAILABLE", connection.received)
        connection.drop()

    def test_what_became_shorter_is_not_gone_on_with(self) -> None:
        """The next answer would be taken for the rest of it."""
        store = ShortStore(self.exchange.clock)
        self.exchange = Exchange(store=store, clock=self.exchange.clock)
        target = f"/v2/a/blobs/{self.push_blob('a', _DATA)}"
        connection = self.exchange.connect()
        with exchange.logged() as events:
            connection.send(request_bytes("GET", target) * 2)
        self.assertTrue(connection.pipe.aborted)
        self.assertRaises(Cut, connection.answer)
        connection.drop()
        self.assertIn("A file became shorter", "".join(exchange.lines(events)))

    def test_damage_is_found_before_the_last_byte(self) -> None:
        other = Exchange(store=self.store, clock=self.exchange.clock)
        for key in self.exchange.stored():
            if "/blobs/" in key:
                self.exchange.wait(self.store.put(key, _DATA[:-1] + b"!"))
        connection = other.connect()
        connection.send(request_bytes("GET", self.target))
        self.assertTrue(connection.pipe.aborted)
        self.assertRaises(Cut, connection.answer)
        connection.drop()
        answer: Answer = other.ask("GET", self.target)
        self.assertRefused(answer, 404, "BLOB_UNKNOWN")
