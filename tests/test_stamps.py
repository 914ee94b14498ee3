"""Tests of ``txregistry/stamps.py``."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.stamps import are_settled, newest, stamp


class StampTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = make_file(self, "file", b"one")
        self.before = stamp([self.path])

    def rewrite(self, data: bytes) -> None:
        """Write the file in place, and let nothing else tell it than its time."""
        found = os.stat(self.path)
        with open(self.path, "r+b") as file:
            file.write(data)
        os.utime(self.path, ns=(found.st_atime_ns, found.st_mtime_ns))

    def test_file_that_stays_looks_the_same(self) -> None:
        self.assertEqual(stamp([self.path]), self.before)

    def test_other_size_looks_different(self) -> None:
        self.rewrite(b"longer")
        self.assertNotEqual(stamp([self.path]), self.before)

    def test_other_file_of_the_same_time_looks_different(self) -> None:
        other = make_file(self, "other", b"two")
        found = os.stat(self.path)
        os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
        os.replace(other, self.path)
        self.assertNotEqual(stamp([self.path]), self.before)

    def test_file_that_goes_looks_different(self) -> None:
        os.remove(self.path)
        self.assertEqual(stamp([self.path]), (None,))

    def test_newest_is_the_last_to_change(self) -> None:
        stamps = stamp(["/nowhere", self.path])
        self.assertEqual(newest(stamps), os.stat(self.path).st_ctime_ns)
        self.assertEqual(newest((None,)), 0)
        self.assertEqual(newest(()), 0)

    def test_files_are_settled_two_seconds_after_their_last_change(self) -> None:
        changed = os.stat(self.path).st_ctime_ns / 1e9
        for after, settled in ((-5.0, False), (0.0, False), (1.9, False), (2.1, True)):
            self.assertEqual(are_settled(self.before, changed + after), settled)

    def test_what_is_not_there_is_settled(self) -> None:
        self.assertTrue(are_settled((None,), 100.0))
