"""Tests of large objects in a real Swift: what is written, and what is never lost."""

import json
import os
import time
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import quote

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from tests.contracts.objectsource import LARGE
from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.integration.stores import test_swift
from txregistry.storage.interfaces import (
    Held,
    IStagingArea,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.storage.swift import SwiftObjectStore
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftsegments import SwiftSegments
from txregistry.streams import BytesReader, IReader, read_all

MIB = 1 << 20
AREA = Key("docker/registry/v2/repositories/a/_uploads/1/data")
BLOB = Key("docker/registry/v2/blobs/sha256/aa/aaaa/data")


class LargeCase(test_swift.SwiftStoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.clock.rightNow = time.time()
        self.raw: SwiftContainer = self.open_container()

    def open(self, **settings: Any) -> SwiftObjectStore:
        """Open the store, as another process would, with segments of one MiB."""
        rules = {"largest": MIB, **settings}
        return SwiftObjectStore(self.open_container(), self.clock, **rules)

    async def stage(
        self, store: SwiftObjectStore, data: bytes = LARGE, area: Key = AREA
    ) -> IStagingArea:
        """Stage some bytes."""
        found = store.stage(area)
        await found.append(BytesReader(data), lambda _: None, len(data))
        return found

    async def read(self, store: SwiftObjectStore, key: Key = BLOB) -> bytes | None:
        """Read an object whole."""
        reader: IReader = await store.open(key, 0, 1 << 40)
        return await read_all(reader, 1 << 30)

    async def names(self, prefix: str = "") -> list[str]:
        """List the container."""
        return [each.name async for each in self.raw.walk(prefix)]

    async def keep_theirs(self, *names: Key, area: Key = AREA) -> str:
        """Keep an object as Distribution does, under some names at once.

        Args:
            names: The names.
            area: What it was first written to.

        Returns:
            The folder of its segments.
        """
        digits = (f"/{area}".encode() + os.urandom(32)).hex()
        digits += "da39a3ee5e6b4b0d3255bfef95601890afd80709"
        folder = f"segments/{digits[:3]}/{digits[3:]}"
        for number, start in enumerate(range(0, len(LARGE), MIB), 1):
            await self.raw.put(f"{folder}/{number:016}", LARGE[start : start + MIB])
        headers = {"X-Object-Manifest": quote(f"{self.container}/{folder}")}
        for name in names:
            await self.raw.put(f"files/{name}", b"", headers=headers)
        return folder

    async def fails(self, kind: type[Exception], work: Awaitable[Any]) -> str:
        """Expect some work to fail, and give what is said of it."""
        with self.assertRaises(kind) as caught:
            await work
        return str(caught.exception)


class StaticObjectTests(LargeCase):
    async def test_segments_become_an_object_and_stay_where_they_are(self) -> None:
        area = await self.stage(self.open())
        before = await self.names("segments/")
        self.assertEqual(len(before), 3)  # the rest is too little for a segment
        await area.commit(BLOB)
        found = await self.raw.head(f"files/{BLOB}")
        assert found is not None
        self.assertEqual(found.header("X-Static-Large-Object").lower(), "true")
        after = await self.names("segments/")
        self.assertEqual((len(after), set(before) - set(after)), (4, set()))
        self.assertTrue(await self.read(self.open()) == LARGE)

    async def test_manifests_nest(self) -> None:
        store = self.open(largest=300_000, most=2)
        await (await self.stage(store)).commit(BLOB)
        self.assertTrue(await self.read(store) == LARGE)
        reader: IReader = await store.open(BLOB, 299_990, 1_500_010)
        self.assertTrue(await read_all(reader, MIB * 2) == LARGE[299_990:1_500_010])
        await store.delete([BLOB])
        self.assertEqual(await self.names("segments/"), [])

    async def test_what_is_little_is_a_plain_object(self) -> None:
        await (await self.stage(self.open(), b"little")).commit(BLOB)
        self.assertEqual(await self.names("segments/"), [])
        found = await self.raw.head(f"files/{BLOB}")
        assert found is not None
        self.assertEqual(found.header("X-Static-Large-Object"), "")

    async def test_another_node_goes_on_and_commits(self) -> None:
        await self.stage(self.open(), LARGE[:MIB])
        await self.stage(self.open(), LARGE[MIB : MIB + 9])
        await self.stage(self.open(), LARGE[MIB + 9 :])
        area = self.open().stage(AREA)
        self.assertEqual(await area.size(), len(LARGE))
        await area.commit(BLOB)
        self.assertTrue(await self.read(self.open()) == LARGE)

    async def test_deleting_an_object_deletes_its_segments(self) -> None:
        store = self.open()
        area = await self.stage(store)
        await area.commit(BLOB)
        await area.discard()
        await store.delete([BLOB])
        self.assertEqual(await self.names(), [])

    async def test_overwriting_leaves_the_new_one_whole(self) -> None:
        first, second = Key(f"{AREA}1"), Key(f"{AREA}2")
        for key in (first, second):
            area = await self.stage(self.open(), area=key)
            await area.commit(BLOB)
        for key in (first, second):
            await self.open().stage(key).discard()
        self.clock.advance(7200)
        await self.open().sweep(3600)
        self.assertTrue(await self.read(self.open()) == LARGE)
        self.assertEqual(len(await self.names("segments/")), 4)

    async def test_a_node_that_stops_leaves_what_was_acknowledged(self) -> None:
        await self.stage(self.open(), LARGE[:MIB])
        area = self.open().stage(AREA)
        source = BrokenReader(LARGE[MIB : 2 * MIB + 9], BrokenOff())
        await self.fails(BrokenOff, area.append(source, lambda _: None, None))
        self.assertEqual(await self.open().stage(AREA).size(), 2 * MIB + 9)


class DiscardingTests(LargeCase):
    """What is discarded takes nothing with it that became an object."""

    async def test_discarding_deletes_segments(self) -> None:
        await self.stage(self.open())
        await self.open().stage(AREA).discard()
        self.assertEqual(await self.names(), [])

    async def test_discarding_elsewhere_after_a_commit_keeps_the_object(self) -> None:
        await (await self.stage(self.open())).commit(BLOB)
        await self.open().stage(AREA).discard()
        self.assertTrue(await self.read(self.open()) == LARGE)
        self.assertEqual(await self.names(f"files/{AREA}"), [])

    async def test_purging_after_a_commit_keeps_the_object(self) -> None:
        await (await self.stage(self.open())).commit(BLOB)
        store = self.open()
        page = await store.list(f"{AREA}/", limit=9)
        self.assertTrue(page.names)
        await store.delete([*map(Key, page.names), AREA])
        await store.stage(AREA).discard()
        self.assertTrue(await self.read(self.open()) == LARGE)
        self.assertEqual((await store.list("docker/", limit=9)).names, (BLOB,))

    async def test_purging_what_was_never_committed_deletes_its_segments(self) -> None:
        await self.stage(self.open())
        store = self.open()
        page = await store.list(f"{AREA}/", limit=9)
        await store.delete([*map(Key, page.names), AREA])
        self.assertEqual(await self.names(), [])

    async def doubtful(self) -> None:
        """Let a manifest be on its way, with nobody knowing what comes of it."""
        store = self.open()
        area = await self.stage(store)
        await area.commit(BLOB)
        await self.raw.delete([f"files/{BLOB}"])

    async def test_segments_stay_for_a_manifest_that_may_yet_come(self) -> None:
        await self.doubtful()
        await self.open().stage(AREA).discard()
        self.assertEqual(len(await self.names("segments/")), 4)
        await self.fails(NotFound, self.open().stage(AREA).size())

    async def test_segments_go_when_no_manifest_can_come_any_more(self) -> None:
        await self.doubtful()
        await self.open().stage(AREA).discard()
        self.clock.advance(7200)
        await self.open().stage(AREA).discard()
        self.assertEqual(await self.names(), [])

    async def test_begins_anew_beside_what_is_in_doubt(self) -> None:
        await self.doubtful()
        await self.open().stage(AREA).discard()
        area = await self.stage(self.open(), b"anew")
        self.assertEqual(await area.size(), 4)
        self.assertEqual(len(await self.names("segments/")), 4)


class SweepTests(LargeCase):
    async def leave(self) -> str:
        """Leave a segment behind, as a process does that stops at the wrong moment."""
        segments = SwiftSegments(self.raw)
        name = segments.new_name(segments.new_folder(AREA), 0)
        await self.raw.put(name, b"left", headers=segments.headers(AREA))
        return name

    async def test_what_nothing_leads_to_is_removed(self) -> None:
        await self.leave()
        self.assertEqual(await self.open().sweep(3600), 0)
        self.clock.advance(7200)
        self.assertEqual(await self.open().sweep(3600, dry_run=True), 1)
        self.assertEqual(len(await self.names()), 1)
        self.assertEqual(await self.open().sweep(3600), 1)
        self.assertEqual(await self.names(), [])

    async def test_what_is_used_stays(self) -> None:
        await (await self.stage(self.open())).commit(BLOB)
        await self.open().stage(AREA).discard()
        other = Key(f"{AREA}2")
        await self.stage(self.open(), area=other)
        self.clock.advance(7200)
        self.assertEqual(await self.open().sweep(3600), 0)
        self.assertTrue(await self.read(self.open()) == LARGE)
        self.assertEqual(await self.open().stage(other).size(), len(LARGE))

    async def test_what_distribution_wrote_stays(self) -> None:
        await self.raw.put("segments/2f6/46f6/0000000000000001", b"theirs")
        self.clock.advance(7200)
        self.assertEqual(await self.open().sweep(3600), 0)
        self.assertEqual(len(await self.names()), 1)


class DynamicObjectTests(LargeCase):
    """Large objects as CNCF Distribution 2 has them."""

    def open(self, **settings: Any) -> SwiftObjectStore:
        return super().open(dynamic=True, **settings)

    async def test_is_written_as_they_do(self) -> None:
        await (await self.stage(self.open())).commit(BLOB)
        found = await self.raw.head(f"files/{BLOB}")
        assert found is not None
        container, _, folder = found.header("X-Object-Manifest").partition("/")
        self.assertEqual(container, self.container)
        self.assertEqual(
            bytes.fromhex(folder.removeprefix("segments/").replace("/", ""))[:-52],
            f"/{AREA}".encode(),
        )
        self.assertEqual(
            await self.names(f"{folder}/"),
            [f"{folder}/{number:016}" for number in range(1, 5)],
        )
        self.assertTrue(await self.read(self.open()) == LARGE)

    async def test_what_lies_beside_the_segments_does_not_become_part_of_it(
        self,
    ) -> None:
        store = self.open()
        area = await self.stage(store)
        folder = (await self.names("segments/"))[0].rpartition("/")[0]
        await self.raw.put(f"{folder}/9999999999999999", b"of a late writer")
        await area.commit(BLOB)
        self.assertTrue(await self.read(store) == LARGE)
        await area.discard()
        self.assertTrue(await self.read(self.open()) == LARGE)
        self.assertEqual(len(await self.names("segments/")), 4)

    async def test_purging_an_upload_keeps_the_blob_that_has_its_segments(self) -> None:
        await self.keep_theirs(AREA, BLOB)
        store = self.open()
        await store.delete([AREA])
        await self.fails(NotFound, store.stat(AREA))
        self.assertTrue(await self.read(store) == LARGE)

    async def test_deleting_a_blob_deletes_its_segments(self) -> None:
        await self.keep_theirs(BLOB)
        await self.open().delete([BLOB])
        self.assertEqual(await self.names(), [])

    async def test_one_whose_parts_are_not_listed_is_a_fault(self) -> None:
        folder = await self.keep_theirs(BLOB)
        await self.raw.delete(await self.names(f"{folder}/"))
        store = self.open()
        for work in (store.stat(BLOB), store.get(BLOB, 9)):
            said = await self.fails(StorageUnavailable, work)
            self.assertIn("does not list the parts", said)


class DirectTests(LargeCase):
    """Bytes whose final key is known go there, and nowhere else."""

    async def begin(self, data: bytes = LARGE) -> IStagingArea:
        area = self.open().stage(AREA, BLOB)
        await area.append(BytesReader(data), lambda _: None, len(data))
        return area

    async def test_is_a_plain_object_once_it_is_committed(self) -> None:
        area = await self.begin()
        self.assertEqual(await self.names(), [])
        await area.commit(BLOB)
        self.assertEqual(await self.names(), [f"files/{BLOB}"])
        self.assertTrue(await self.read(self.open()) == LARGE)

    async def test_is_nowhere_once_it_is_discarded(self) -> None:
        area = await self.begin()
        await area.discard()
        self.assertEqual(await self.names(), [])
        await self.fails(NotFound, area.commit(BLOB))

    async def test_leaves_what_was_there_when_it_is_discarded(self) -> None:
        await self.open().put(BLOB, b"before")
        await (await self.begin()).discard()
        self.assertEqual(await self.read(self.open()), b"before")

    async def test_one_that_was_deleted_meanwhile_is_a_fault(self) -> None:
        await self.open().put(BLOB, b"before")
        area = await self.begin()
        await self.raw.delete([f"files/{BLOB}"])  # later than the request that writes
        said = await self.fails(StorageUnavailable, area.commit(BLOB))
        self.assertIn("lost what was just written", said)


class TwoWritersTests(LargeCase):
    """What one node marked is not taken for the mark of what another wrote."""

    async def test_one_of_two_that_write_at_the_same_time_fails(self) -> None:
        first, second = self.open(), self.open()
        one, other = first.stage(AREA), second.stage(AREA)
        for area in (one, other):
            await self.fails(NotFound, area.size())
        await other.append(BytesReader(b"evil"), lambda _: None, 4, lambda: "evil")
        with self.assertRaises(StorageUnavailable):
            await one.append(BytesReader(b"good"), lambda _: None, 4, lambda: "good")
        for store in (first, second):
            self.assertEqual(await store.stage(AREA).held(), Held(4, "evil"))

    async def test_who_reads_it_again_goes_on(self) -> None:
        first, second = self.open(), self.open()
        await self.stage(first, b"good")
        await self.stage(second, b"more")
        area = first.stage(AREA)
        self.assertEqual(await area.size(), 8)
        reader: IReader = await area.open(0, 8)
        self.assertEqual(await read_all(reader, 9), b"goodmore")
        await area.commit(BLOB)
        self.assertEqual(await self.read(first), b"goodmore")


class ManifestTests(LargeCase):
    async def test_theirs_is_read_when_static_too(self) -> None:
        await self.raw.put("segments/x/1", LARGE[:MIB])
        await self.raw.put("segments/x/2", LARGE[MIB:])
        lines: list[Mapping[str, str]] = [
            {"path": f"/{self.container}/segments/x/{number}"} for number in (1, 2)
        ]
        await self.raw.put(
            f"files/{BLOB}", json.dumps(lines).encode(), query="multipart-manifest=put"
        )
        store = SwiftObjectStore(self.raw, IReactorTime(reactor))
        self.assertTrue(await self.read(store) == LARGE)
        await store.delete([BLOB])
        self.assertEqual(await self.names(), [])
