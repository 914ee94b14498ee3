"""Tests of ``txregistry/storage/small.py``."""

import os
import time

from tests.storage.case import FolderTestCase
from txregistry.storage import small
from txregistry.storage.evidence import Witness
from txregistry.storage.small import SmallFiles


class SmallFilesTests(FolderTestCase):
    def setUp(self) -> None:
        self.path = os.path.join(self.make_root(), "file")
        self.files_seen = SmallFiles(Witness())
        self.write(b"data")

    def write(self, data: bytes) -> None:
        """Replace the file, as the store does."""
        with open(f"{self.path}.new", "wb") as file:
            file.write(data)
        os.rename(f"{self.path}.new", self.path)

    def remember(self, data: bytes = b"data", *, settled: bool = True) -> None:
        """Let the file be read, after it was there for some time."""
        now = time.time_ns
        if settled:
            self.patch(time, "time_ns", lambda: now() + 10**10)
        self.files_seen.remember(self.path, os.stat(self.path), data)

    def test_nothing_is_remembered_before_it_was_read(self) -> None:
        self.assertIsNone(self.files_seen.remembered(self.path))

    def test_what_was_read_is_remembered(self) -> None:
        self.remember()
        self.assertEqual(self.files_seen.remembered(self.path), b"data")

    def test_what_was_just_written_is_not(self) -> None:
        self.remember(settled=False)
        self.assertIsNone(self.files_seen.remembered(self.path))

    def test_what_was_replaced_is_not(self) -> None:
        self.remember()
        self.write(b"more")
        self.assertIsNone(self.files_seen.remembered(self.path))

    def test_what_was_replaced_at_the_same_time_is_not(self) -> None:
        self.remember()
        stat = os.stat(self.path)
        self.write(b"more")
        os.utime(self.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self.assertIsNone(self.files_seen.remembered(self.path))

    def test_what_was_deleted_cannot_be_looked_at(self) -> None:
        self.remember()
        os.unlink(self.path)
        with self.assertRaises(FileNotFoundError):
            self.files_seen.remembered(self.path)

    def test_what_is_large_is_not_remembered(self) -> None:
        self.remember(b"x" * 1000)
        self.assertIsNone(self.files_seen.remembered(self.path))

    def test_no_more_is_remembered_than_there_is_room_for(self) -> None:
        self.patch(small, "_REMEMBERED", 2)
        self.remember()
        first, stat = self.path, os.stat(self.path)
        for _ in range(2):
            self.path += "x"
            self.files_seen.remember(self.path, stat, b"more")
        self.assertIsNone(self.files_seen.remembered(first))
