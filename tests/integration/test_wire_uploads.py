"""Uploads over real sockets: large, refused early, broken off."""

import random
from typing import Any

from twisted.internet.defer import Deferred

from tests.integration import wire
from tests.web.content import digest_of
from tests.web.exchange import CHUNKED, chunked, request_bytes
from txregistry.web.borrowing import Borrowed
from txregistry.web.channel import RegistryChannel

_DATA = random.Random(2).randbytes(6 * 1024 * 1024 + 321)  # noqa: S311 - an example
_NOWHERE = "/v2/a/blobs/uploads/" + "0" * 8 + "-0000-4000-8000-" + "0" * 12
_KEPT = 1024 * 1024
"""Bytes of a body that may wait in memory, with much to spare."""


def whole(data: bytes) -> bytes:
    """Spell the upload of a blob in one request."""
    target = f"/v2/a/blobs/uploads/?digest={digest_of(data)}"
    return request_bytes("POST", target, body=data)


class UploadTests(wire.WireCase):
    async def test_the_bytes_are_right(self) -> None:
        target = await self.push(_DATA)
        answer = await self.ask("GET", target)
        self.assertEqual(digest_of(answer.body), digest_of(_DATA))

    async def test_chunked(self) -> None:
        pieces = [
            _DATA[place : place + 40_000] for place in range(0, len(_DATA), 40_000)
        ]
        target = f"/v2/a/blobs/uploads/?digest={digest_of(_DATA)}"
        answer = await self.ask("POST", target, headers=CHUNKED, body=chunked(*pieces))
        self.assertEqual(answer.status, 201)

    async def test_several_behind_each_other_and_a_question(self) -> None:
        parts = [_DATA[place : place + 1_500_000] for place in (0, 1, 2)]
        client = await self.connect()
        ask = request_bytes("GET", "/v2/")
        client.send(b"".join(whole(part) + ask for part in parts))
        answers = await client.answers(*["POST", "GET"] * 3)
        self.assertEqual([each.status for each in answers], [201, 200] * 3)

    async def test_expected_to_go_on(self) -> None:
        client = await self.connect()
        head, _, body = whole(_DATA).partition(b"\r\n\r\n")
        client.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
        await client.has(1)
        self.assertEqual(client.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send(body)
        self.assertEqual((await client.answer("POST")).status, 201)

    async def test_many_at_once(self) -> None:
        clients = [await self.connect() for _ in range(6)]
        for client in clients:
            client.send(whole(_DATA))
        for client in clients:
            self.assertEqual((await client.answer("POST")).status, 201)
        await self.eventually(lambda: self.site.receiving == 0)

    async def test_a_slow_disk_makes_the_client_wait(self) -> None:
        client = await self.connect()
        channel = await self.channel()
        self.gate.close()
        client.send(whole(_DATA))
        await self.eventually(lambda: bool(channel.requests and self.gate.is_waited_at))
        body = channel.requests[0].body
        await self.eventually(lambda: bool(body.paused))
        self.assertLess(body.received, _KEPT)
        self.gate.open()
        self.assertEqual((await client.answer("POST")).status, 201)


class SecureUploadTests(UploadTests):
    secure = True


class BorrowedTests(wire.WireCase):
    """Threads read for themselves what comes while they are at it."""

    def setUp(self) -> Deferred[None]:  # type: ignore[override]  # trial awaits it
        self.lent: list[Borrowed] = []
        self.holds = False
        lend = RegistryChannel.lend

        def noted(channel: RegistryChannel) -> Borrowed | None:
            borrowed = lend(channel)
            if borrowed is not None:
                self.lent.append(borrowed)
                if self.holds:
                    self.gate.close()  # the thread is about to begin
            return borrowed

        self.patch(RegistryChannel, "lend", noted)
        return Deferred.fromCoroutine(super().setUp())

    async def test_what_is_large_is_read_by_threads(self) -> None:
        client = await self.connect()
        client.send(whole(_DATA) + request_bytes("GET", "/v2/"))
        answers = await client.answers("POST", "GET")
        self.assertEqual([each.status for each in answers], [201, 200])
        self.assertGreater(sum(each.received for each in self.lent), 0)

    async def test_a_client_that_leaves_meanwhile(self) -> None:
        client = await self.connect()
        channel = await self.channel()
        client.send(whole(_DATA)[:-1])
        await self.eventually(lambda: bool(self.lent))
        client.reset()
        await self.eventually(lambda: channel not in self.site.channels)
        self.assertEqual(self.site.receiving, 0)

    async def test_who_says_nothing_afterwards_is_let_go(self) -> None:
        client = await self.connect()
        channel: Any = await self.channel()
        client.send(whole(_DATA))
        self.assertEqual((await client.answer("POST")).status, 201)
        self.assertIsNotNone(channel._TimeoutMixin__timeoutCall)

    async def test_clients_that_end_in_the_middle(self) -> None:
        for size in range(0, 600_000, 40_000):
            client = await self.connect()
            client.send(whole(_DATA)[: 300_000 + size])
            client.leave()
            await client.end()
        await self.eventually(lambda: not self.site.channels)

    async def test_it_is_not_closed_under_a_threads_hands(self) -> None:
        client = await self.connect()
        channel = await self.channel()
        self.holds = True
        client.send(whole(_DATA)[:1_000_000])
        await self.eventually(lambda: channel._is_lent)
        channel.abort()
        self.assertTrue(channel.transport.connected)
        self.gate.open()
        await client.end()
        self.assertEqual(client.received, b"")


class SecurelyBorrowedTests(BorrowedTests):
    secure = True


class EarlyRefusalTests(wire.WireCase):
    """Clients that look at the answer only when they have sent everything see it."""

    async def refused(self, data: bytes, *, status: int = 404) -> None:
        client = await self.connect()
        client.stop_reading()
        client.send(data)
        await self.eventually(client.has_sent)
        client.go_on_reading()
        await client.end()
        answer = await client.answer("PATCH")
        self.assertEqual((answer.status, answer.keeps), (status, False))

    async def test_a_large_body(self) -> None:
        for _ in range(5):
            await self.refused(request_bytes("PATCH", _NOWHERE, body=_DATA * 2))

    async def test_chunks(self) -> None:
        data = chunked(_DATA, _DATA)
        await self.refused(request_bytes("PATCH", _NOWHERE, CHUNKED, data))

    async def test_chunks_without_end(self) -> None:
        data = chunked(_DATA)[:-5]
        await self.refused(request_bytes("PATCH", _NOWHERE, CHUNKED, data))

    async def test_a_manifest_that_is_too_large(self) -> None:
        target = "/v2/a/manifests/latest"
        await self.refused(request_bytes("PUT", target, body=_DATA), status=413)
        data = chunked(_DATA)
        await self.refused(request_bytes("PUT", target, CHUNKED, data), status=413)

    async def test_a_refusal_before_any_request(self) -> None:
        await self.refused(b"what is this\r\n\r\n" + _DATA, status=400)

    async def test_a_small_body_and_the_connection_goes_on(self) -> None:
        client = await self.connect()
        data = request_bytes("PATCH", _NOWHERE, body=_DATA[:200_000])
        client.send((data + request_bytes("GET", "/v2/")) * 3)
        answers = await client.answers(*["PATCH", "GET"] * 3)
        self.assertEqual([each.status for each in answers], [404, 200] * 3)


class SecureEarlyRefusalTests(EarlyRefusalTests):
    secure = True


class LeavingTests(wire.WireCase):
    """Clients that leave within a body leave nothing else."""

    async def leave_in_the_middle(self, way: str, data: bytes) -> None:
        client = await self.connect()
        channel = await self.channel()
        client.send(data)
        await self.eventually(
            lambda: bool(channel.requests and channel.requests[0].body.received)
        )
        getattr(client, way)()
        await client.end()
        await self.eventually(lambda: not self.site.channels)
        await self.eventually(lambda: not self.open_files())
        self.assertEqual(self.site.receiving, 0)

    async def test_within_a_whole_upload(self) -> None:
        for way in ("leave", "reset"):
            for _ in range(3):
                await self.leave_in_the_middle(way, whole(_DATA)[:-1])
        answer = await self.ask("HEAD", f"/v2/a/blobs/{digest_of(_DATA)}")
        self.assertEqual(answer.status, 404)

    async def test_within_a_session_that_then_goes_on(self) -> None:
        location = await self.begin_upload()
        half = len(_DATA) // 2
        data = request_bytes("PATCH", location, body=_DATA)
        await self.leave_in_the_middle("leave", data[:-half])
        state = await self.ask("GET", location)
        size = int((state.header("range") or "").partition("-")[2]) + 1
        self.assertLessEqual(size, len(_DATA) - half)
        answer = await self.ask(
            "PUT",
            f"{location}?digest={digest_of(_DATA)}",
            headers={"Content-Range": f"{size}-{len(_DATA) - 1}"},
            body=_DATA[size:],
        )
        self.assertEqual(answer.status, 201)

    async def test_within_chunks(self) -> None:
        location = await self.begin_upload()
        data = request_bytes("PATCH", location, CHUNKED, chunked(_DATA)[:-9])
        for way in ("leave", "reset"):
            await self.leave_in_the_middle(way, data)
        state = await self.ask("GET", location)
        self.assertEqual(state.status, 204)

    async def test_while_a_thread_works(self) -> None:
        for way in ("leave", "reset"):
            client = await self.connect()
            await self.channel()
            self.gate.close()
            client.send(whole(_DATA)[:50_000])
            await self.eventually(lambda: self.gate.is_waited_at)
            getattr(client, way)()
            await client.end()
            await self.eventually(lambda: not self.site.channels)
            self.gate.open()
            await self.eventually(lambda: not self.open_files())

    async def test_while_it_has_to_wait(self) -> None:
        client = await self.connect()
        channel = await self.channel()
        self.gate.close()
        client.send(whole(_DATA))
        await self.eventually(lambda: bool(channel.requests and self.gate.is_waited_at))
        body = channel.requests[0].body
        await self.eventually(lambda: bool(body.paused))
        client.reset()
        await client.end()
        self.gate.open()
        await self.eventually(lambda: not self.site.channels)
        await self.eventually(lambda: not self.open_files())

    async def test_after_everything_while_it_is_stored(self) -> None:
        client = await self.connect()
        await self.channel()
        data = _DATA[:1000]
        self.gate.close()
        client.send(whole(data))
        await self.eventually(lambda: self.gate.is_waited_at)
        client.reset()
        await client.end()
        await self.eventually(lambda: not self.site.channels)
        self.gate.open()
        await self.eventually(lambda: not self.open_files())


class SecureLeavingTests(LeavingTests):
    secure = True


class DrainTests(wire.WireCase):
    async def test_what_is_under_way_may_finish(self) -> None:
        client, idle = await self.connect(), await self.connect()
        await self.eventually(lambda: len(self.site.channels) == 2)
        data = whole(_DATA)
        client.send(data[:-1])
        await self.eventually(lambda: self.site.receiving == 1)
        done = Deferred.fromCoroutine(self.site.drain(wire.DEADLINE))
        await idle.end()
        self.assertNoResult(done)
        client.send(data[-1:])
        answer = await client.answer("POST")
        self.assertEqual((answer.status, answer.keeps), (201, False))
        await client.end()
        await done

    async def test_patience_ends(self) -> None:
        client = await self.connect()
        client.send(whole(_DATA)[:-1])
        await self.eventually(lambda: self.site.receiving == 1)
        await self.site.drain(0.01)
        await client.end()
        self.assertEqual(client.received, b"")


class SecureDrainTests(DrainTests):
    secure = True
