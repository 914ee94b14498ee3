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

    def test_what_was_read_is_remembered(self) -> None:
        self.folders_seen.read(self.root)
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/"])

    def test_what_has_just_changed_is_not_remembered(self) -> None:
        self.later = 0
        self.folders_seen.read(self.root)
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_few_names_need_not_be_remembered(self) -> None:
        self.make("b")
        for least, found in ((2, ["a/", "b"]), (3, None)):
            seen = Folders(least)
            self.assertEqual(seen.listing(self.root), ["a/", "b"])
            self.assertEqual(seen.remembered(self.root), found)

    def test_what_changes_is_forgotten(self) -> None:
        self.folders_seen.read(self.root)
        self.make("b")
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_an_absent_folder_is_empty(self) -> None:
        self.assertEqual(self.folders_seen.listing(f"{self.root}/absent"), ())

    def test_what_is_listed_twice_counts_once(self) -> None:
        self.patch(folders, "_MAX_NAMES", 2)
        for _ in range(5):
            self.folders_seen.read(self.root)
        self.assertEqual(self.folders_seen.remembered(self.root), ["a/"])

    def test_the_oldest_makes_room(self) -> None:
        self.patch(folders, "_MAX_NAMES", 1)
        self.folders_seen.read(self.root)
        self.folders_seen.read(f"{self.root}/a")
        self.assertIsNone(self.folders_seen.remembered(self.root))

    def test_what_was_asked_for_again_is_not_the_oldest(self) -> None:
        self.make("c/y")
        self.patch(folders, "_MAX_NAMES", 3)
        self.folders_seen.read(self.root)
        self.folders_seen.read(f"{self.root}/a")
        self.folders_seen.remembered(self.root)
        self.folders_seen.read(f"{self.root}/c")
        self.assertIsNotNone(self.folders_seen.remembered(self.root))

    def test_a_folder_larger_than_all_room_is_not_remembered(self) -> None:
        self.patch(folders, "_MAX_NAMES", 0)
        self.assertEqual(self.folders_seen.read(self.root), ["a/"])
        self.assertIsNone(self.folders_seen.remembered(self.root))

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
