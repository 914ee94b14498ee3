"""Tests of how ``txregistry/client/upstreams/registry1.py`` reads layers."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.client.upstreams import registry1case
from tests.client.upstreams.case import (
    ALL,
    BLOB,
    US,
    blob,
    error,
    part,
    redirect,
)
from tests.client.upstreams.registry1case import (
    HOME,
    REFUSED,
    TEAM,
    TOKEN,
    T,
    gives,
    listed,
)
from tests.storage.playing import LOST, SILENT, PlayedAgent, Reply
from txregistry.client.upstreams.interfaces import (
    Opened,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.streams import read_all

SIZE = len(BLOB)
ONCE = Patience(attempts=1)


def cut(start: int, stop: int) -> Reply:
    """Answer with a layer from some byte on that breaks off at another."""
    others: dict[str, Any] = {"after": "cut", "length": SIZE - start}
    if not start:
        return blob(BLOB[:stop], **others)
    whole = part(start, BLOB[start:], **others)
    return Reply(206, BLOB[start:stop], whole.headers, "cut", SIZE - start)


class LayersCase(registry1case.Version1Case):
    def open(self, *replies: Reply, size: int | None = None, **others: Any) -> Opened:
        """Open a layer."""
        self.play1(listed(), *replies, patience=ONCE, **others)
        opened = self.result(self.upstream1.open_layer(TEAM, T, size))
        assert opened is not None
        return opened

    def whole(self, *replies: Reply, **others: Any) -> bytes:
        """Read a layer."""
        data = self.read(self.open(*replies, **others).reader)
        self.assertEqual(self.agent.left, 0)
        self.assert_let_go()
        return data

    def fails(
        self, kind: Any, *replies: Reply, size: int | None = None, **others: Any
    ) -> str:
        """Expect that a layer cannot be opened, and give why."""
        self.play1(listed(), *replies, patience=ONCE, **others)
        return self.fault(kind, self.upstream1.open_layer(TEAM, T, size)).reason

    def breaks(self, kind: Any, *replies: Reply, **others: Any) -> str:
        """Expect that a layer cannot be read, and give why."""
        opened = self.open(*replies, **others)
        return self.fault(kind, read_all(opened.reader, ALL)).reason

    def ranges(self) -> list[str]:
        """Give which parts were asked for."""
        return [each.header("range") for each in self.agent.asked[1:]]


class LayerTests(LayersCase):
    def test_layer(self) -> None:
        opened = self.open(blob())
        self.assertEqual((opened.size, opened.start), (SIZE, 0))
        self.assertEqual(self.read(opened.reader), BLOB)
        self.assertEqual(self.targets()[1:], [f"/v1/images/{T}/layer"])
        self.assertEqual(self.ranges(), [""])

    def test_layer_of_a_size_that_is_known(self) -> None:
        self.assertEqual(self.whole(blob(), size=SIZE), BLOB)
        self.assertEqual(self.whole(blob(length=None), size=SIZE), BLOB)

    def test_absence(self) -> None:
        for repository in (TEAM, "../x"):
            self.play1(listed(), error(404))
            found = self.result(self.upstream1.open_layer(repository, T))
            self.assertIsNone(found)
            self.assert_let_go()

    def test_image_that_is_being_pushed(self) -> None:
        said = self.fails(UpstreamUnavailable, error(400))
        self.assertIn("does not have all of this yet", said)

    def test_nobody_lets_us_in(self) -> None:
        self.fails(UpstreamRefused, REFUSED)

    def test_lies(self) -> None:
        for reply, size, said in (
            (blob(BLOB[:40]), SIZE, "has 40 bytes of a blob that has 100"),
            (blob(length=1 << 50), None, "larger than there can be"),
            (part(0, BLOB), None, "answered 206"),
            (
                Reply(body=BLOB, headers={"Content-Type": "text/html"}),
                None,
                "page for people",
            ),
            (error(416), None, "answered 416"),
        ):
            self.assertIn(said, self.fails(UpstreamWrong, reply, size=size))

    def test_endless_layer(self) -> None:
        endless = blob(BLOB * 10, length=None, after="silence")
        said = self.breaks(UpstreamWrong, endless, size=SIZE)
        self.assertIn("more than there can be", said)
        said = self.breaks(UpstreamWrong, endless, limits=Limits(largest=500))
        self.assertIn("more than there can be", said)

    def test_digest_of_something_is_not_minded(self) -> None:
        other = "sha256:" + "0" * 64
        self.assertEqual(self.whole(blob(docker_content_digest=other)), BLOB)

    def test_turns_end(self) -> None:
        opened = self.open(blob(after="silence", length=None))
        self.assertEqual(self.upstream1._blob_slots.taken, 1)
        self.result(opened.reader.close())
        self.assert_let_go()

    def test_who_leaves(self) -> None:
        self.play1(listed(), SILENT)
        opening = Deferred.fromCoroutine(self.upstream1.open_layer(TEAM, T))
        self.assertEqual(self.upstream1._blob_slots.taken, 1)
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.assert_let_go()


class ResumingTests(LayersCase):
    def test_rest_is_asked_for(self) -> None:
        data = self.whole(cut(0, 30), cut(30, 60), part(60, BLOB[60:]))
        self.assertEqual(data, BLOB)
        self.assertEqual(self.ranges(), ["", "bytes=30-99", "bytes=60-99"])

    def test_rest_of_what_has_no_size(self) -> None:
        first = blob(BLOB[:30], after="cut", length=None)
        self.assertEqual(self.whole(first, part(30, BLOB[30:])), BLOB)
        self.assertEqual(self.ranges(), ["", "bytes=30-"])

    def test_rest_as_the_original_server_gives_it(self) -> None:
        rest = blob(BLOB[30:], 206, content_range="30-99/100")
        self.assertEqual(self.whole(cut(0, 30), rest), BLOB)

    def test_server_that_gives_no_parts(self) -> None:
        self.assertEqual(self.whole(cut(0, 30), blob()), BLOB)

    def test_only_the_end_is_missing(self) -> None:
        endless = blob(BLOB, after="cut", length=None)
        for end in (error(416), error(416, content_range=f"bytes */{SIZE}")):
            self.assertEqual(self.whole(endless, end, size=SIZE), BLOB)
            self.assertEqual(self.ranges(), ["", "bytes=100-"])

    def test_server_is_away_for_a_while(self) -> None:
        self.assertEqual(self.whole(cut(0, 30), LOST, part(30, BLOB[30:])), BLOB)

    def test_token_ends_meanwhile(self) -> None:
        self.play1(
            gives(),
            gives("other"),
            registry=(cut(0, 30), REFUSED, part(30, BLOB[30:])),
        )
        opened = self.result(self.upstream1.open_layer(TEAM, T))
        assert opened is not None
        self.assertEqual(self.read(opened.reader), BLOB)
        shown = [each.header("authorization") for each in self.service.asked]
        self.assertEqual(shown, [f"Token {TOKEN}"] * 2 + ["Token other"])

    def test_other_parts_than_were_asked_for(self) -> None:
        for text in ("31-99/100", "30-99/101", "30-98/99", "bytes 30-99/99", "30-99"):
            rest = blob(BLOB[30:], 206, content_range=text)
            said = self.breaks(UpstreamWrong, cut(0, 30), rest)
            self.assertTrue("part" in said or "bytes of a blob" in said, said)

    def test_layer_that_is_gone(self) -> None:
        self.breaks(UpstreamWrong, cut(0, 30), error(404))

    def test_no_end_of_cuts(self) -> None:
        self.breaks(UpstreamUnavailable, *[cut(0, 0)] * 9)
        self.assertEqual(self.ranges(), [""] * 5)


class ElsewhereTests(LayersCase):
    def test_redirect(self) -> None:
        store = PlayedAgent((blob(),))
        self.play1(
            listed(),
            redirect("https://store.example/x?signed=y", 302),
            others={"store.example": store},
            login=US,
        )
        opening = Deferred.fromCoroutine(self.upstream1.open_layer(TEAM, T))
        for _ in range(9):
            self.agent.flush()
            store.flush()
        opened = self.successResultOf(opening)
        assert opened is not None
        reading = Deferred.fromCoroutine(read_all(opened.reader, ALL))
        store.flush()
        self.assertEqual(self.successResultOf(reading), BLOB)
        (asked,) = store.asked
        self.assertEqual(asked.header("authorization"), "")
        self.assertEqual(self.shown(), [US.basic, US.basic])

    def test_circles(self) -> None:
        circle = redirect(f"{HOME}/v1/images/{T}/layer")
        self.assertIn("in circles", self.fails(UpstreamWrong, circle))

    def test_where_nothing_is_kept_secret(self) -> None:
        said = self.fails(UpstreamWrong, redirect("http://store.example/x"))
        self.assertIn("nothing is kept secret", said)
