"""Tests of ``txregistry/storage/staging.py``: several processes at one file."""

import fcntl
import os

from tests.contracts.storecase import KEY, OTHER
from tests.storage.case import FolderTestCase
from txregistry.storage.filesystem import FilesystemObjectStore
from txregistry.storage.interfaces import IStagingArea, Overtaken
from txregistry.storage.staging import path_of_mark
from txregistry.streams import BytesReader


class SharedTests(FolderTestCase):
    """What one process does when another one was there first."""

    def setUp(self) -> None:
        self.root = self.make_root()
        self.one = self.open_store(self.root)
        self.other = self.open_store(self.root)

    def append(self, store: FilesystemObjectStore, data: bytes) -> IStagingArea:
        """Append something, knowing what is there."""
        area: IStagingArea = store.stage(KEY)
        self.add(area, data)
        return area

    def add(self, area: IStagingArea, data: bytes) -> None:
        self.result(area.append(BytesReader(data), lambda _: None, len(data)))

    def held(self, store: FilesystemObjectStore) -> IStagingArea:
        """Look at what is there, and do nothing yet."""
        area: IStagingArea = store.stage(KEY)
        self.result(area.held())
        return area

    def is_overtaken(self, area: IStagingArea) -> None:
        """See that nothing more can be appended, nor anything made of it."""
        self.fails(Overtaken, area.append(BytesReader(b"x"), lambda _: None, 1))
        self.fails(Overtaken, area.commit(OTHER))

    def content(self) -> bytes:
        return self.files(self.root)[KEY]

    def test_who_is_overtaken_does_not_touch_what_others_write(self) -> None:
        """Between a look at its size and a cut to that, more of it may have come."""
        self.append(self.one, b"data")
        cut: list[int] = []
        self.patch(os, "ftruncate", lambda _, size: cut.append(size))
        with open(os.path.join(self.root, KEY), "rb") as writing:
            fcntl.flock(writing, fcntl.LOCK_EX)
            self.is_overtaken(self.held(self.other))
        self.assertEqual(cut, [])

    def test_no_mark_outlasts_an_append_that_begins(self) -> None:
        """Else the bytes of one that was killed would count as durable."""
        area = self.one.stage(KEY)
        nothing = area.append(BytesReader(b""), lambda _: None, None, lambda: "0 x")
        self.result(nothing)
        path = os.path.join(self.root, path_of_mark(KEY))
        self.assertTrue(os.path.exists(path))
        marks: list[bool] = []
        self.result(
            self.one.stage(KEY).append(
                BytesReader(b"data"),
                lambda _: marks.append(os.path.exists(path)),
                4,
            )
        )
        self.assertEqual(marks, [False])

    def test_turns_in_good_order_are_fine(self) -> None:
        self.append(self.one, b"one")
        area = self.held(self.other)
        self.add(area, b"two")
        self.result(area.commit(OTHER))
        self.assertEqual(self.files(self.root)[OTHER], b"onetwo")

    def test_nobody_appends_while_another_one_does(self) -> None:
        self.append(self.one, b"data")
        with open(os.path.join(self.root, KEY), "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # as an append has it until its end
            self.is_overtaken(self.other.stage(KEY))
        self.assertEqual(self.content(), b"data")
        self.append(self.other, b"more")
        self.assertEqual(self.content(), b"datamore")

    def test_what_grew_meanwhile_is_not_what_was_looked_at(self) -> None:
        self.append(self.one, b"data")
        area = self.held(self.one)
        self.append(self.other, b"more")
        self.is_overtaken(area)
        self.assertEqual(self.content(), b"datamore")

    def test_what_was_begun_elsewhere_is_not_empty(self) -> None:
        area = self.one.stage(KEY)
        self.fails(Exception, area.held())
        self.append(self.other, b"data")
        self.is_overtaken(area)

    def test_an_object_is_not_appended_to(self) -> None:
        self.append(self.one, b"data")
        area = self.held(self.one)
        self.result(self.held(self.other).commit(OTHER))
        self.add(area, b"more")
        self.assertEqual(self.files(self.root)[OTHER], b"data")

    def test_what_another_one_discarded_is_gone(self) -> None:
        self.append(self.one, b"data")
        area = self.held(self.one)
        self.result(self.other.stage(KEY).discard())
        self.fails(Overtaken, area.append(BytesReader(b"x"), lambda _: None, 1))

    def test_an_append_that_fails_lets_others_go_on(self) -> None:
        self.append(self.one, b"data")
        area = self.held(self.one)
        self.append(self.other, b"more")
        self.is_overtaken(area)
        self.append(self.one, b"!")
        self.assertEqual(self.content(), b"datamore!")
