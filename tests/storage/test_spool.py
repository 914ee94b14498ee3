"""Tests of ``txregistry/storage/spool.py``."""

import errno
import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_folder
from txregistry.storage.interfaces import StorageFull
from txregistry.storage.spool import Spool
from txregistry.streams import read_all
from txregistry.tasks import at_once


class SpoolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = make_folder(self)
        self.patch(os, "environ", {**os.environ, "TMPDIR": self.folder})
        self.spool = Spool(at_once)
        self.addCleanup(self.spool.close)

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self.successResultOf(Deferred.fromCoroutine(self.spool.write(data)))

    def read(self, start: int, stop: int) -> bytes | None:
        """Read a range."""
        reader = self.spool.open(start, stop)
        return self.successResultOf(Deferred.fromCoroutine(read_all(reader, 100)))

    def test_what_is_there_can_be_read_while_more_comes(self) -> None:
        self.write(b"some ")
        self.assertEqual(self.read(0, 100), b"some ")
        self.write(b"bytes")
        self.assertEqual(self.read(0, 100), b"some bytes")
        self.assertEqual(self.read(2, 7), b"me by")

    def test_it_has_no_name(self) -> None:
        self.write(b"data")
        self.assertEqual(list(Path(self.folder).iterdir()), [])

    def test_who_reads_goes_on_when_it_is_closed(self) -> None:
        self.write(b"data")
        reader = self.spool.open(0, 4)
        self.spool.close()
        found = self.successResultOf(Deferred.fromCoroutine(read_all(reader, 9)))
        self.assertEqual(found, b"data")

    def test_closing_it_again_is_harmless(self) -> None:
        self.write(b"data")
        self.spool.close()
        self.spool.close()

    def test_a_full_disk_is_told(self) -> None:
        def write(*_: Any) -> int:
            raise OSError(errno.ENOSPC, "full")

        self.patch(os, "write", write)
        work = Deferred.fromCoroutine(self.spool.write(b"data"))
        self.failureResultOf(work, StorageFull)

    def test_what_is_written_in_parts_is_whole(self) -> None:
        whole = os.write
        self.patch(os, "write", lambda fd, data: whole(fd, data[:3]))
        self.write(b"some bytes")
        self.assertEqual(self.read(0, 100), b"some bytes")
