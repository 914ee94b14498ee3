"""Downloads over real sockets: by the kernel over TCP, pumped over TLS."""

import json
import os
import random
from collections.abc import Callable
from functools import partial

from tests.integration import wire
from tests.web.content import OCI_INDEX, digest_of, index
from tests.web.exchange import request_bytes
from txregistry.model.digest import Digest
from txregistry.storage.keys import blob
from txregistry.web.channel import RegistryChannel

_DATA = random.Random(1).randbytes(8 * 1024 * 1024 + 12_345)  # noqa: S311 - an example
_SMALL = 64 * 1024
_KEPT = 4 * 1024 * 1024
"""Bytes of an answer that the server may hold: its buffers, with much to spare."""


class DownloadTests(wire.WireCase):
    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        self.target = await self.push(_DATA)

    def get(self, **headers: str) -> bytes:
        return request_bytes("GET", self.target, headers)

    async def test_the_bytes_are_right(self) -> None:
        answer = await self.ask("GET", self.target)
        self.assertEqual(digest_of(answer.body), digest_of(_DATA))

    async def test_the_bytes_are_right_for_a_client_of_small_buffers(self) -> None:
        client = await self.connect(buffer=_SMALL)
        client.send(self.get())
        answer = await client.answer()
        self.assertEqual(digest_of(answer.body), digest_of(_DATA))

    async def test_many_at_once(self) -> None:
        clients = [await self.connect() for _ in range(4)]
        for client in clients:
            client.send(self.get())
        for client in clients:
            answer = await client.answer()
            self.assertEqual(digest_of(answer.body), digest_of(_DATA))

    async def test_of_all_kinds_behind_each_other(self) -> None:
        manifest = index()
        kind = {"Content-Type": OCI_INDEX}
        path = "/v2/a/manifests/latest"
        await self.ask("PUT", path, headers=kind, body=manifest)
        client = await self.connect()
        client.send(
            self.get()
            + request_bytes("GET", path)
            + self.get(Range="bytes=1000000-1999999")
            + request_bytes("HEAD", self.target)
            + self.get(Range="bytes=-1")
            + self.get(Range="bytes=99999999-")
            + request_bytes("GET", path)
            + self.get()
        )
        methods = ("GET", "GET", "GET", "HEAD", "GET", "GET", "GET", "GET")
        answers = await client.answers(*methods)
        self.assertEqual(
            [each.status for each in answers], [200, 200, 206, 200, 206, 416, 200, 200]
        )
        bodies = [answers[place].body for place in (0, 1, 2, 4, 6, 7)]
        self.assertTrue(
            bodies
            == [_DATA, manifest, _DATA[1000000:2000000], _DATA[-1:], manifest, _DATA]
        )
        json.loads(answers[5].body)

    async def test_an_empty_blob_among_others(self) -> None:
        empty = await self.push(b"")
        client = await self.connect()
        client.send((request_bytes("GET", empty) + self.get()) * 2)
        answers = await client.answers(*["GET"] * 4)
        sizes = [len(each.body) for each in answers]
        self.assertEqual(sizes, [0, len(_DATA)] * 2)

    async def test_one_that_wants_it_closed(self) -> None:
        client = await self.connect()
        client.send(self.get(Connection="close"))
        await client.end()
        answer = await client.answer()
        self.assertEqual(digest_of(answer.body), digest_of(_DATA))

    async def test_is_logged_with_its_size(self) -> None:
        lines: list[int] = []
        self.site.log = lambda request: lines.append(request.sentLength)  # type: ignore[method-assign]  # for this site
        await self.ask("GET", self.target)
        self.assertEqual(lines, [len(_DATA)])

    async def test_a_client_that_does_not_read(self) -> None:
        """What it left unread is in the store still, not in memory."""
        client = await self.connect(buffer=_SMALL)
        channel = await self.channel()
        client.stop_reading()
        client.send(self.get() * 4)
        await self.eventually(lambda: channel.sending_since is not None)
        await self.eventually(self.has_stalled(channel))
        transport = channel.transport.transport if self.secure else channel.transport
        held = len(transport.dataBuffer) + sum(map(len, transport._tempDataBuffer))
        self.assertLess(held, _KEPT)
        client.go_on_reading()
        answers = await client.answers(*["GET"] * 4)
        self.assertTrue(all(each.body == _DATA for each in answers))

    def has_stalled(self, channel: RegistryChannel) -> Callable[[], bool]:
        """Make what says that nothing has moved since it was asked last, and before."""
        seen: list[float | None] = []

        def stalled() -> bool:
            seen.append(channel.sending_since)
            return len(seen) > 10 and len({*seen[-10:]}) == 1

        return stalled

    async def test_clients_that_leave_in_the_middle(self) -> None:
        for way in ("leave", "reset"):
            for turn in range(20):
                client = await self.connect(buffer=_SMALL)
                client.send(self.get())
                await client.has(1 + turn * 1000)
                getattr(client, way)()
                await client.end()
        await self.eventually(lambda: not self.site.channels)
        await self.eventually(lambda: not self.open_files())

    async def test_clients_that_leave_at_once(self) -> None:
        for way in ("leave", "reset"):
            for _ in range(10):
                client = await self.connect()
                client.send(self.get() * 3)
                getattr(client, way)()
                await client.end()
        await self.eventually(lambda: not self.site.channels)
        await self.eventually(lambda: not self.open_files())

    async def test_a_file_that_became_shorter(self) -> None:
        """The connection breaks: what came is not to be taken for whole."""
        path = os.path.join(self.directory, blob(Digest.of(_DATA)))
        client = await self.connect(buffer=_SMALL)
        client.stop_reading()
        client.send(self.get())
        await self.eventually(lambda: bool(self.open_files()))
        os.truncate(path, len(_DATA) // 2)
        client.go_on_reading()
        await client.end()
        self.assertLess(len(client.received), len(_DATA))
        await self.eventually(lambda: not self.open_files())

    def forget(self) -> None:
        """Have the kernel drop the file from its memory, where it does that."""
        path = os.path.join(self.directory, blob(Digest.of(_DATA)))
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)

    async def test_a_file_that_is_on_the_disk_only(self) -> None:
        self.forget()
        client = await self.connect()
        client.send(self.get())
        answer = await client.answer()
        self.assertEqual(digest_of(answer.body), digest_of(_DATA))

    def is_under_way(self, client: wire.Client) -> bool:
        """Say whether an answer came, or a thread is wanted for it."""
        return bool(client.received) or self.gate.is_waited_at

    async def test_clients_that_leave_while_the_disk_is_read(self) -> None:
        for way in ("leave", "reset"):
            self.forget()
            client = await self.connect()
            await self.channel()
            self.gate.close()
            client.send(self.get())
            await self.eventually(partial(self.is_under_way, client))
            getattr(client, way)()
            await client.end()
            self.gate.open()
            await self.eventually(lambda: not self.site.channels)
            await self.eventually(lambda: not self.open_files())

    async def test_what_is_deleted_meanwhile_is_sent_to_its_end(self) -> None:
        client = await self.connect(buffer=_SMALL)
        client.stop_reading()
        client.send(self.get())
        await self.eventually(lambda: bool(self.open_files()))
        os.unlink(os.path.join(self.directory, blob(Digest.of(_DATA))))
        client.go_on_reading()
        answer = await client.answer()
        self.assertEqual(digest_of(answer.body), digest_of(_DATA))


class FirstDownloadTests(DownloadTests):
    """What was not read yet: its end is held back until it is proven."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        self.path = os.path.join(self.directory, blob(Digest.of(_DATA)))
        os.utime(self.path, (1, 1))  # as if it had been written again

    def rot(self) -> None:
        """Change a byte."""
        with open(self.path, "r+b") as file:
            file.write(b"!")

    async def test_the_end_of_what_has_rotted_never_comes(self) -> None:
        self.rot()
        client = await self.connect()
        client.send(self.get())
        await client.end()
        self.assertGreater(len(client.received), len(_DATA) // 2)
        self.assertLess(len(client.received), len(_DATA))
        self.assertEqual((await self.ask("GET", self.target)).status, 404)


class SecureFirstDownloadTests(FirstDownloadTests):
    secure = True


class SecureDownloadTests(DownloadTests):
    secure = True

    async def test_never_speaks_h2(self) -> None:
        client = await self.connect(alpn=[b"h2", b"http/1.1"])
        client.send(request_bytes("GET", "/v2/"))
        self.assertEqual((await client.answer()).status, 200)
        self.assertEqual(client.protocol, b"http/1.1")

    async def test_a_client_that_speaks_only_h2(self) -> None:
        """RFC 7301, section 3.2: there is no such connection."""
        client = await self.connect(alpn=[b"h2"])
        await client.end()
        self.assertEqual(client.received, b"")
