"""The store after a crash between any two calls that change the disk."""

import os
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred

from tests.contracts.storecase import KEY, OTHER
from tests.storage.case import FolderTestCase
from tests.storage.crash import Killed, Machine
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import Key, NotFound
from txregistry.streams import BytesReader

Work = Callable[[FilesystemObjectStore], Coroutine[Any, Any, object]]
Check = Callable[[FilesystemObjectStore], None]

MANIFEST = Key("repositories/some/name/_manifests/tags/v1/current/link")


class CrashTests(FolderTestCase):
    def setUp(self) -> None:
        self.machine = Machine(self)

    def crash_everywhere(self, prepare: Work, work: Work, check: Check) -> None:
        """Check what is left of some work, wherever a crash breaks it off."""
        call = 0
        while call == 0 or self.machine.died:
            call += 1
            store = self.make_store({})
            self.result(prepare(store))
            self.machine.die_before(call)
            done = Deferred.fromCoroutine(work(store))
            self.machine.restart()
            if self.machine.died:
                self.failureResultOf(done, Killed)
            else:
                self.successResultOf(done)
            check(self.reopen(store))
        self.assertGreater(call, 3)

    def content(self, store: FilesystemObjectStore, key: Key) -> bytes | None:
        async def get() -> bytes | None:
            try:
                return await store.get(key, 1 << 20)
            except NotFound:
                return None

        return self.result(get())

    async def nothing(self, store: FilesystemObjectStore) -> None:
        """Prepare nothing."""

    async def put(self, store: FilesystemObjectStore) -> None:
        await store.put(KEY, b"before")

    async def put_new(self, store: FilesystemObjectStore) -> None:
        await store.put(KEY, b"data")

    async def promise(self, store: FilesystemObjectStore) -> None:
        area = store.stage(KEY)
        await area.append(BytesReader(b"promised"), lambda _: None, 8)

    def test_new_object_is_whole_or_not_there(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            self.assertIn(self.content(store, KEY), (None, b"data"))

        self.crash_everywhere(
            self.nothing, lambda store: store.put(KEY, b"data"), check
        )

    def test_new_object_is_whole_or_not_listed(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            groups = self.result(store.list("docker/", limit=9, delimiter=True)).names
            keys = self.list_all(store, "docker/")
            self.assertIn((groups, keys), (((), ()), (("docker/registry/",), (KEY,))))

        self.crash_everywhere(
            self.nothing, lambda store: store.put(KEY, b"data"), check
        )

    def test_new_object_if_absent_is_whole_or_not_there(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            self.assertIn(self.content(store, KEY), (None, b"data"))

        self.crash_everywhere(
            self.nothing, lambda store: store.put(KEY, b"data", if_absent=True), check
        )

    def test_object_is_as_before_or_as_after(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            self.assertIn(self.content(store, KEY), (b"before", b"after"))

        self.crash_everywhere(self.put, lambda store: store.put(KEY, b"after"), check)

    def test_folder_never_stands_without_its_companion(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            for folder in self.folders(store._root):
                if folder.endswith("_manifests") and ".scratch" not in folder:
                    beside = os.path.join(os.path.dirname(folder), "_layers")
                    self.assertIn(beside, self.folders(store._root))

        self.crash_everywhere(
            self.nothing, lambda store: store.put(MANIFEST, b"data"), check
        )

    def test_committed_object_is_whole_or_not_there(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            self.assertIn(self.content(store, OTHER), (None, b"promised"))

        self.crash_everywhere(
            self.promise, lambda store: store.stage(KEY).commit(OTHER), check
        )

    def test_nothing_that_was_staged_is_lost_by_a_commit(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            opened = store.stage(KEY).open(0, 99)
            self.assertEqual(self.read_range(opened), b"promised")

        self.crash_everywhere(
            self.promise, lambda store: store.stage(KEY).commit(OTHER), check
        )

    def test_staging_goes_on_after_a_crash_in_a_commit(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            area = store.stage(KEY)
            self.result(area.append(BytesReader(b", more"), lambda _: None, None))
            self.assertEqual(self.read_range(area.open(0, 99)), b"promised, more")
            self.assertIn(self.content(store, OTHER), (None, b"promised"))

        self.crash_everywhere(
            self.promise, lambda store: store.stage(KEY).commit(OTHER), check
        )

    def test_nothing_that_was_staged_is_lost_by_appending(self) -> None:
        async def append(store: FilesystemObjectStore) -> None:
            area = store.stage(KEY)
            await area.append(BytesReader(b", more"), lambda _: None, 6)

        def check(store: FilesystemObjectStore) -> None:
            found = self.read_range(store.stage(KEY).open(0, 99))
            self.assertIn(found, (b"promised", b"promised, more"))

        self.crash_everywhere(self.promise, append, check)

    def test_parting_from_an_object_loses_nothing(self) -> None:
        async def commit(store: FilesystemObjectStore) -> None:
            await self.promise(store)
            await store.stage(KEY).commit(OTHER)

        async def append(store: FilesystemObjectStore) -> None:
            area = store.stage(KEY)
            await area.append(BytesReader(b", more"), lambda _: None, 6)

        def check(store: FilesystemObjectStore) -> None:
            found = self.read_range(store.stage(KEY).open(0, 99))
            self.assertIn(found, (b"promised", b"promised, more"))
            self.assertEqual(self.content(store, OTHER), b"promised")

        self.crash_everywhere(commit, append, check)

    def test_deleting_again_removes_what_a_crash_left(self) -> None:
        def check(store: FilesystemObjectStore) -> None:
            self.result(store.delete([KEY]))
            page = self.result(store.list("docker/", limit=9, delimiter=True))
            self.assertEqual(page.names, ())

        self.crash_everywhere(self.put, lambda store: store.delete([KEY]), check)
