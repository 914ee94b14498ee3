"""Upstreams that lie and dawdle: each is told, and leaves nothing."""

import threading
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.integration.upstreams.case import (
    ALL,
    connections,
)
from tests.integration.upstreams.liar import Talk, always, answer
from tests.integration.upstreams.lyingcase import (
    BLOB,
    CHUNK,
    CHUNKED,
    DIGEST,
    HASTY,
    HEAD,
    KIND,
    MANIFEST,
    NAME,
    LyingCase,
)
from txregistry.client.upstreams.interfaces import (
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.model.digest import Digest
from txregistry.streams import read_all


class LengthTests(LyingCase):
    async def test_truth(self) -> None:
        upstream = self.ask(self.lie(always(answer(BLOB))).url)
        self.assertEqual(await self.whole(upstream), BLOB)

    async def test_body_without_an_end_where_its_size_is_known(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(CHUNKED)
            talk.say_for_ever(CHUNK)

        self.assertIn("more than there can be", await self.wrong(play, size=len(BLOB)))

    async def test_body_without_an_end(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(CHUNKED)
            talk.say_for_ever(CHUNK)

        said = await self.wrong(play, limits=Limits(largest=5_000_000))
        self.assertIn("more than there can be", said)

    async def test_manifest_without_an_end(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(CHUNKED)
            talk.say_for_ever(CHUNK)

        upstream = self.ask(self.lie(play).url)
        await self.fault(UpstreamWrong, upstream.get_manifest(NAME, "latest"))
        await self.eventually(lambda: connections(upstream) == 0)

    async def test_body_that_is_cut(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(answer(BLOB)[:-1])

        self.assertIn("broke off", await self.fails(UpstreamUnavailable, play))

    async def test_body_that_is_reset(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(answer(BLOB)[:-1])
            talk.reset()

        self.assertIn("broke off", await self.fails(UpstreamUnavailable, play))

    async def test_another_size(self) -> None:
        said = await self.wrong(always(answer(BLOB)), size=len(BLOB) + 1)
        self.assertIn("bytes of a blob that has", said)

    async def test_answer_to_a_question_that_nobody_asked(self) -> None:
        good, other = answer(MANIFEST, KIND), answer(b"{}", KIND)
        upstream = self.ask(self.lie(always(good + other)).url)
        for _ in range(3):
            found = await upstream.get_manifest(NAME, "latest")
            assert found is not None
            self.assertEqual(found.data, MANIFEST)

    async def test_manifest_of_another_digest(self) -> None:
        digest = Digest.of(b"other")
        lie = answer(MANIFEST, KIND, f"Docker-Content-Digest: {digest}")
        said = await self.refuses_manifest(UpstreamWrong, lie)
        self.assertIn("another digest", said)

    async def test_page_for_people(self) -> None:
        page = answer(b"<html>", "Content-Type: text/html")
        self.assertIn(
            "page for people", await self.refuses_manifest(UpstreamWrong, page)
        )
        self.assertIn("page for people", await self.wrong(always(page)))


class HeadTests(LyingCase):
    async def test_head_without_an_end(self) -> None:
        for line in (
            b"X: y\r\n",
            b" y\r\n",
            b"X: " + b"y" * 9000 + b"\r\n",
            b"y" * 9000,
        ):

            def play(talk: Talk, line: bytes = line) -> None:
                talk.listen()
                talk.say(HEAD)
                talk.say_for_ever(line)

            self.assertIn("(Overlong)", await self.wrong(play))

    async def test_interim_answers_without_an_end(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say_for_ever(b"HTTP/1.1 100 Continue\r\n\r\n")

        self.assertIn("(Overlong)", await self.wrong(play))

    async def test_no_http(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(b"220 mail.example ESMTP\r\n\r\n")
            talk.wait()

        self.assertIn("does not answer as HTTP does", await self.wrong(play))

    async def test_nothing(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()

        self.assertIn("cannot be asked", await self.fails(UpstreamUnavailable, play))

    async def test_nobody(self) -> None:
        liar = self.lie(always(answer(BLOB)))
        liar.stop()
        upstream = self.ask(liar.url)
        await self.fault(UpstreamUnavailable, self.whole(upstream))

    async def test_plain_text_where_tls_is_spoken(self) -> None:
        liar = self.lie(always(answer(BLOB)))
        upstream = self.ask(liar.url.replace("http:", "https:"), patience=HASTY)
        await self.fault(UpstreamUnavailable, self.whole(upstream))


class SlowTests(LyingCase):
    async def test_silence(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.wait()

        said = await self.fails(UpstreamUnavailable, play, patience=HASTY)
        self.assertIn("did not answer in 1 s", said)

    async def test_drips_of_a_head(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(HEAD)
            talk.say_for_ever(b"X: y\r\n", 0.1)

        said = await self.fails(UpstreamUnavailable, play, patience=HASTY)
        self.assertIn("did not answer in 1 s", said)

    async def test_body_that_stands_still(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(answer(BLOB)[:1000])
            talk.wait()

        said = await self.fails(
            UpstreamUnavailable, play, patience=Patience(stall=1.0, attempts=1)
        )
        self.assertIn("broke off", said)

    async def test_drips_of_a_blob(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(answer(BLOB)[:1000])
            talk.say_for_ever(b"x", 0.05)

        limits = Limits(least=1000, window=1.0)
        said = await self.fails(UpstreamUnavailable, play, limits=limits)
        self.assertIn("gives too little at a time", said)

    async def test_drips_of_a_manifest(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(answer(bytes(99_999), KIND)[:1000])
            talk.say_for_ever(b"x", 0.05)

        upstream = self.ask(
            self.lie(play).url, patience=Patience(document=2.0, attempts=1)
        )
        work = upstream.get_manifest(NAME, "latest")
        fault = await self.fault(UpstreamUnavailable, work)
        self.assertIn("gives too little at a time", fault.reason)

    async def test_upstream_waits_while_nobody_reads(self) -> None:
        taken: list[int] = []
        ended = threading.Event()

        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(CHUNKED)
            taken.append(0)
            while True:
                talk.say(CHUNK)
                taken[0] += len(CHUNK)

        def until_the_end(talk: Talk) -> None:
            try:
                play(talk)
            finally:
                ended.set()

        upstream = self.ask(self.lie(until_the_end).url)
        opened = await upstream.open_blob(NAME, DIGEST)
        assert opened is not None
        await opened.reader.read(1000)
        before = -1
        while taken[0] != before:  # until the kernel takes no more for us
            before = taken[0]
            turn: Deferred[None] = Deferred()
            self.reactor.callLater(0.5, turn.callback, None)
            await turn
        reader: Any = opened.reader
        self.assertLess(reader._body._held, 1_000_000)
        self.assertLess(before, 50_000_000)
        await opened.reader.close()
        await self.eventually(ended.is_set)

    async def test_who_leaves_while_nothing_comes(self) -> None:
        def play(talk: Talk) -> None:
            talk.listen()
            talk.say(answer(BLOB)[:1000])
            talk.wait()

        liar = self.lie(play)
        upstream = self.ask(liar.url)
        opened = await upstream.open_blob(NAME, DIGEST)
        assert opened is not None
        await opened.reader.read(100)
        reading = Deferred.fromCoroutine(read_all(opened.reader, ALL))
        reading.cancel()
        with self.assertRaises(CancelledError):
            await reading
        await self.eventually(lambda: connections(upstream) == 0)
