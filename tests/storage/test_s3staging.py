"""Tests of ``txregistry/storage/s3staging.py`` where the service falters."""

import json
from typing import Any

from twisted.internet.defer import Deferred

from tests.storage.playing import LOST, SILENT, Reply
from tests.storage.test_s3store import (
    ABSENT,
    AREA,
    BEGUN,
    COMPLETED,
    COPIED,
    DONE,
    FINAL,
    GONE,
    PART_COPIED,
    StoreCase,
    error,
)
from txregistry.storage.interfaces import (
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3copying import Copying
from txregistry.streams import BytesReader, read_all

STATE = "/bucket/area-parts/state"
DELETED = Reply(body=b"<DeleteResult/>")
NEW = [ABSENT, Reply()]
"""There is no state, but a bucket."""


def state(*sizes: int) -> Reply:
    """Answer with a state of segments ``a``, ``b`` and so on."""
    segments = [[chr(97 + place), size] for place, size in enumerate(sizes)]
    return Reply(body=json.dumps({"segments": segments}).encode())


class StagingCase(StoreCase):
    def append(self, data: bytes, *replies: Reply) -> Any:
        """Append some bytes."""
        area = self.open_store(*replies).stage(AREA)
        return area.append(BytesReader(data), lambda _: None, len(data))

    def commit(self, *replies: Reply, **settings: Any) -> Any:
        """Commit what there is."""
        return self.open_store(*replies, **settings).stage(AREA).commit(FINAL)

    def written(self) -> list[int]:
        """Give the sizes of the segments in the state that was written last."""
        bodies = [each.body for each in self.agent.asked if each.target == STATE]
        return [size for _, size in json.loads(bodies[-1])["segments"]]


class AppendingTests(StagingCase):
    def test_what_is_asked(self) -> None:
        work = self.append(b"012345", *NEW, BEGUN, DONE, DONE, COMPLETED, DONE)
        self.assertEqual(self.result(work), 6)
        self.assertEqual(
            self.asked()[2:],
            [
                ("POST", "/bucket/area-parts/*?uploads"),
                ("PUT", "/bucket/area-parts/*?partNumber=1&uploadId=u%261"),
                ("PUT", "/bucket/area-parts/*?partNumber=2&uploadId=u%261"),
                ("POST", "/bucket/area-parts/*?uploadId=u%261"),
                ("PUT", STATE),
            ],
        )
        self.assertEqual(self.written(), [6])
        self.nothing_waits()

    def test_parts_are_short_where_memory_is_scarce(self) -> None:
        rules = Copying(threshold=4, chunk=4, at_once=1, least=2)
        store = self.open_store(
            *(*NEW, BEGUN, DONE, DONE, COMPLETED, DONE), copying=rules
        )
        self.assertTrue(self.memory.try_take(17))
        area = store.stage(AREA)
        self.result(area.append(BytesReader(b"0123"), lambda _: None, None))
        bodies = [asked.body for asked in self.agent.asked[3:5]]
        self.assertEqual(bodies, [b"01", b"23"])
        self.memory.give(17)
        self.nothing_waits()

    def test_what_is_sent_makes_room_for_more(self) -> None:
        memory = PartMemory(8)
        store = self.open_store(
            *(*NEW, BEGUN, DONE, DONE, DONE, COMPLETED, DONE), memory=memory
        )
        self.assertTrue(memory.try_take(4))
        area = store.stage(AREA)
        self.result(area.append(BytesReader(b"0123456789ab"), lambda _: None, None))
        self.assertEqual(self.written(), [12])
        self.assertEqual((self.agent.left, memory.held), (0, 4))

    def test_what_is_short(self) -> None:
        self.assertEqual(self.result(self.append(b"01", state(9), DONE, DONE)), 11)
        self.assertEqual(self.written(), [9, 2])
        self.nothing_waits()

    def test_names_are_not_used_again(self) -> None:
        self.result(self.append(b"01", *NEW, DONE, DONE))
        first = self.agent.asked[2].target
        self.result(self.append(b"01", *NEW, DONE, DONE))
        self.assertNotEqual(self.agent.asked[2].target, first)

    def test_nothing_is_written_where_the_state_is_not_to_be_had(self) -> None:
        for reply in (Reply(403), Reply(body=b"{}"), Reply(body=b"[1]"), Reply(204)):
            self.fault(StorageUnavailable, self.append(b"01", reply))
            self.nothing_waits()

    def test_what_arrived_before_a_part_that_did_not_is_kept(self) -> None:
        work = self.append(
            b"0123456789", *NEW, BEGUN, DONE, *[Reply(500)] * 4, COMPLETED, DONE
        )
        self.fault(StorageUnavailable, work)
        self.assertEqual(self.written(), [4])
        self.nothing_waits()

    def test_where_nothing_arrived_nothing_is_kept(self) -> None:
        work = self.append(b"01234", *NEW, BEGUN, *[LOST] * 4, Reply(204), DONE)
        self.fault(StorageUnavailable, work)
        self.assertEqual(self.written(), [])
        self.nothing_waits()

    def test_a_segment_that_is_not_written_is_not_in_the_state(self) -> None:
        work = self.append(b"01", state(9), *[SILENT] * 4, DONE)
        self.fault(StorageUnavailable, work)
        self.assertEqual(self.written(), [9])
        self.nothing_waits()

    def test_a_state_that_is_not_written_is_a_fault(self) -> None:
        self.fault(StorageUnavailable, self.append(b"01", *NEW, DONE, Reply(403)))
        self.nothing_waits()

    def test_a_full_store(self) -> None:
        self.fault(StorageFull, self.append(b"01", *NEW, Reply(507), DONE))
        self.nothing_waits()

    def test_many_short_segments_are_made_one(self) -> None:
        sizes = [4, *[1] * 16]
        read = [Reply(206, b"x", {"Content-Range": "bytes 0-0/1"})] * 4
        part = [*read, DONE]
        replies = [state(*sizes), *read, BEGUN, DONE, *part * 3, COMPLETED, DONE]
        store = self.open_store(*replies, DELETED, DONE, DONE)
        work = store.stage(AREA).append(BytesReader(b"y"), lambda _: None, None)
        self.assertEqual(self.result(work), 21)
        self.assertEqual(self.written(), [4, 16, 1])
        self.nothing_waits()

    def test_short_segments_that_cannot_be_made_one_are_left(self) -> None:
        read = [Reply(206, b"x", {"Content-Range": "bytes 0-0/1"})] * 4
        replies = [state(4, *[1] * 16), *read, BEGUN, DONE, ABSENT, Reply(204)]
        self.fault(StorageUnavailable, self.append(b"y", *replies))
        method, target = self.asked()[-1]
        self.assertEqual(method, "DELETE")
        self.assertIn("uploadId=", target)
        self.nothing_waits()

    def test_what_is_short_is_copied_in_one_request(self) -> None:
        self.result(self.commit(state(4), COPIED))
        asked = self.agent.asked[1]
        self.assertEqual((asked.method, asked.target), ("PUT", "/bucket/final"))
        found = asked.header("x-amz-copy-source")
        self.assertEqual(found, "/bucket/area-parts/a")
        self.assertEqual(asked.header("x-amz-metadata-directive"), "REPLACE")

    def test_what_is_longer_is_copied_in_parts(self) -> None:
        self.result(self.commit(state(9), BEGUN, PART_COPIED, PART_COPIED, COMPLETED))
        found = [asked.header("x-amz-copy-source-range") for asked in self.agent.asked]
        self.assertEqual(found[2:4], ["bytes=0-3", "bytes=4-8"])
        self.assertIn(b'<ETag>"c"</ETag>', self.agent.asked[-1].body)

    def test_segments_that_are_too_short_are_read(self) -> None:
        first = Reply(body=b"ab", headers={"Content-Range": "bytes 0-1/2"}, status=206)
        second = Reply(206, b"cd", {"Content-Range": "bytes 0-1/6"})
        self.result(
            self.commit(state(2, 6), BEGUN, first, second, DONE, PART_COPIED, COMPLETED)
        )
        bodies = [asked.body for asked in self.agent.asked]
        self.assertEqual(bodies[4], b"abcd")
        found = self.agent.asked[5].header("x-amz-copy-source-range")
        self.assertEqual(found, "bytes=2-5")
        self.nothing_waits()

    def test_little_is_read_and_put(self) -> None:
        parts = [Reply(206, b"x", {"Content-Range": "bytes 0-0/1"})] * 2
        self.result(self.commit(state(1, 1), *parts, DONE))
        self.assertEqual(self.agent.asked[-1].body, b"xx")
        self.nothing_waits()

    def test_nothing_is_put(self) -> None:
        self.result(self.commit(state(), DONE))
        self.assertEqual(self.asked()[1:], [("PUT", "/bucket/final")])

    def test_a_copy_that_fails_is_the_end(self) -> None:
        for reply in (error("AccessDenied", 403), error("NoSuchKey")):
            self.fault(
                StorageUnavailable, self.commit(state(9), BEGUN, reply, Reply(204))
            )
            self.assertEqual(
                self.asked()[-1], ("DELETE", "/bucket/final?uploadId=u%261")
            )
            self.nothing_waits()

    def test_copies_that_falter_are_made_again(self) -> None:
        self.result(
            self.commit(
                *(state(9), BEGUN, LOST, error("SlowDown"), PART_COPIED),
                *(Reply(503), PART_COPIED, COMPLETED),
            )
        )
        self.nothing_waits()

    def test_one_copy_that_fails_ends_the_others(self) -> None:
        rules = Copying(threshold=4, chunk=4, at_once=3, least=4)
        work = self.commit(
            *(state(12), BEGUN, error("AccessDenied", 403), SILENT, SILENT),
            Reply(204),
            copying=rules,
        )
        self.fault(StorageUnavailable, work)
        self.assertLess(self.clock.seconds(), 5.0)
        self.nothing_waits()

    def test_copies_are_waited_for(self) -> None:
        for asked in ([], [BEGUN], [BEGUN, PART_COPIED, PART_COPIED]):
            first = state(9 if asked else 4)
            self.fault(StorageUnavailable, self.commit(first, *asked, *[SILENT] * 9))
            self.assertGreater(self.clock.seconds(), 1200.0)

    def test_as_many_copies_are_made_at_once_for_all(self) -> None:
        store = self.open_store(
            *(state(9), BEGUN, SILENT, state(9), BEGUN, state(4), GONE, GONE)
        )
        commits = []
        for _ in range(3):
            commits.append(Deferred.fromCoroutine(store.stage(AREA).commit(FINAL)))
            for _ in range(8):
                self.agent.flush()
        targets = [asked.target for asked in self.agent.asked]
        self.assertEqual(sum("partNumber" in target for target in targets), 1)
        self.assertEqual(self.agent.left, 2)
        for commit in reversed(commits):
            commit.cancel()
            for _ in range(8):
                self.agent.flush()
            self.failureResultOf(commit)

    def test_a_completion_that_is_lost(self) -> None:
        copied = [state(9), BEGUN, PART_COPIED, PART_COPIED, LOST, GONE]
        self.result(self.commit(*copied, Reply(length=9)))
        self.nothing_waits()
        self.fault(StorageUnavailable, self.commit(*copied, Reply(length=8), GONE))
        self.nothing_waits()

    def test_a_segment_with_another_size_is_a_fault(self) -> None:
        for reply in (ABSENT, Reply(206, b"x", {"Content-Range": "bytes 0-0/1"})):
            work = self.commit(state(2, 2), BEGUN, reply, Reply(204))
            self.fault(StorageUnavailable, work)
            self.nothing_waits()

    def test_more_pieces_than_an_object_has_parts(self) -> None:
        rules = Copying(threshold=4, chunk=4, least=1 << 30, most_parts=1)
        work = self.commit(state(1 << 30, 1 << 30), copying=rules)
        self.fault(StorageFull, work)

    def test_what_is_broken_off_waits_for_its_end(self) -> None:
        store = self.open_store(state(9), BEGUN, SILENT, Reply(204))
        done = Deferred.fromCoroutine(store.stage(AREA).commit(FINAL))
        for _ in range(8):
            self.agent.flush()
        done.cancel()
        for _ in range(8):
            self.agent.flush()
        self.failureResultOf(done)
        self.assertEqual(self.asked()[-1], ("DELETE", "/bucket/final?uploadId=u%261"))


class ReadingTests(StagingCase):
    def test_parts_of_segments_are_read(self) -> None:
        first = Reply(206, b"b", {"Content-Range": "bytes 1-1/2"})
        second = Reply(206, b"cd", {"Content-Range": "bytes 0-1/3"})
        area = self.open_store(state(2, 3, 4), first, second).stage(AREA)
        reader = self.result(area.open(1, 4))
        self.assertEqual(self.result(read_all(reader, 99)), b"bcd")

    def test_a_segment_that_is_gone_is_a_fault(self) -> None:
        area = self.open_store(state(2), ABSENT).stage(AREA)
        reader = self.result(area.open(0, 4))
        self.fault(StorageUnavailable, read_all(reader, 99))

    def test_a_segment_that_is_shorter_is_a_fault(self) -> None:
        short = Reply(206, b"x", {"Content-Range": "bytes 0-0/1"})
        area = self.open_store(state(2), short).stage(AREA)
        reader = self.result(area.open(0, 4))
        self.fault(StorageUnavailable, read_all(reader, 99))

    def test_a_refusal_is_not_taken_for_an_empty_area(self) -> None:
        for reply in (Reply(403), Reply(400)):
            self.fault(StorageUnavailable, self.open_store(reply).stage(AREA).size())

    def test_an_area_that_is_not_there(self) -> None:
        self.fault(NotFound, self.open_store(*NEW).stage(AREA).size())
