"""Tests of layers that are pushed, and of a store that fails meanwhile."""

import bz2
import gzip
import lzma

from tests.web.exchange import CHUNKED, Exchange, chunked, request_bytes
from tests.web.stores import FailingStore
from tests.web.v1.images import (
    EMPTY_LAYER,
    V1Image,
)
from tests.web.v1.pushing import (
    BAD_LAYERS,
    NEW,
    NEW_ID,
    PATH,
    PushCase,
)
from txregistry.storage.interfaces import StorageFull, StorageUnavailable


class LayerTests(PushCase):
    def test_bad_layers(self) -> None:
        self.put_json(NEW, self.write)
        before = self.exchange.stored()
        for layer, error in BAD_LAYERS:
            for more, body in (
                ({}, layer),
                (CHUNKED, chunked(layer) if layer else chunked()),
            ):
                headers = {**self.write, **more}
                answer = self.ask("PUT", f"{PATH}/layer", headers, body)
                self.assertSays(answer, 400, error)
                self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()
        self.assertSays(self.put_checksum(NEW, self.write), 400, "Checksum mismatch")

    def test_layer_that_breaks_off(self) -> None:
        whole = chunked(NEW.layer)
        for more, body in (
            (CHUNKED, whole[:-5]),
            (CHUNKED, whole[: len(whole) // 2]),
            (CHUNKED, b""),
            ({"Content-Length": str(len(NEW.layer))}, NEW.layer[:-1]),
            ({"Content-Length": str(len(NEW.layer) + 1)}, NEW.layer),
        ):
            self.put_json(NEW, self.write)
            before = self.exchange.stored()
            connection = self.exchange.connect()
            headers = {**self.write, **more}
            connection.send(request_bytes("PUT", f"{PATH}/layer", headers, body))
            self.assertEqual(connection.received, b"")
            connection.drop()
            self.assertEqual(self.exchange.stored(), before)
            self.assertSays(
                self.put_checksum(NEW, self.write), 400, "Checksum mismatch"
            )
            self.assertIsNowhere()
        self.push_parts(NEW, self.write)
        self.assertIsComplete()

    def test_chunks_that_are_none(self) -> None:
        self.put_json(NEW, self.write)
        before = self.exchange.stored()
        for body in (b"zz\r\nx\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-1\r\n"):
            answer = self.ask("PUT", f"{PATH}/layer", {**self.write, **CHUNKED}, body)
            self.assertEqual((answer.status, list(answer.json)), (400, ["error"]))
            self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()

    def test_while_one_comes_in_another_has_to_wait(self) -> None:
        self.put_json(NEW, self.write)
        connection = self.exchange.connect()
        headers = {**self.write, "Content-Length": str(len(NEW.layer))}
        connection.send(request_bytes("PUT", f"{PATH}/layer", headers, NEW.layer[:10]))
        busy = "Image is being uploaded, retry later"
        self.assertSays(self.put_layer(NEW, self.write), 400, busy)
        self.assertSays(self.put_json(NEW, self.write), 400, busy)
        self.assertSays(self.put_checksum(NEW, self.write), 400, busy)
        connection.send(NEW.layer[10:])
        self.assertEqual(connection.answer("PUT").status, 200)
        connection.drop()
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_layers_of_all_kinds(self) -> None:
        tar = gzip.decompress(NEW.layer)
        for layer in (
            EMPTY_LAYER,
            gzip.compress(b"", mtime=0),
            gzip.compress(tar[:700]) + gzip.compress(tar[700:]),
            tar,
            bz2.compress(tar),
            lzma.compress(tar),
            b"\0" * 1024,
            b"no tar at all",
            b"xy",
        ):
            self.setUp()
            image = V1Image(NEW_ID, NEW.json, layer)
            self.push_parts(image, self.write)
            self.assertIsComplete(image)

    def test_may_say_its_length(self) -> None:
        self.put_json(NEW, self.write)
        answer = self.ask("PUT", f"{PATH}/layer", self.write, NEW.layer)
        self.assertEqual((answer.status, answer.body), (200, b"true"))
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()

    def test_comes_in_pieces_of_any_size(self) -> None:
        self.put_json(NEW, self.write)
        connection = self.exchange.connect()
        pieces = [NEW.layer[place : place + 7] for place in range(0, len(NEW.layer), 7)]
        headers = {**self.write, **CHUNKED}
        body = request_bytes("PUT", f"{PATH}/layer", headers, chunked(*pieces))
        connection.send(body, size=1)
        self.assertEqual(connection.answer("PUT").status, 200)
        connection.drop()
        self.assertEqual(self.put_checksum(NEW, self.write).status, 200)
        self.assertIsComplete()


class LimitTests(PushCase):
    LIMIT = 500

    def setUp(self) -> None:
        super().setUp()
        self.exchange = Exchange(
            store=self.exchange.store,
            version1=self.settings,
            clock=self.exchange.clock,
            layer_limit=self.LIMIT,
        )
        self.put_json(NEW, self.write)

    def test_layer_over_the_limit(self) -> None:
        before = self.exchange.stored()
        for layer in (b"x" * (self.LIMIT + 1), b"x" * 1_000_000):
            for more, body in (({}, layer), (CHUNKED, chunked(layer))):
                headers = {**self.write, **more}
                answer = self.ask("PUT", f"{PATH}/layer", headers, body)
                self.assertSays(answer, 413, "A layer can have 500 bytes at most")
                self.assertEqual(self.exchange.stored(), before)
        self.assertIsNowhere()

    def test_layer_at_the_limit(self) -> None:
        image = V1Image(NEW_ID, NEW.json, b"x" * self.LIMIT)
        self.assertEqual(self.put_layer(image, self.write).status, 200)
        self.assertEqual(self.put_checksum(image, self.write).status, 200)
        self.assertIsComplete(image)

    def test_is_told_before_the_layer_is_sent(self) -> None:
        connection = self.exchange.connect()
        headers = {**self.write, "Content-Length": str(1 << 40)}
        connection.send(request_bytes("PUT", f"{PATH}/layer", headers))
        self.assertEqual(connection.answer("PUT").status, 413)
        connection.drop()


class StoreTests(PushCase):
    """The store fails, in the middle of a push."""

    def setUp(self) -> None:
        super().setUp()
        clock = self.exchange.clock
        self.store = FailingStore(clock)
        self.exchange = Exchange(store=self.store, version1=self.settings, clock=clock)
        self.write = self.announce()

    def test_full(self) -> None:
        self.store.failure = lambda: StorageFull("/srv/secret is full")
        answer = self.put_json(NEW, self.write)
        self.assertEqual((answer.status, list(answer.json)), (507, ["error"]))
        self.assertNotIn(b"/srv", answer.body)

    def test_gone(self) -> None:
        self.store.failure = lambda: StorageUnavailable("/srv/secret is gone")
        self.store.reads = False
        answer = self.put_json(NEW, self.write)
        self.assertEqual((answer.status, list(answer.json)), (503, ["error"]))
        self.assertIsNotNone(answer.header("retry-after"))
        self.assertNotIn(b"/srv", answer.body)

    def test_at_the_last_step(self) -> None:
        self.put_json(NEW, self.write)
        self.put_layer(NEW, self.write)
        self.store.failure = lambda: StorageFull("full")
        self.store.reads = False
        self.assertEqual(self.put_checksum(NEW, self.write).status, 507)
        self.store.failure = None
        read = self.token("acme/web", "write")
        answer = self.part("json", read)
        self.assertSays(answer, 404, "Image not found")
        self.assertEqual(self.put_json(NEW, self.write).status, 200)
        self.push_parts(NEW, self.write)
        self.assertEqual(self.part("layer", read).body, NEW.layer)
