"""Tests of having the kernel begin to write."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from txregistry.storage.writeback import begin_writeback


class WritebackTests(SynchronousTestCase):
    def test_a_file_stays_what_it_is(self) -> None:
        path = os.path.join(make_folder(self), "file")
        with open(path, "wb") as file:
            file.write(b"x" * 100_000)
            file.flush()
            self.assertTrue(begin_writeback(file.fileno()))
            file.write(b"y")
        self.assertEqual(os.path.getsize(path), 100_001)

    def test_what_is_no_file_has_no_such_thing(self) -> None:
        for each in os.pipe():
            self.addCleanup(os.close, each)
            self.assertFalse(begin_writeback(each))
