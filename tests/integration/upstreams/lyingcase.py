"""Tests that ask a server which plays what they say."""

import ssl
from typing import Any, Final

from tests.integration.upstreams.case import (
    UpstreamCase,
    connections,
    noise,
    sockets,
)
from tests.integration.upstreams.liar import Liar, Play, always, answer
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Patience
from txregistry.model.descriptors import OCI_MANIFEST
from txregistry.model.digest import Digest

NAME: Final = "a/b"
BLOB: Final = noise(1_000_000)
DIGEST: Final = Digest.of(BLOB)
HASTY: Final = Patience(answer=1.0, stall=1.0, document=2.0, attempts=1)
MANIFEST: Final = b'{"schemaVersion": 2}'
KIND: Final = f"Content-Type: {OCI_MANIFEST}"
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK: Final = b"10000\r\n" + bytes(65536) + b"\r\n"


def redirect(url: str) -> bytes:
    """Write a redirect."""
    return answer(b"", f"Location: {url}", status="307 x")


class LyingCase(UpstreamCase):
    """Ask a server that plays what a test says."""

    def lie(self, play: Play, context: ssl.SSLContext | None = None) -> Liar:
        """Run it until the end of the test."""
        liar = Liar(play, context)
        self.addCleanup(liar.stop)
        return liar

    async def wrong(self, play: Play, **others: Any) -> str:
        """Expect a blob to be wrong, when it is asked for or read."""
        return await self.fails(UpstreamWrong, play, **others)

    async def fails(
        self,
        kind: type[UpstreamFault],
        play: Play,
        size: int | None = None,
        **others: Any,
    ) -> str:
        """Expect a blob not to be had, and nothing to be left of it."""
        before = sockets()
        liar = self.lie(play)
        upstream = self.ask(liar.url, **others)
        fault = await self.fault(kind, self.whole(upstream, size))
        await self.eventually(lambda: connections(upstream) == 0)
        self.assertEqual(upstream._blob_slots.taken, 0)
        liar.stop()
        await self.eventually(lambda: sockets() <= before)
        return fault.reason

    async def whole(self, upstream: Any, size: int | None = None) -> bytes:
        """Read a blob whole."""
        return await self.read(await upstream.open_blob(NAME, DIGEST, 0, None, size))

    async def refuses_manifest(
        self, kind: type[UpstreamFault], data: bytes, **others: Any
    ) -> str:
        """Expect a manifest not to be had."""
        liar = self.lie(always(data))
        upstream = self.ask(liar.url, **others)
        fault = await self.fault(kind, upstream.get_manifest(NAME, "latest"))
        self.assertEqual(upstream._slots.taken, 0)
        return fault.reason
