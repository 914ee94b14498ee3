"""Tests of ``txregistry/client/upstreams/blobs.py`` and ``readers.py``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.client.upstreams.case import (
    ALL,
    ALPINE,
    BLOB,
    DIGEST,
    OCTETS,
    UpstreamCase,
    blob,
    error,
    part,
    redirect,
)
from tests.storage.playing import Reply
from txregistry.client.upstreams.interfaces import (
    Found,
    Opened,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.client.upstreams.readers import Pace
from txregistry.model.digest import Digest
from txregistry.streams import read_all, read_pieces

OTHER = str(Digest.of(b"other"))
SIZE = len(BLOB)


class HeadTests(UpstreamCase):
    def head(self, *replies: Reply) -> Found | None:
        """Give what an answer is taken for."""
        self.play(*replies)
        found = self.result(self.upstream.head_blob(ALPINE, DIGEST))
        self.assert_let_go()
        return found

    def test_blob(self) -> None:
        found = self.head(Reply(headers=OCTETS, length=SIZE))
        self.assertEqual(found, Found(DIGEST, SIZE, "application/octet-stream"))
        (asked,) = self.agent.asked
        self.assertEqual(asked.method, "HEAD")
        self.assertEqual(asked.target, f"/v2/{ALPINE}/blobs/{DIGEST}")

    def test_absence(self) -> None:
        for status in (404, 410):
            self.assertIsNone(self.head(error(status)))

    def test_blob_elsewhere_that_can_only_be_fetched(self) -> None:
        for status in (400, 401, 403, 405):
            found = self.head(redirect("https://cdn.example/x"), error(status))
            self.assertEqual(found, Found(DIGEST, None, "application/octet-stream"))

    def test_lies(self) -> None:
        for reply, said in (
            (Reply(headers={"Content-Type": "text/html"}), "page for people"),
            (
                Reply(headers={**OCTETS, "Docker-Content-Digest": OTHER}),
                "another digest",
            ),
            (Reply(206, headers=OCTETS), "answered 206"),
        ):
            self.play(reply)
            work = self.upstream.head_blob(ALPINE, DIGEST)
            self.assertIn(said, self.fault(UpstreamWrong, work).reason)


class OpenCase(UpstreamCase):
    """Open blobs."""

    def open(self, *replies: Reply, start: int = 0, **others: Any) -> Opened:
        """Open a blob."""
        size = others.pop("size", None)
        self.play(*replies, **others)
        work = self.upstream.open_blob(ALPINE, DIGEST, start, size=size)
        opened = self.result(work)
        assert opened is not None
        return opened

    def whole(self, *replies: Reply, start: int = 0, **others: Any) -> bytes:
        """Read a blob."""
        data = self.read(self.open(*replies, start=start, **others).reader)
        self.assert_let_go()
        return data

    def wrong(
        self, *replies: Reply, start: int = 0, size: int | None = None, **others: Any
    ) -> str:
        """Expect that an upstream is wrong before anything is read, and give how."""
        self.play(*replies, **others)
        work = self.upstream.open_blob(ALPINE, DIGEST, start, size=size)
        return self.fault(UpstreamWrong, work).reason

    def breaks(self, kind: Any, *replies: Reply, **others: Any) -> str:
        """Expect that reading a blob fails, and give how."""
        opened = self.open(*replies, **others)
        return self.fault(kind, read_all(opened.reader, ALL)).reason


class OpenTests(OpenCase):
    def test_blob(self) -> None:
        opened = self.open(blob())
        self.assertEqual((opened.size, opened.start), (SIZE, 0))
        self.assertEqual(self.read(opened.reader), BLOB)
        (asked,) = self.agent.asked
        self.assertEqual(asked.target, f"/v2/{ALPINE}/blobs/{DIGEST}")
        self.assertEqual((asked.method, asked.header("range")), ("GET", ""))

    def test_absence(self) -> None:
        for status in (404, 410):
            self.play(error(status))
            work = self.upstream.open_blob(ALPINE, DIGEST)
            self.assertIsNone(self.result(work))
            self.assert_let_go()

    def test_name_that_cannot_be(self) -> None:
        self.play()
        work = self.upstream.open_blob("a//b", DIGEST)
        self.assertIsNone(self.result(work))
        self.assert_let_go()

    def test_empty_blob(self) -> None:
        opened = self.open(blob(b""))
        self.assertEqual((opened.size, self.read(opened.reader)), (0, b""))
        self.assert_let_go()

    def test_size_need_not_be_said(self) -> None:
        opened = self.open(blob(length=None))
        self.assertEqual((opened.size, self.read(opened.reader)), (None, BLOB))

    def test_size_is_known_already(self) -> None:
        for length in (None, SIZE):
            opened = self.open(blob(length=length), size=SIZE)
            self.assertEqual((opened.size, self.read(opened.reader)), (SIZE, BLOB))

    def test_pieces_are_as_many_as_wanted(self) -> None:
        reader = self.open(blob()).reader
        self.assertEqual(self.result(reader.read(10)), BLOB[:10])
        pieces = self.result(read_pieces(reader, 50, 50))
        self.assertEqual(b"".join(pieces), BLOB[10:60])
        self.assertEqual(self.read(reader), BLOB[60:])

    def test_packed_blob_is_not_unpacked(self) -> None:
        self.assertEqual(self.whole(blob(content_encoding="gzip")), BLOB)
        self.assertEqual(self.agent.asked[0].header("accept-encoding"), "identity")

    def test_turn_ends_with_the_body(self) -> None:
        reader = self.open(blob()).reader
        self.assertEqual(self.upstream._blob_slots.taken, 1)
        self.result(reader.read(ALL))
        self.result(reader.read(ALL))
        self.assertEqual(self.upstream._blob_slots.taken, 0)

    def test_closing_twice_is_harmless(self) -> None:
        reader = self.open(blob(after="silence", length=900)).reader
        self.result(reader.close())
        self.result(reader.close())
        self.assert_let_go()


class LieTests(OpenCase):
    def test_page_is_wrong(self) -> None:
        self.assertIn("page for people", self.wrong(blob(content_type="text/html")))

    def test_another_digest_is_wrong(self) -> None:
        said = self.wrong(blob(docker_content_digest=OTHER))
        self.assertIn("another digest", said)

    def test_same_digest_or_none_is_right(self) -> None:
        for text in (str(DIGEST), str(Digest.of(BLOB, "sha512")), "nonsense"):
            self.assertEqual(self.whole(blob(docker_content_digest=text)), BLOB)

    def test_another_size_is_wrong(self) -> None:
        for size in (SIZE - 1, SIZE + 1):
            said = self.wrong(blob(), size=size)
            self.assertIn(f"has {SIZE} bytes of a blob that has {size}", said)

    def test_more_than_there_can_be_is_wrong(self) -> None:
        said = self.breaks(UpstreamWrong, blob(length=None), size=SIZE - 1)
        self.assertIn("more than there can be", said)

    def test_body_without_an_end_is_wrong(self) -> None:
        endless = blob(BLOB * 10, length=None, after="silence")
        said = self.breaks(UpstreamWrong, endless, size=SIZE)
        self.assertIn("more than there can be", said)
        self.assertEqual(self.clock.seconds(), 0)

    def test_body_without_an_end_of_unknown_size_is_wrong(self) -> None:
        endless = blob(BLOB * 10, length=None, after="silence")
        said = self.breaks(UpstreamWrong, endless, limits=Limits(largest=500))
        self.assertIn("more than there can be", said)

    def test_size_that_cannot_be_is_wrong(self) -> None:
        said = self.wrong(blob(), limits=Limits(largest=SIZE - 1))
        self.assertIn("larger than there can be", said)

    def test_fewer_than_there_must_be_is_wrong(self) -> None:
        said = self.breaks(UpstreamWrong, blob(length=None), size=SIZE + 1)
        self.assertIn(f"gave {SIZE} bytes in place of {SIZE + 1}", said)

    def test_failure_stays_one(self) -> None:
        reader = self.open(blob(length=None), size=SIZE - 1).reader
        for _ in range(2):
            self.fault(UpstreamWrong, reader.read(ALL))

    def test_body_that_is_cut(self) -> None:
        for length in (SIZE, None):
            cut = blob(BLOB[:7], after="cut", length=length)
            said = self.breaks(UpstreamUnavailable, cut)
            self.assertIn("broke off after 7 bytes", said)

    def test_body_that_stands_still(self) -> None:
        still = blob(BLOB[:7], after="silence", length=SIZE)
        said = self.breaks(UpstreamUnavailable, still, patience=Patience(stall=5))
        self.assertIn("broke off after 7 bytes", said)
        self.assertLess(self.clock.seconds(), 6)

    def test_who_leaves_breaks_it_off(self) -> None:
        reader = self.open(blob(BLOB[:7], after="silence", length=SIZE)).reader
        self.result(reader.read(7))
        done = Deferred.fromCoroutine(reader.read(7))
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assert_let_go()


class PartTests(OpenCase):
    def test_rest_of_a_blob(self) -> None:
        opened = self.open(part(40, BLOB[40:]), start=40)
        self.assertEqual((opened.size, opened.start), (SIZE, 40))
        self.assertEqual(self.read(opened.reader), BLOB[40:])
        self.assertEqual(self.agent.asked[0].header("range"), "bytes=40-")
        self.assert_let_go()

    def test_rest_is_asked_for_wherever_it_is(self) -> None:
        self.whole(redirect("https://cdn.example/"), part(40, BLOB[40:]), start=40)
        self.assertEqual(self.agent.asked[1].header("range"), "bytes=40-")

    def test_size_need_not_be_said(self) -> None:
        opened = self.open(part(40, BLOB[40:], "*"), start=40)
        self.assertEqual((opened.size, self.read(opened.reader)), (None, BLOB[40:]))
        opened = self.open(part(40, BLOB[40:], "*"), start=40, size=SIZE)
        self.assertEqual((opened.size, self.read(opened.reader)), (SIZE, BLOB[40:]))

    def test_upstream_that_gives_no_parts_is_read_from_the_start(self) -> None:
        for length in (SIZE, None):
            opened = self.open(blob(length=length), start=40)
            self.assertEqual(opened.start, 40)
            self.assertEqual(self.read(opened.reader), BLOB[40:])
            self.assert_let_go()

    def test_but_not_at_any_cost(self) -> None:
        self.play(blob(), limits=Limits(skip=39), patience=Patience(attempts=1))
        work = self.upstream.open_blob(ALPINE, DIGEST, 40)
        fault = self.fault(UpstreamUnavailable, work)
        self.assertIn("does not give parts", fault.reason)

    def test_what_breaks_off_before_the_start(self) -> None:
        cut = blob(BLOB[:7], after="cut", length=SIZE)
        self.play(cut, blob())
        opened = self.result(self.upstream.open_blob(ALPINE, DIGEST, 40))
        assert opened is not None
        self.assertEqual(self.read(opened.reader), BLOB[40:])

    def test_end_of_a_blob(self) -> None:
        for fields in ({"content_range": f"bytes */{SIZE}"}, {}):
            opened = self.open(error(416, **fields), start=SIZE, size=SIZE)
            self.assertEqual((opened.size, opened.start), (SIZE, SIZE))
            self.assertEqual(self.read(opened.reader), b"")
            self.assert_let_go()

    def test_end_of_a_blob_that_is_whole(self) -> None:
        self.assertEqual(self.whole(blob(), start=SIZE), b"")

    def test_blob_that_ends_before_the_start_is_wrong(self) -> None:
        for reply in (
            error(416, content_range=f"bytes */{SIZE}"),
            error(416),
            error(416, content_range="nonsense"),
            blob(),
            blob(length=None),
        ):
            said = self.wrong(reply, start=SIZE + 1)
            self.assertIn("too short", said)

    def test_another_part_is_wrong(self) -> None:
        for reply in (
            part(39, BLOB[39:]),
            part(39, BLOB[39:], length=None),
            part(39, BLOB[39:-1] + b"x", length=None),
            part(41, BLOB[41:]),
            part(0, BLOB),
            part(40, BLOB[40:60]),
            blob(BLOB[40:], 206, content_range=f"bytes */{SIZE}"),
            blob(BLOB[40:], 206, content_range=f"bytes 40-98/{SIZE}"),
            blob(BLOB[40:], 206, content_range=f"bytes 40-39/{SIZE}"),
            blob(BLOB[40:], 206, content_range="bytes 40-100/101"),
        ):
            said = self.wrong(reply, start=40)
            self.assertIn("another part", said)

    def test_part_that_is_none_is_wrong(self) -> None:
        for text in ("", "bytes", "bytes 40-99", "items 40-99/100", "bytes 40-9e1/100"):
            said = self.wrong(blob(BLOB[40:], 206, content_range=text), start=40)
            self.assertIn("a part that is none", said)

    def test_part_of_another_blob_is_wrong(self) -> None:
        said = self.wrong(part(40, BLOB[40:]), start=40, size=SIZE + 1)
        self.assertIn(f"has {SIZE} bytes of a blob that has {SIZE + 1}", said)
        reply = part(40, BLOB[40:], docker_content_digest=OTHER)
        self.assertIn("another digest", self.wrong(reply, start=40))

    def test_part_of_which_there_is_more_is_wrong(self) -> None:
        longer = part(40, BLOB[40:], length=None, after="silence")
        longer = Reply(206, BLOB[40:] + b"x", longer.headers, "silence", None)
        said = self.breaks(UpstreamWrong, longer, start=40)
        self.assertIn("more than there can be", said)

    def test_part_that_nobody_asked_for_is_wrong(self) -> None:
        self.assertIn("answered 206", self.wrong(part(0, BLOB)))
        self.assertIn("answered 416", self.wrong(error(416)))


class PaceTests(UpstreamCase):
    def setUp(self) -> None:
        self.pace = Pace(Limits(least=10, window=5))

    def test_slow_enough(self) -> None:
        self.assertTrue(self.pace.take(4, 0))
        self.assertTrue(self.pace.take(1, 50))

    def test_too_slow(self) -> None:
        self.assertTrue(self.pace.take(4, 40))
        self.assertFalse(self.pace.take(1, 9))

    def test_each_window_is_one_of_its_own(self) -> None:
        self.assertTrue(self.pace.take(5, 5000))
        self.assertFalse(self.pace.take(5, 0))

    def test_time_that_is_left(self) -> None:
        self.pace.take(2, 0)
        self.assertEqual(self.pace.left, 3)
