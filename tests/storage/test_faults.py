"""The file system store, when the operating system refuses."""

import errno
import os
from collections.abc import Callable
from typing import Any

from tests.contracts.storecase import KEY, OTHER
from tests.storage.case import FolderTestCase
from txregistry.storage import staging
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.streams import CHUNK, BytesReader


class FaultTestCase(FolderTestCase):
    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = self.open_store(self.root)
        self.result(self.store.put(KEY, b"acknowledged"))

    def refuse(self, name: str, number: int, after: int = 0) -> None:
        """Let a call of ``os`` fail, after it was done so many times."""
        call: Callable[..., Any] = getattr(os, name)
        left = after

        def refused(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if left:
                left -= 1
                return call(*args, **kwargs)
            raise OSError(number, os.strerror(number))

        self.patch(os, name, refused)


class UnavailableTests(FaultTestCase):
    """What is refused, or fails, is never taken for absent."""

    def unavailable(self) -> None:
        """Expect every way to read to fail."""
        self.fails(StorageUnavailable, self.store.get(KEY, 99))
        self.fails(StorageUnavailable, self.store.open(KEY, 0, 9))
        self.fails(StorageUnavailable, self.store.stage(KEY).open(0, 9))

    def test_permission_is_denied_to_read(self) -> None:
        self.refuse("open", errno.EACCES)
        self.unavailable()

    def test_disk_fails_to_open(self) -> None:
        self.refuse("open", errno.EIO)
        self.unavailable()

    def test_files_are_all_taken(self) -> None:
        self.refuse("open", errno.EMFILE)
        self.unavailable()

    def test_permission_is_denied_to_look(self) -> None:
        self.refuse("stat", errno.EACCES)
        self.fails(StorageUnavailable, self.store.stat(KEY))

    def test_disk_fails_to_tell_a_size(self) -> None:
        self.refuse("stat", errno.EIO)
        self.fails(StorageUnavailable, self.store.stage(KEY).size())

    def test_disk_fails_to_read(self) -> None:
        self.refuse("preadv", errno.EIO)
        self.fails(StorageUnavailable, self.store.get(KEY, 99))

    def test_disk_fails_under_a_reader(self) -> None:
        reader = self.result(self.store.open(KEY, 0, 9))
        self.refuse("preadv", errno.EIO)
        self.fails(StorageUnavailable, reader.read(9))
        self.result(reader.close())

    def test_disk_fails_to_list(self) -> None:
        self.refuse("scandir", errno.EIO)
        self.fails(StorageUnavailable, self.store.list("docker/", limit=9))

    def test_permission_is_denied_to_list_groups(self) -> None:
        self.refuse("scandir", errno.EACCES)
        work = self.store.list("docker/", limit=9, delimiter=True)
        self.fails(StorageUnavailable, work)

    def test_permission_is_denied_to_delete(self) -> None:
        self.refuse("unlink", errno.EACCES)
        self.fails(StorageUnavailable, self.store.delete([KEY]))

    def test_disk_is_read_only(self) -> None:
        self.refuse("open", errno.EROFS)
        self.fails(StorageUnavailable, self.store.put(OTHER, b"x"))

    def test_write_below_an_object_is_no_absence(self) -> None:
        self.fails(StorageUnavailable, self.store.put(Key(f"{KEY}/below"), b"x"))

    def test_staging_below_an_object_is_no_absence(self) -> None:
        area = self.store.stage(Key(f"{KEY}/below"))
        work = area.append(BytesReader(b"x"), lambda _: None, 1)
        self.fails(StorageUnavailable, work)

    def test_disk_fails_to_sync(self) -> None:
        self.refuse("fsync", errno.EIO)
        self.fails(StorageUnavailable, self.store.put(OTHER, b"x"))

    def test_disk_fails_to_sync_what_is_staged(self) -> None:
        self.refuse("fdatasync", errno.EIO)
        work = self.store.stage(OTHER).append(BytesReader(b"x"), lambda _: None, 1)
        self.fails(StorageUnavailable, work)

    def test_disk_fails_the_check(self) -> None:
        self.refuse("statvfs", errno.EIO)
        self.fails(StorageUnavailable, self.store.check())

    def test_root_that_went_away_fails_the_check(self) -> None:
        os.rename(self.root, f"{self.root}.away")
        self.addCleanup(os.rename, f"{self.root}.away", self.root)
        self.fails(StorageUnavailable, self.store.check())

    def test_root_that_went_away_takes_nothing_in(self) -> None:
        os.rename(self.root, f"{self.root}.away")
        self.addCleanup(os.rename, f"{self.root}.away", self.root)
        work = self.store.stage(OTHER).append(BytesReader(b"x"), lambda _: None, 1)
        self.fails(StorageUnavailable, work)

    def test_root_that_is_a_file_cannot_be_opened(self) -> None:
        with self.assertRaises(StorageUnavailable):
            self.open_store(os.path.join(self.root, KEY))

    def test_root_below_a_file_cannot_be_opened(self) -> None:
        with self.assertRaises(StorageUnavailable):
            self.open_store(os.path.join(self.root, KEY, "below"))

    def test_the_kernel_knows_no_reading_without_waiting(self) -> None:
        self.refuse("preadv", errno.EOPNOTSUPP)
        self.assertEqual(self.read(self.store, KEY), b"acknowledged")

    def test_content_is_not_in_memory(self) -> None:
        self.refuse("preadv", errno.EAGAIN)
        found = self.read_range(self.store.open(KEY, 2, 99))
        self.assertEqual(found, b"knowledged")


class FullTests(FaultTestCase):
    """A disk without room: everything acknowledged stays as it is."""

    def setUp(self) -> None:
        super().setUp()
        self.area = self.store.stage(OTHER)
        self.result(self.append(b"promised"))

    async def append(self, data: bytes) -> int:
        return await self.area.append(BytesReader(data), lambda _: None, None)

    def check_intact(self) -> None:
        self.assertEqual(
            self.files(self.root), {KEY: b"acknowledged", OTHER: b"promised"}
        )

    def test_put_finds_no_room(self) -> None:
        self.refuse("writev", errno.ENOSPC)
        self.fails(StorageFull, self.store.put(KEY, b"new"))
        self.check_intact()

    def test_put_exceeds_the_quota(self) -> None:
        self.refuse("writev", errno.EDQUOT)
        self.fails(StorageFull, self.store.put(KEY, b"new"))
        self.check_intact()

    def test_put_finds_no_room_for_a_folder(self) -> None:
        self.refuse("mkdir", errno.ENOSPC)
        self.fails(StorageFull, self.store.put(Key("new/key"), b"new"))
        self.check_intact()

    def test_append_finds_no_room(self) -> None:
        self.refuse("writev", errno.ENOSPC)
        self.fails(StorageFull, self.append(b"more"))
        self.check_intact()

    def test_append_finds_room_for_a_part(self) -> None:
        self.refuse("writev", errno.ENOSPC, after=1)
        self.fails(StorageFull, self.append(b"x" * CHUNK * 5))
        self.check_intact()

    def test_append_goes_on_once_there_is_room(self) -> None:
        self.refuse("writev", errno.ENOSPC, after=1)
        self.fails(StorageFull, self.append(b"x" * CHUNK * 5))
        self.patch(os, "writev", os_writev)
        self.assertEqual(self.result(self.append(b", more")), 14)

    def test_append_finds_no_room_when_it_is_synced(self) -> None:
        self.refuse("fdatasync", errno.ENOSPC)
        self.fails(StorageFull, self.append(b"more"))
        self.check_intact()

    def test_commit_finds_no_room_for_a_folder(self) -> None:
        self.refuse("mkdir", errno.ENOSPC)
        self.fails(StorageFull, self.area.commit(Key("new/key")))
        self.check_intact()

    def test_commit_finds_no_room_for_a_name(self) -> None:
        self.refuse("rename", errno.ENOSPC)
        self.fails(StorageFull, self.area.commit(Key("new/key")))
        self.check_intact()

    def test_commit_finds_no_room_when_a_folder_is_synced(self) -> None:
        self.refuse("fsync", errno.ENOSPC)
        self.fails(StorageFull, self.area.commit(Key("new/key")))
        self.patch(os, "fsync", os_fsync)
        self.result(self.store.delete([Key("new/key")]))  # its name is there, or not
        self.check_intact()

    def test_no_file_stays_open_when_space_cannot_be_reserved(self) -> None:
        def full(*_: int) -> None:
            raise OSError(errno.ENOSPC, "x")

        self.patch(staging, "reserve", full)
        before = len(os.listdir("/proc/self/fd"))
        size = CHUNK + 1
        work = self.area.append(BytesReader(b"x" * size), lambda _: None, size)
        self.fails(StorageFull, work)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.check_intact()


os_writev = os.writev
os_fsync = os.fsync


class FloorTests(FaultTestCase):
    """Less free space than is to be left takes nothing more in."""

    def setUp(self) -> None:
        super().setUp()
        self.full = FilesystemObjectStore(
            self.root, ".scratch", self.store._blocking, {}, floor=1 << 62
        )

    def test_put_is_refused(self) -> None:
        self.fails(StorageFull, self.full.put(OTHER, b"x"))

    def test_staging_is_refused(self) -> None:
        work = self.full.stage(OTHER).append(BytesReader(b"x"), lambda _: None, 1)
        self.fails(StorageFull, work)

    def test_nothing_is_left_of_what_is_refused(self) -> None:
        work = self.full.stage(OTHER).append(BytesReader(b"x"), lambda _: None, 1)
        self.fails(StorageFull, work)
        self.assertEqual(self.files(self.root), {KEY: b"acknowledged"})

    def test_reading_goes_on(self) -> None:
        self.assertEqual(self.read(self.full, KEY), b"acknowledged")

    def test_deleting_goes_on(self) -> None:
        self.result(self.full.delete([KEY]))
        self.fails(NotFound, self.full.stat(KEY))

    def test_size_that_is_told_first_is_refused_first(self) -> None:
        stats = os.statvfs(self.root)
        free = stats.f_bavail * stats.f_frsize
        source = BytesReader(b"x")
        work = self.store.stage(OTHER).append(source, lambda _: None, free * 2)
        self.fails(StorageFull, work)
        self.assertEqual(self.result(source.read(9)), b"x")
