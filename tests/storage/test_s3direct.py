"""Tests of ``txregistry/storage/s3direct.py``: how much memory is taken for what."""

from twisted.internet.defer import Deferred

from tests.storage.playing import Reply
from tests.storage.test_s3store import (
    ABSENT,
    AREA,
    BEGUN,
    COMPLETED,
    DONE,
    FINAL,
    StoreCase,
)
from txregistry.storage.interfaces import IStagingArea
from txregistry.storage.s3copying import Copying
from txregistry.streams import BytesReader

DATA = b"0123456789ab"
SHORT = Copying(threshold=4, chunk=4, at_once=1, least=2)


class DirectTests(StoreCase):
    def push(self, held: int, *replies: Reply) -> IStagingArea:
        """Append all at once and commit, while others hold some of 64 bytes."""
        store = self.open_store(*replies, copying=SHORT)
        self.assertTrue(self.memory.try_take(held))
        area = store.stage(AREA, FINAL)
        self.most = 0

        def observe(_: bytes) -> None:
            self.most = max(self.most, self.memory.held - held)

        async def push() -> None:
            await area.append(BytesReader(DATA), observe, len(DATA))
            await area.commit(FINAL)

        self.result(push())
        return area

    def ends(self, held: int, area: IStagingArea) -> None:
        """Expect that the area gives all back that it took."""
        self.successResultOf(Deferred.fromCoroutine(area.discard()))
        self.memory.give(held)
        self.nothing_waits()

    def sent(self) -> list[bytes]:
        """Give what was sent as parts."""
        return [
            asked.body
            for asked in self.agent.asked
            if asked.target.startswith("/bucket/final?partNumber=")
        ]

    def test_a_part_is_sent_while_the_next_one_is_gathered(self) -> None:
        area = self.push(0, BEGUN, DONE, DONE, DONE, COMPLETED)
        self.assertEqual(self.sent(), [b"0123", b"4567", b"89ab"])
        self.assertEqual(self.most, 8)
        self.ends(0, area)

    def test_one_part_is_short_where_memory_is_scarce(self) -> None:
        for held in (17, 46):
            area = self.push(held, BEGUN, *[DONE] * 6, COMPLETED)
            self.assertEqual(self.sent(), [b"01", b"23", b"45", b"67", b"89", b"ab"])
            self.assertEqual(self.most, 2)
            self.ends(held, area)

    def test_without_memory_it_goes_by_way_of_the_area(self) -> None:
        replies = [ABSENT, Reply(), BEGUN, *[DONE] * 6, COMPLETED, DONE]
        store = self.open_store(*replies, copying=SHORT)
        self.assertTrue(self.memory.try_take(47))
        area = store.stage(AREA, FINAL)
        self.result(area.append(BytesReader(DATA), lambda _: None, len(DATA)))
        self.assertEqual(self.asked()[2], ("POST", "/bucket/area-parts/*?uploads"))
        self.memory.give(47)
        self.nothing_waits()
