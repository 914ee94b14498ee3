"""Tests of ``txregistry/storage/folders.py``."""

import os
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.contracts.keyspace import KEY_SETS
from tests.storage.case import FolderTestCase
from txregistry.storage import folders
from txregistry.storage.folders import Folders, page
from txregistry.storage.interfaces import Key


class FoldersTests(FolderTestCase):
    def setUp(self) -> None:
        self.root = self.make_root()
        self.folders_seen = Folders()
        self.make("a/x")
        now = time.time_ns
        self.later = 10**10
        self.patch(time, "time_ns", lambda: now() + self.later)

    def make(self, key: str) -> None:
        path = os.path.join(self.root, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb"):
            pass

    def test_folders_end_in_a_slash(self) -> None:
        self.make("b")
        self.assertEqual(self.folders_seen.read(self.root), ["a/", "b"])

    def test_nothing_is_remembered_before_it_was_read(self) -> None:
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_what_is_not_there_is_found_so_at_once(self) -> None:
        with self.assertRaises(FileNotFoundError):
            self.folders_seen.remembered(os.path.join(self.root, "none"))

    def test_what_was_read_is_remembered(self) -> None:
        self.folders_seen.read(self.root)
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/"])

    def test_what_has_just_changed_is_read_again(self) -> None:
        self.later = 0
        self.folders_seen.read(self.root)
        names = os.stat(self.root)
        self.make("b")
        os.utime(self.root, ns=(names.st_atime_ns, names.st_mtime_ns))
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/", "b"])

    def test_many_names_that_have_just_changed_are_left_to_a_thread(self) -> None:
        self.later = 0
        self.patch(folders, "_FEW", 1)
        self.folders_seen.read(self.root)
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/"])
        self.make("b")
        self.folders_seen.read(self.root)
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_what_has_become_much_is_left_to_a_thread(self) -> None:
        self.patch(folders, "_GROWN", 2)
        self.folders_seen.read(self.root)
        self.make("b")
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/", "b"])
        self.make("c")
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_times_that_somebody_sets_hide_no_change(self) -> None:
        """As programs do that copy or restore a tree."""
        before = os.stat(self.root)
        self.folders_seen.read(self.root)
        self.make("b")
        os.utime(self.root, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/", "b"])

    def test_change_while_it_is_read_is_seen_the_next_time(self) -> None:
        """Even where it falls into the tick of the one before."""
        clock = [os.stat(self.root).st_ctime_ns + 10**9]
        self.patch(time, "time_ns", lambda: clock[0])
        scandir = os.scandir

        def slow(path: str) -> object:
            clock[0] += 10**10
            return scandir(path)

        self.patch(os, "scandir", slow)
        self.folders_seen.read(self.root)
        self.assertFalse(self.folders_seen._seen[self.root].settled)

    def test_few_names_need_not_be_remembered(self) -> None:
        self.make("b")
        for least, found in ((2, ["a/", "b"]), (3, None)):
            seen = Folders(least)
            self.assertEqual(seen.listing(self.root), ["a/", "b"])
            self.assertEqual(seen.remembered(self.root), found)

    def test_what_changes_is_forgotten(self) -> None:
        self.patch(folders, "_FEW", 0)
        self.folders_seen.read(self.root)
        self.make("b")
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_folder_that_is_gone_is_absent(self) -> None:
        self.make("b/x")
        path = f"{self.root}/b"
        self.folders_seen.read(path)
        os.unlink(f"{path}/x")
        os.rmdir(path)
        with self.assertRaises(FileNotFoundError):
            self.folders_seen.remembered(path)
        self.assertEqual(self.folders_seen.listing(path), ())

    def test_an_absent_folder_is_empty(self) -> None:
        self.assertEqual(self.folders_seen.listing(f"{self.root}/absent"), ())

    def room(self, *names: str) -> None:
        """Let there be room for what listings of some folders take, and no more."""
        room = 0
        for name in names:
            seen = Folders()
            seen.read(f"{self.root}/{name}".rstrip("/"))
            (found,) = seen._seen.values()
            room += found.price
        self.patch(folders, "_ROOM", room)
        self.folders_seen = Folders()

    def look(self, name: str) -> None:
        self.folders_seen.read(f"{self.root}/{name}".rstrip("/"))

    def knows(self, name: str) -> bool:
        path = f"{self.root}/{name}".rstrip("/")
        return self.folders_seen.remembered(path) is not None

    def test_what_is_listed_twice_counts_once(self) -> None:
        self.make("b/y")
        self.room("a", "b")
        for _ in range(5):
            self.look("a")
        self.look("b")
        self.assertTrue(self.knows("a") and self.knows("b"))

    def test_the_oldest_makes_room(self) -> None:
        self.make("b/y")
        self.room("a")
        self.look("a")
        self.look("b")
        self.assertEqual((self.knows("a"), self.knows("b")), (False, True))

    def test_what_was_asked_for_again_is_not_the_oldest(self) -> None:
        self.make("b/y")
        self.make("c/z")
        self.room("a", "b")
        self.look("a")
        self.look("b")
        self.assertTrue(self.knows("a"))
        self.look("c")
        self.assertEqual(
            [self.knows(each) for each in ("a", "b", "c")], [True, False, True]
        )

    def test_a_folder_larger_than_all_room_is_not_remembered(self) -> None:
        self.room()
        self.assertEqual(self.folders_seen.read(self.root), ["a/"])
        self.assertFalse(self.knows(""))

    @settings(max_examples=30)
    @given(KEY_SETS)
    def test_a_walk_gives_all_files_in_byte_order(self, keys: list[Key]) -> None:
        self.root = self.make_root()
        for key in keys:
            self.make(key)
        found = list(Folders().walk(self.root, "", ""))
        self.assertEqual(found, sorted(keys))


class PageTests(SynchronousTestCase):
    @given(
        st.lists(st.text("ab/", max_size=3), unique=True).map(sorted),
        st.text("ab/", max_size=3),
        st.integers(0, 5),
    )
    def test_is_what_follows(self, names: list[str], after: str, limit: int) -> None:
        wanted = [name for name in names if name > after]
        found, more = page(names, after, limit)
        self.assertEqual((list(found), more), (wanted[:limit], len(wanted) > limit))
