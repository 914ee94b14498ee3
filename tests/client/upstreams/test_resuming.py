"""Tests of ``txregistry/client/upstreams/resuming.py``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.client.upstreams.case import (
    ALL,
    ALPINE,
    BLOB,
    DIGEST,
    UpstreamCase,
    blob,
    challenge,
    error,
    part,
    token,
)
from tests.storage.playing import LOST, Reply
from txregistry.client.upstreams import resuming
from txregistry.client.upstreams.interfaces import (
    Opened,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.client.upstreams.resuming import Resumption, open_resuming
from txregistry.streams import read_all

SIZE = len(BLOB)
RESUMPTION = Resumption(attempts=3, pause=1.0, longest_pause=3.0)
ONCE = Patience(attempts=1)


def cut(start: int, stop: int) -> Reply:
    """Answer with a blob from some byte on that breaks off at another."""
    others: dict[str, Any] = {"after": "cut", "length": SIZE - start}
    if not start:
        return blob(BLOB[:stop], **others)
    whole = part(start, BLOB[start:], **others)
    return Reply(206, BLOB[start:stop], whole.headers, "cut", SIZE - start)


class ResumingTests(UpstreamCase):
    def open(self, *replies: Reply, **others: Any) -> Opened:
        """Open a blob."""
        self.play(*replies, patience=ONCE)
        opened = self.result(self.opening(**others))
        assert opened is not None
        return opened

    async def opening(self, **others: Any) -> Opened | None:
        """Open a blob of what is played."""
        return await open_resuming(
            self.upstream,
            ALPINE,
            DIGEST,
            self.clock,
            resumption=RESUMPTION,
            chance=lambda: 1.0,
            **others,
        )

    def whole(self, *replies: Reply, **others: Any) -> bytes:
        """Read a blob."""
        data = self.read(self.open(*replies, **others).reader)
        self.assertEqual(self.agent.left, 0)
        self.assert_let_go()
        return data

    def fails(self, kind: Any, *replies: Reply, **others: Any) -> str:
        """Expect that it cannot be read, and give why."""
        opened = self.open(*replies, **others)
        return self.fault(kind, read_all(opened.reader, ALL)).reason

    def ranges(self) -> list[str]:
        """Give which parts were asked for."""
        return [each.header("range") for each in self.agent.asked]

    def test_blob_that_does_not_break_off(self) -> None:
        opened = self.open(blob())
        self.assertEqual((opened.size, opened.start), (SIZE, 0))
        self.assertEqual(self.read(opened.reader), BLOB)

    def test_absence(self) -> None:
        self.play(error(404))
        self.assertIsNone(self.result(self.opening()))

    def test_rest_is_asked_for(self) -> None:
        data = self.whole(cut(0, 30), cut(30, 60), part(60, BLOB[60:]))
        self.assertEqual(data, BLOB)
        self.assertEqual(self.ranges(), ["", "bytes=30-", "bytes=60-"])

    def test_start_may_be_in_the_middle(self) -> None:
        data = self.whole(cut(30, 60), part(60, BLOB[60:]), start=30)
        self.assertEqual(data, BLOB[30:])

    def test_upstream_that_gives_no_parts(self) -> None:
        self.assertEqual(self.whole(cut(0, 30), blob()), BLOB)

    def test_only_the_end_is_missing(self) -> None:
        endless = Reply(200, BLOB, blob().headers, "cut", None)
        end = error(416, content_range=f"bytes */{SIZE}")
        self.assertEqual(self.whole(endless, end), BLOB)

    def test_upstream_is_away_for_a_while(self) -> None:
        data = self.whole(cut(0, 30), LOST, part(30, BLOB[30:]))
        self.assertEqual(data, BLOB)

    def test_token_ends_meanwhile(self) -> None:
        data = self.whole(
            challenge(),
            token(),
            cut(0, 30),
            challenge(),
            token("t2"),
            part(30, BLOB[30:]),
        )
        self.assertEqual(data, BLOB)

    def test_each_pause_is_longer(self) -> None:
        opened = self.open(cut(0, 30), LOST, part(30, BLOB[30:]))
        self.result(opened.reader.read(30))
        done = Deferred.fromCoroutine(opened.reader.read(1))
        for left, pause in ((1, 1.0), (0, 2.0)):
            self.agent.flush()
            self.clock.advance(pause - 0.01)
            self.assertEqual(self.agent.left, left + 1)
            self.clock.advance(0.01)
            self.assertEqual(self.agent.left, left)
        self.assertEqual(self.successResultOf(done), BLOB[30:31])

    def test_upstream_that_breaks_off_for_ever(self) -> None:
        said = self.fails(
            UpstreamUnavailable, cut(0, 30), cut(30, 31), cut(31, 32), LOST
        )
        self.assertIn("broke off", said)
        self.assertEqual(self.agent.left, 1)

    def test_progress_counts(self) -> None:
        self.patch(resuming, "_PROGRESS", 10)
        pieces = [cut(start, start + 10) for start in range(0, 90, 10)]
        self.assertEqual(self.whole(*pieces, part(90, BLOB[90:])), BLOB)

    def test_blob_of_another_size_is_another_one(self) -> None:
        said = self.fails(
            UpstreamWrong, cut(0, 30), part(30, BLOB[30:] + b"x", SIZE + 1)
        )
        self.assertIn("101 bytes of a blob that has 100", said)

    def test_size_that_is_known_later_counts_too(self) -> None:
        endless = Reply(200, BLOB[:30], blob().headers, "cut", None)
        longer = part(60, BLOB[60:] + b"x", SIZE + 1)
        said = self.fails(UpstreamWrong, endless, cut(30, 60), longer)
        self.assertIn("101 bytes of a blob that has 100", said)

    def test_blob_of_the_size_that_is_known(self) -> None:
        self.assertEqual(self.whole(blob(), size=SIZE), BLOB)
        said = self.fails(UpstreamWrong, blob(length=None), size=SIZE + 1)
        self.assertIn("in place of", said)

    def test_blob_that_is_gone_meanwhile(self) -> None:
        said = self.fails(UpstreamWrong, cut(0, 30), error(404))
        self.assertIn("no longer", said)

    def test_lies_are_not_asked_for_again(self) -> None:
        self.fails(UpstreamWrong, cut(0, 30), part(31, BLOB[31:]), part(30, BLOB[30:]))
        self.assertEqual(self.agent.left, 1)

    def test_turn_is_given_back_in_a_pause(self) -> None:
        opened = self.open(cut(0, 30), part(30, BLOB[30:]))
        self.result(opened.reader.read(30))
        done = Deferred.fromCoroutine(opened.reader.read(30))
        self.agent.flush()
        self.assertEqual(self.upstream._blob_slots.taken, 0)
        self.clock.advance(1)
        self.agent.flush()
        self.assertEqual(self.successResultOf(done), BLOB[30:60])
        self.result(opened.reader.close())
        self.assert_let_go()

    def test_who_leaves_in_a_pause(self) -> None:
        opened = self.open(cut(0, 30), part(30, BLOB[30:]))
        self.result(opened.reader.read(30))
        done = Deferred.fromCoroutine(opened.reader.read(30))
        self.agent.flush()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.result(opened.reader.close())
        self.assert_let_go()

    def test_closing(self) -> None:
        opened = self.open(blob(BLOB[:9], after="silence", length=SIZE))
        self.result(opened.reader.close())
        self.result(opened.reader.close())
        self.assert_let_go()

    def test_nothing_is_read_after_the_end(self) -> None:
        opened = self.open(blob(), blob())
        self.result(opened.reader.close())
        self.fault(UpstreamUnavailable, opened.reader.read(1))
        self.assertEqual(self.agent.left, 1)

    def test_upstream_that_is_left_alone_is_waited_for(self) -> None:
        limits = Limits(failures=1, alone=2)
        self.play(cut(0, 30), LOST, part(30, BLOB[30:]), patience=ONCE, limits=limits)
        opened = self.result(
            open_resuming(
                self.upstream,
                ALPINE,
                DIGEST,
                self.clock,
                resumption=Resumption(attempts=4, pause=0.5),
                chance=lambda: 0.0,
            )
        )
        assert opened is not None
        self.assertEqual(self.read(opened.reader), BLOB)
        self.assertEqual(self.agent.left, 0)
