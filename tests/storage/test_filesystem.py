"""Tests of ``txregistry/storage/filesystem.py``."""

import errno
import os
import time

from hypothesis import given
from zope.interface.verify import verifyObject

from tests.contracts import objectstore
from tests.contracts.keyspace import KEY_SETS
from tests.contracts.storecase import KEY, OTHER
from tests.storage.case import SCRATCH, FolderTestCase
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import (
    IFolders,
    Key,
    NotFound,
    Page,
    StorageUnavailable,
)
from txregistry.storage.passing import PassingStore
from txregistry.streams import BytesReader, IFileReader
from txregistry.tasks import at_once

LINK = Key("repositories/name/_manifests/tags/v1/current/link")


class FilesystemObjectStoreTests(FolderTestCase, objectstore.ObjectStoreContract):
    """The contract, as local files."""


class LayoutTests(FolderTestCase):
    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = self.open_store(self.root)

    def test_an_object_is_the_file_of_its_key(self) -> None:
        self.result(self.store.put(KEY, b"data"))
        self.assertEqual(self.files(self.root), {KEY: b"data"})

    def test_a_staging_area_is_the_file_of_its_key(self) -> None:
        self.stage(self.store, b"data")
        self.assertEqual(self.files(self.root), {KEY: b"data"})

    def test_committing_leaves_nothing_but_the_two_names(self) -> None:
        area, _ = self.stage(self.store, b"data")
        self.result(area.commit(OTHER))
        self.assertEqual(self.files(self.root), {KEY: b"data", OTHER: b"data"})

    def test_discarding_after_a_commit_leaves_the_object_alone(self) -> None:
        area, _ = self.stage(self.store, b"data")
        self.result(area.commit(OTHER))
        self.result(area.discard())
        self.assertEqual(self.files(self.root), {OTHER: b"data"})
        self.assertNotIn(os.path.dirname(KEY), self.folders(self.root))

    def test_permissions_are_the_umasks(self) -> None:
        self.addCleanup(os.umask, os.umask(0o027))
        self.result(self.store.put(KEY, b"data"))
        mode = os.stat(os.path.join(self.root, KEY)).st_mode & 0o777
        self.assertEqual(mode, 0o640)

    def test_a_folder_has_its_companion(self) -> None:
        self.result(self.store.put(LINK, b"x"))
        self.assertIn("repositories/name/_layers", self.folders(self.root))

    def test_a_folder_in_an_old_folder_has_its_companion(self) -> None:
        os.makedirs(os.path.join(self.root, "repositories/name"))
        self.result(self.store.put(LINK, b"x"))
        self.assertIn("repositories/name/_layers", self.folders(self.root))

    def test_a_companion_that_is_there_is_left(self) -> None:
        other = Key("repositories/name/_layers/link")
        self.result(self.store.put(other, b"x"))
        self.result(self.store.put(LINK, b"x"))
        self.assertEqual(self.files(self.root), {LINK: b"x", other: b"x"})

    def test_a_companion_stays_when_its_last_key_goes(self) -> None:
        other = Key("repositories/name/_layers/link")
        self.result(self.store.put(LINK, b"x"))
        self.result(self.store.put(other, b"x"))
        self.result(self.store.delete([other]))
        self.assertIn("repositories/name/_layers", self.folders(self.root))

    def test_a_reader_is_a_file_that_the_kernel_can_send(self) -> None:
        self.result(self.store.put(KEY, b"data"))
        reader = self.result(self.store.open(KEY, 1, 99))
        assert IFileReader.providedBy(reader)
        file = IFileReader(reader)
        self.assertEqual(os.pread(file.fileno(), 9, 0), b"data")
        self.assertEqual(file.span(), (1, 4))
        self.result(reader.close())

    def test_no_file_stays_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        self.result(self.store.put(KEY, b"data"))
        self.read_range(self.store.open(KEY, 0, 4))
        area, _ = self.stage(self.store, b"data", OTHER)
        self.result(area.commit(KEY))
        self.fails(NotFound, self.store.open(Key("docker"), 0, 1))
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)


class ScratchTests(FolderTestCase):
    def leave(self, name: str, age: float) -> str:
        """Leave a file, and a folder with one, as a crash does."""
        root = self.make_root()
        scratch = os.path.join(root, SCRATCH)
        os.makedirs(os.path.join(scratch, f"{name}.folder"))
        for path in (name, f"{name}.folder/inner"):
            with open(os.path.join(scratch, path), "wb") as file:
                file.write(b"x")
        then = time.time() - age
        for path in (name, f"{name}.folder"):
            os.utime(os.path.join(scratch, path), (then, then))
        return root

    def test_what_a_crash_left_is_removed_after_a_day(self) -> None:
        root = self.leave("old", 2 * 86400)
        self.open_store(root)
        self.assertEqual(os.listdir(os.path.join(root, SCRATCH)), [])

    def test_what_may_be_in_use_is_left(self) -> None:
        root = self.leave("new", 3600)
        self.open_store(root)
        self.assertEqual(len(os.listdir(os.path.join(root, SCRATCH))), 2)

    def test_it_is_swept_when_that_is_asked_for(self) -> None:
        root = self.leave("new", 3600)
        store = self.open_store(root)
        for age, dry_run, count, left in (
            (7200.0, False, 0, 2),
            (1800.0, True, 2, 2),
            (1800.0, False, 2, 0),
            (1800.0, False, 0, 0),
        ):
            found = self.result(store.sweep(age, dry_run=dry_run))
            self.assertEqual(found, count)
            self.assertEqual(len(os.listdir(os.path.join(root, SCRATCH))), left)

    def test_somebody_may_remove_the_folder(self) -> None:
        root = self.make_root()
        store = self.open_store(root)
        os.rmdir(os.path.join(root, SCRATCH))
        self.result(store.put(KEY, b"data"))
        self.assertEqual(self.read(store, KEY), b"data")


class StrangeTreeTests(FolderTestCase):
    """What other programs, and people, leave in a tree."""

    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = self.open_store(self.root)
        os.makedirs(os.path.join(self.root, "a/b"))

    def path(self, key: str) -> str:
        return os.path.join(self.root, key)

    def list_groups(self) -> Page:
        return self.result(self.store.list("a/", limit=9, delimiter=True))

    def test_a_link_to_a_file_is_an_object(self) -> None:
        with open(self.path("real"), "wb") as file:
            file.write(b"data")
        os.symlink(self.path("real"), self.path("a/link"))
        self.assertEqual(self.read(self.store, Key("a/link")), b"data")

    def test_a_link_to_a_folder_is_a_group(self) -> None:
        os.symlink(self.path("a/b"), self.path("a/c"))
        self.assertEqual(self.list_groups().names, ("a/b/", "a/c/"))

    def test_a_link_to_nowhere_is_absent(self) -> None:
        os.symlink(self.path("nowhere"), self.path("a/link"))
        self.fails(NotFound, self.store.get(Key("a/link"), 9))

    def test_a_link_to_nowhere_is_replaced(self) -> None:
        os.symlink(self.path("nowhere"), self.path("a/link"))
        self.result(self.store.put(Key("a/link"), b"data"))
        self.assertEqual(self.read(self.store, Key("a/link")), b"data")

    def test_links_in_a_circle_do_not_stop_a_listing(self) -> None:
        os.symlink(self.path("a/y"), self.path("a/x"))
        os.symlink(self.path("a/x"), self.path("a/y"))
        self.assertEqual(self.list_groups().names, ("a/b/", "a/x", "a/y"))

    def test_a_pipe_is_absent(self) -> None:
        os.mkfifo(self.path("a/pipe"))
        self.fails(NotFound, self.store.get(Key("a/pipe"), 9))

    def test_a_pipe_is_not_opened(self) -> None:
        os.mkfifo(self.path("a/pipe"))
        self.fails(NotFound, self.store.open(Key("a/pipe"), 0, 9))

    def test_a_folder_is_absent_however_little_is_wanted(self) -> None:
        self.fails(NotFound, self.store.get(Key("a/b"), 1))

    def test_a_name_that_is_no_text_is_listed(self) -> None:
        with open(os.path.join(self.root.encode(), b"a/\xff"), "wb"):
            pass
        self.assertEqual(len(self.list_groups().names), 2)

    def test_an_empty_folder_gives_way_to_an_object_below(self) -> None:
        self.result(self.store.put(Key("a/b/c"), b"data"))
        self.assertEqual(self.read(self.store, Key("a/b/c")), b"data")

    def test_nothing_is_listed_below_a_file(self) -> None:
        self.result(self.store.put(Key("a/file"), b"x"))
        page = self.result(self.store.list("a/file/", limit=9, delimiter=True))
        self.assertEqual(page, Page((), more=False))


class FreshnessTests(FolderTestCase):
    """What is remembered of files and folders is never stale."""

    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = self.open_store(self.root)
        self.other = self.open_store(self.root)  # another process
        self.result(self.store.put(Key("a/one"), b"before"))
        self.settle()

    def settle(self) -> None:
        """Let what is there have been there for long."""
        now = time.time_ns
        later = 10**10
        self.patch(time, "time_ns", lambda: now() + later)

    def names(self, store: FilesystemObjectStore) -> tuple[str, ...]:
        return self.result(store.list("a/", limit=9, delimiter=True)).names

    def test_an_object_that_another_process_puts_is_listed(self) -> None:
        self.names(self.store)
        self.result(self.other.put(Key("a/two"), b"x"))
        self.assertEqual(self.names(self.store), ("a/one", "a/two"))

    def test_an_object_that_another_process_deletes_is_listed_no_more(self) -> None:
        self.result(self.store.put(Key("a/two"), b"x"))
        self.names(self.store)
        self.result(self.other.delete([Key("a/two")]))
        self.assertEqual(self.names(self.store), ("a/one",))

    def test_a_group_that_another_process_makes_anew_is_listed(self) -> None:
        self.names(self.store)
        self.result(self.other.delete([Key("a/one")]))
        self.result(self.other.put(Key("a/three"), b"x"))
        self.assertEqual(self.names(self.store), ("a/three",))

    def test_an_object_that_another_process_writes_is_read_anew(self) -> None:
        self.read(self.store, Key("a/one"))
        self.result(self.other.put(Key("a/one"), b"behind"))
        self.assertEqual(self.read(self.store, Key("a/one")), b"behind")

    def test_an_object_that_another_process_deletes_is_absent(self) -> None:
        self.read(self.store, Key("a/one"))
        self.result(self.other.delete([Key("a/one")]))
        self.fails(NotFound, self.store.get(Key("a/one"), 9))

    def test_the_limit_holds_for_what_is_remembered(self) -> None:
        self.read(self.store, Key("a/one"))
        with self.assertRaises(self.failureException):
            self.result(self.store.get(Key("a/one"), 3))

    def test_staging_is_listed_at_once(self) -> None:
        self.names(self.store)
        area = self.store.stage(Key("a/staged"))
        self.result(area.append(BytesReader(b"x"), lambda _: None, 1))
        self.assertEqual(self.names(self.store), ("a/one", "a/staged"))


class LastingTests(FolderTestCase):
    """Folders that others look for stay when they are empty."""

    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = FilesystemObjectStore(
            self.root, SCRATCH, at_once, {}, lasting=("a/repositories/",)
        )

    def test_it_stays_and_nothing_below_it(self) -> None:
        for text in ("a/repositories/x/y/one", "a/repositories/two"):
            self.result(self.store.put(Key(text), b"data"))
            self.result(self.store.delete([Key(text)]))
            self.assertEqual(os.listdir(os.path.join(self.root, "a/repositories")), [])

    def test_others_go(self) -> None:
        self.result(self.store.put(Key("a/repositories2/one"), b"data"))
        self.result(self.store.delete([Key("a/repositories2/one")]))
        self.assertFalse(os.path.exists(os.path.join(self.root, "a")))


class SecretsTests(FolderTestCase):
    """What is below the prefix of secrets, nobody else on the machine may read."""

    def setUp(self) -> None:
        self.root = self.make_root()
        self.store = FilesystemObjectStore(
            self.root, SCRATCH, at_once, {}, secrets="secrets/"
        )
        self.addCleanup(os.umask, os.umask(0))

    def mode(self, text: str, *, if_absent: bool = False) -> int:
        key = Key(text)
        self.result(self.store.put(key, b"data", if_absent=if_absent))
        return os.stat(os.path.join(self.root, key)).st_mode & 0o777

    def test_secret_is_its_owners(self) -> None:
        self.assertEqual(self.mode("secrets/one"), 0o600)
        self.assertEqual(self.mode("secrets/two", if_absent=True), 0o600)

    def test_secret_that_is_written_again_still_is(self) -> None:
        self.mode("secrets/one")
        self.assertEqual(self.mode("secrets/one"), 0o600)

    def test_everything_else_is_as_always(self) -> None:
        for text in ("other/one", "secret", "other/secrets/one"):
            self.assertEqual(self.mode(text), 0o666)


class NamesTests(FolderTestCase):
    """`IFolders`: what lies directly below prefixes, whole."""

    @given(KEY_SETS)
    def test_is_what_is_listed(self, keys: list[Key]) -> None:
        store = self.make_store(dict.fromkeys(keys, b"x"))
        prefixes = ["k/", "absent/", *(f"{key.rpartition('/')[0]}/" for key in keys)]
        for _ in range(2):  # the second time, of what is remembered
            found = self.result(store.folders.names(prefixes))
            for prefix, names in zip(prefixes, found, strict=True):
                page = self.result(store.list(prefix, limit=999, delimiter=True))
                self.assertEqual(tuple(prefix + name for name in names), page.names)

    def test_other_stores_pass_it_on(self) -> None:
        store = self.make_store({Key("a/b"): b"x"})
        folders = PassingStore(store).folders
        assert folders is not None
        self.assertEqual(self.result(folders.names(["a/", "b/"])), [["b"], ()])

    def test_is_one(self) -> None:
        self.assertTrue(verifyObject(IFolders, self.make_store({}).folders))

    def test_folder_that_cannot_be_read_is_told(self) -> None:
        store = self.make_store({Key("a/b"): b"x"})

        def refuse(path: str) -> None:
            raise PermissionError(errno.EACCES, "no", path)

        self.patch(os, "scandir", refuse)
        self.fails(StorageUnavailable, store.folders.names(["a/"]))
