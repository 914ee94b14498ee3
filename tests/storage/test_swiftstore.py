"""Tests of the Swift store where the service falters, which a real one seldom does."""

import json

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.storage.playing import LOST, REFUSED, SILENT, PlayedCase, Reply
from tests.storage.test_swift import LOGIN, logged_in
from txregistry.storage.interfaces import (
    IStagingArea,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.swift import SwiftObjectStore
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftlogin import SwiftLogin1
from txregistry.storage.swiftsession import SwiftIdentity
from txregistry.streams import BytesReader, IReader

KEY = Key("images/one")
FINAL = Key("images/two")
CREATED = Reply(201, headers={"Etag": "e"})
ABSENT = Reply(404)
BULK = Reply(body=json.dumps({"bulk_delete": {"max_deletes_per_request": 2}}).encode())
MIB = 1 << 20


def deleted(status: str = "200 OK", *errors: list[str]) -> Reply:
    """Answer a bulk deletion."""
    return Reply(
        body=json.dumps({"Response Status": status, "Errors": errors}).encode()
    )


@implementer(IReader)
class SlowReader:
    """Give everything but the last byte at once, and that when it is told."""

    def __init__(self, data: bytes) -> None:
        self.wait: Deferred[None] = Deferred()
        self._first = BytesReader(data[:-1])
        self._last = BytesReader(data[-1:])

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        if data := await self._first.read(limit):
            return data
        await self.wait
        return await self._last.read(limit)

    async def close(self) -> None:
        """See `IReader`."""


class StoreCase(PlayedCase):
    def open_store(
        self, *replies: Reply, create: bool = False, largest: int = MIB
    ) -> SwiftObjectStore:
        """Keep objects with a service that answers so, once one has logged in."""
        server = self.play(logged_in("one"), *replies)
        login = SwiftLogin1(LOGIN, "user", "secret-key")
        identity = SwiftIdentity(server, login, self.clock)
        container = SwiftContainer(
            server, identity, "kept", create=create, section="storage.swift"
        )
        return SwiftObjectStore(container, self.clock, largest=largest)

    def requests(self) -> list[str]:
        """Give what was asked, but for logging in."""
        start = "/v1/AUTH_a"
        return [
            f"{asked.method} {asked.target.removeprefix(start)}"
            for asked in self.agent.asked
            if "/auth/" not in asked.target
        ]


class PutTests(StoreCase):
    def test_writes_again_what_was_not_answered(self) -> None:
        for reply in (SILENT, LOST, REFUSED, Reply(503), Reply(500), Reply(429)):
            store = self.open_store(reply, CREATED)
            self.assertTrue(self.result(store.put(KEY, b"data")))
            self.assertEqual(self.agent.asked[-1].body, b"data")

    def test_gives_up_in_the_end(self) -> None:
        store = self.open_store(*[Reply(503)] * 5)
        self.fault(StorageUnavailable, store.put(KEY, b"data"))
        self.assertEqual(self.agent.left, 1)

    def test_no_room(self) -> None:
        for status in (413, 507):
            store = self.open_store(Reply(status))
            said = self.fault(StorageFull, store.put(KEY, b"data"))
            self.assertIn(f"answered {status}", said)

    def test_a_refusal_names_the_setting(self) -> None:
        said = self.fault(
            StorageUnavailable, self.open_store(Reply(403)).put(KEY, b"data")
        )
        self.assertIn("storage.swift.username", said)

    def test_a_container_that_is_missing_is_made_only_when_asked(self) -> None:
        said = self.fault(StorageUnavailable, self.open_store(ABSENT).put(KEY, b"x"))
        self.assertIn("storage.swift.create", said)
        store = self.open_store(ABSENT, CREATED, CREATED, create=True)
        self.assertTrue(self.result(store.put(KEY, b"x")))
        name = f"/kept/files/{KEY}"
        self.assertEqual(self.requests(), [f"PUT {name}", "PUT /kept", f"PUT {name}"])

    def test_a_session_that_ended_is_begun_anew(self) -> None:
        store = self.open_store(Reply(401), logged_in("two"), CREATED)
        self.assertTrue(self.result(store.put(KEY, b"data")))
        self.assertEqual(self.agent.asked[-1].header("X-Auth-Token"), "two")
        self.assertEqual(self.agent.asked[-1].body, b"data")

    def test_the_sum_is_sent_along(self) -> None:
        self.result(self.open_store(CREATED).put(KEY, b""))
        sent = self.agent.asked[-1].header("ETag")
        self.assertEqual(sent, "d41d8cd98f00b204e9800998ecf8427e")


WRITTEN = "X-Object-Meta-Txregistry-Written"
OURS = Reply(echo=WRITTEN)
THEIRS = Reply(headers={WRITTEN: "theirs"})
"""The same bytes, maybe."""


class IfAbsentTests(StoreCase):
    def puts(self, *replies: Reply) -> bool:
        """Say whether it was written, as far as is known."""
        store = self.open_store(*replies)
        return self.result(store.put(KEY, b"ours", if_absent=True))

    def test_what_is_there_is_left(self) -> None:
        self.assertFalse(self.puts(Reply(412)))
        self.assertEqual(self.agent.asked[-1].header("If-None-Match"), "*")

    def test_the_winner_finds_what_it_wrote(self) -> None:
        self.assertTrue(self.puts(CREATED, OURS))

    def test_who_was_overtaken_finds_something_else(self) -> None:
        self.assertFalse(self.puts(CREATED, THEIRS))

    def test_who_was_overtaken_by_a_deletion_has_written_nothing(self) -> None:
        self.assertFalse(self.puts(CREATED, ABSENT))

    def test_an_answer_that_was_lost_is_found_out(self) -> None:
        self.assertTrue(self.puts(LOST, Reply(412), OURS))
        self.assertFalse(self.puts(LOST, Reply(412), THEIRS))


class DeletingTests(StoreCase):
    def test_a_refusal_is_not_an_absence(self) -> None:
        for status in (403, 409, 302):
            store = self.open_store(Reply(status))
            self.fault(StorageUnavailable, store.delete([KEY]))

    def test_one_by_one_where_nothing_else_is_offered(self) -> None:
        there = Reply(length=0)
        gone = Reply(204, length=None)
        for info in (ABSENT, Reply(body=b"{}"), Reply(body=b"no JSON")):
            store = self.open_store(there, there, there, info, gone, ABSENT, gone)
            keys = [Key(f"{KEY}{number}") for number in range(3)]
            self.result(store.delete(keys))
            self.assertEqual(
                self.requests()[-3:], [f"DELETE /kept/files/{key}" for key in keys]
            )

    def test_many_at_once_where_that_is_offered(self) -> None:
        there = Reply(length=0)
        store = self.open_store(there, there, there, BULK, deleted(), deleted())
        self.result(store.delete([Key(f"k/{number} %") for number in range(3)]))
        first, second = self.agent.asked[-2:]
        self.assertEqual(
            (first.method, first.target), ("POST", "/v1/AUTH_a?bulk-delete")
        )
        self.assertEqual(first.body, b"kept/files/k/0%20%25\nkept/files/k/1%20%25\n")
        self.assertEqual(second.body, b"kept/files/k/2%20%25\n")

    def test_many_of_which_some_stay(self) -> None:
        there = Reply(length=0)
        for answer in (
            deleted("400 Bad Request", ["kept/k/0", "403 Forbidden"]),
            deleted("502 Bad Gateway", ["kept/k/0", "x"]),
            Reply(body=b"no JSON"),
            Reply(403),
        ):
            store = self.open_store(there, there, there, BULK, answer)
            keys = [Key(f"k/{number}") for number in range(3)]
            self.fault(StorageUnavailable, store.delete(keys))


class StagingFaultTests(StoreCase):
    """What becomes of an upload when the service does not do as it should."""

    data = bytes(range(256)) * 8192 + b"tail"  # two segments of a MiB, and a little

    def appends(self, *replies: Reply) -> tuple[SwiftObjectStore, str]:
        """Expect an append to fail, after it was found that there is no state."""
        store = self.open_store(ABSENT, *replies)
        area = store.stage(KEY)
        work = area.append(BytesReader(self.data), lambda _: None, None)
        return store, self.fault(StorageUnavailable, work)

    def test_a_segment_is_not_written_again(self) -> None:
        _, said = self.appends(Reply(503))
        self.assertIn("503", said)
        self.assertEqual(len(self.requests()), 2)  # no state comes of it

    def test_segments_before_one_that_failed_are_kept(self) -> None:
        self.appends(CREATED, Reply(500), CREATED)
        asked = self.agent.asked[-1]
        self.assertEqual(asked.target, f"/v1/AUTH_a/kept/files/{KEY}/000001")
        state = json.loads(asked.body.partition(b"\n")[0])
        self.assertEqual([each[1:] for each in state["segments"]], [["e", MIB]])
        self.assertEqual(asked.header("If-None-Match"), "*")

    def test_no_room_keeps_nothing(self) -> None:
        store = self.open_store(ABSENT, CREATED, Reply(507), Reply(204, length=None))
        work = store.stage(KEY).append(BytesReader(self.data), lambda _: None, None)
        self.fault(StorageFull, work)
        deleted_name = self.requests()[-1].removeprefix("DELETE ")
        self.assertEqual(self.requests()[1], f"PUT {deleted_name}")

    def test_no_two_segments_have_the_same_name(self) -> None:
        names = set()
        for _ in range(2):
            self.appends(CREATED, Reply(500), CREATED)
            names |= {asked for asked in self.requests() if "/segments/" in asked}
        self.assertEqual(len(names), 4)

    def test_a_session_that_ended_is_renewed_for_the_next_request(self) -> None:
        _, said = self.appends(Reply(401), logged_in("two"))
        self.assertIn("answered 401", said)

    def test_a_state_of_somebody_else_is_not_written_over(self) -> None:
        other = Reply(body=b'{"id":"other"}\n')
        store = self.open_store(ABSENT, Reply(412), other)
        work = store.stage(KEY).append(BytesReader(b"data"), lambda _: None, None)
        said = self.fault(StorageUnavailable, work)
        self.assertIn("Somebody else writes", said)

    def test_a_state_that_cannot_be_read_is_a_fault(self) -> None:
        for body in (b"", b"{}", b"\xff", b"[]\n"):
            there = Reply(length=0)
            store = self.open_store(there, ABSENT, Reply(body=body))
            self.fault(StorageUnavailable, store.stage(KEY).size())

    def test_a_source_that_waits_ends_the_segment(self) -> None:
        store = self.open_store(ABSENT, CREATED, CREATED, largest=8 * MIB)
        source = SlowReader(self.data[: MIB + 101])
        done = Deferred.fromCoroutine(
            store.stage(KEY).append(source, lambda _: None, None)
        )
        for _ in range(4 * 30):
            self.agent.flush()
            self.clock.advance(0.25)
        self.assertEqual(len(self.requests()), 2)
        segment = self.agent.asked[-1]
        source.wait.callback(None)
        for _ in range(8):
            self.agent.flush()
            self.clock.advance(0.25)
        self.assertEqual(self.successResultOf(done), MIB + 101)
        self.assertEqual(len(segment.body), MIB + 100)
        self.assertEqual(self.agent.asked[-1].body[-1:], self.data[MIB + 100 :][:1])

    def commit(self, *replies: Reply) -> str:
        """Expect that what is one segment is not committed, and give what is said."""
        state = {"id": "i", "folder": "segments/a/b/", "segments": [["s", "e", 5]]}
        there = Reply(length=0, headers={"Etag": "x"})
        store = self.open_store(
            there,
            ABSENT,
            Reply(body=json.dumps(state).encode() + b"\n"),
            ABSENT,
            CREATED,
            Reply(body=b"{}"),
            *replies,
        )
        return self.fault(StorageUnavailable, store.stage(KEY).commit(FINAL))

    def test_nothing_is_committed_of_which_a_segment_is_gone(self) -> None:
        self.assertIn("has not all segments", self.commit(Reply(400)))

    def test_a_manifest_is_waited_for(self) -> None:
        self.assertIn("did not answer in 300 s", self.commit(*[SILENT] * 4))

    def test_nothing_there_is_not_there(self) -> None:
        store = self.open_store(ABSENT)
        self.fault(NotFound, store.stage(KEY).size())

    def test_a_refusal_is_not_an_absence(self) -> None:
        self.fault(StorageUnavailable, self.open_store(Reply(403)).stage(KEY).size())


class DirectFaultTests(StoreCase):
    data = bytes(range(256)) * 8192

    async def push(self, area: IStagingArea) -> None:
        """Write an object in one piece."""
        await area.append(BytesReader(self.data), lambda _: None, len(self.data))
        await area.commit(FINAL)

    def test_a_refusal_while_bytes_are_sent(self) -> None:
        for reply in (Reply(503), Reply(507), Reply(401)):
            store = self.open_store(reply, logged_in("two"))
            self.fault(StorageUnavailable, self.push(store.stage(KEY, FINAL)))
