"""What one repository, or one client, could do to all others, over real sockets."""

import socket
from typing import Any

from tests.integration.upstreams.case import connections
from tests.integration.upstreams.liar import LOOPBACK, Talk, answer
from tests.integration.upstreams.lyingcase import (
    BLOB,
    DIGEST,
    KIND,
    MANIFEST,
    NAME,
    LyingCase,
)
from txregistry.client.upstreams.interfaces import (
    UpstreamFault,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience

BAD = "bad/one"
ERROR = answer(b"", status="500 x")
PATIENCE = Patience(attempts=3, pause=0.01)


def challenge(realm: str) -> bytes:
    """Want a token."""
    return answer(b"", f'WWW-Authenticate: Bearer realm="{realm}"', status="401 x")


class OneForAllTests(LyingCase):
    def play(self, bad: bytes) -> Any:
        """Ask a server that answers so for one repository, and well for others."""

        def play(talk: Talk) -> None:
            while head := talk.listen():
                is_bad = BAD.encode() in head.partition(b" HTTP/")[0]
                talk.say(bad if is_bad else answer(MANIFEST, KIND))

        self.liar = self.lie(play)
        return self.ask(self.liar.url, patience=PATIENCE)

    async def assert_harmless(
        self, bad: bytes, kind: type[UpstreamFault], times: int = 5
    ) -> None:
        """Expect that others get what they ask for all the same."""
        upstream = self.play(bad)
        for _ in range(times):
            await self.fault(kind, upstream.get_manifest(BAD, "latest"))
            self.assertIsNotNone(await upstream.get_manifest(NAME, "latest"))
        for _ in range(times):
            await self.fault(kind, upstream.get_manifest(BAD, "latest"))
        self.assertIsNotNone(await upstream.get_manifest(NAME, "latest"))
        shown = [each for each in self.liar.asked if b"authorization:" in each.lower()]
        self.assertEqual(shown, [])

    async def test_realm_that_is_none(self) -> None:
        await self.assert_harmless(challenge("file:///etc/passwd"), UpstreamWrong)

    async def test_realm_where_nobody_listens(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as bound:
            port = bound.getsockname()[1]
        realm = f"http://{LOOPBACK}:{port}/token"
        await self.assert_harmless(challenge(realm), UpstreamUnavailable)

    async def test_realm_that_is_not_there(self) -> None:
        def play(talk: Talk) -> None:
            while talk.listen():
                talk.say(answer(b"", status="404 x"))

        service = self.lie(play)
        await self.assert_harmless(challenge(f"{service.url}/token"), UpstreamWrong)

    async def test_faults(self) -> None:
        await self.assert_harmless(ERROR, UpstreamUnavailable)


class SlowClientTests(LyingCase):
    async def test_who_reads_slowly_is_in_nobodys_way(self) -> None:
        def play(talk: Talk) -> None:
            while talk.listen():
                talk.say(answer(BLOB))

        limits = Limits(concurrency=2, window=0.5)
        upstream = self.ask(self.lie(play).url, limits=limits)
        slow = await upstream.open_blob(NAME, DIGEST, passed=True)
        assert slow is not None
        await slow.reader.read(10)
        # What is fetched has turns of its own.
        self.assertEqual(await self.whole(upstream), BLOB)
        # What is passed on to others gets the turn of who does not use it.
        other = await upstream.open_blob(NAME, DIGEST, passed=True)
        self.assertEqual(await self.read(other), BLOB)
        await self.fault(UpstreamUnavailable, slow.reader.read(10))
        await slow.reader.close()
        self.assertEqual(upstream._passing_slots.taken, 0)
        await self.eventually(lambda: connections(upstream) <= 1)
