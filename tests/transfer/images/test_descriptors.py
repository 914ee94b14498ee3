"""Tests of ``txregistry/transfer/images/descriptors.py``."""

import fcntl
import os
import threading

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.streams import read_all
from txregistry.tasks import at_once
from txregistry.transfer.images.descriptors import (
    DescriptorReader,
    DescriptorWriter,
    Interruption,
)


class DescriptorCase(SynchronousTestCase):
    def setUp(self) -> None:
        """Make a pipe."""
        self.interruption = Interruption()
        self.out, self.into = os.pipe()

    def make_reader(self, descriptor: int, *, is_ours: bool = True) -> DescriptorReader:
        """Read a descriptor, here and now."""
        return DescriptorReader(descriptor, at_once, self.interruption, is_ours=is_ours)

    def make_writer(self, descriptor: int, *, is_ours: bool = True) -> DescriptorWriter:
        """Write to a descriptor, here and now."""
        return DescriptorWriter(descriptor, at_once, self.interruption, is_ours=is_ours)


class ReaderTests(DescriptorCase):
    def test_a_file(self) -> None:
        data = os.urandom(300_000)
        descriptor = os.open(make_file(self, "file", data), os.O_RDONLY)
        reader = self.make_reader(descriptor)
        self.assertEqual(self.successResultOf(read_all(reader, 1 << 20)), data)
        with self.assertRaises(OSError):
            os.fstat(descriptor)

    def test_a_pipe_gives_what_is_there(self) -> None:
        reader = self.make_reader(self.out)
        os.write(self.into, b"abc")
        os.write(self.into, b"def")
        self.assertEqual(self.successResultOf(reader.read(4)), b"abcd")
        self.assertEqual(self.successResultOf(reader.read(100)), b"ef")
        os.close(self.into)
        self.assertEqual(self.successResultOf(reader.read(100)), b"")
        self.successResultOf(Deferred.fromCoroutine(reader.close()))
        self.assertEqual(self.successResultOf(reader.read(100)), b"")

    def test_it_gives_up_waiting(self) -> None:
        reader = self.make_reader(self.out)
        self.interruption.interrupt()
        for _ in range(2):
            self.failureResultOf(Deferred.fromCoroutine(reader.read(1)), CancelledError)

    def test_what_is_somebody_elses_stays_open(self) -> None:
        reader = self.make_reader(self.out, is_ours=False)
        self.successResultOf(Deferred.fromCoroutine(reader.close()))
        os.fstat(self.out)

    def test_a_folder(self) -> None:
        reader = self.make_reader(os.open("/", os.O_RDONLY))
        self.failureResultOf(Deferred.fromCoroutine(reader.read(1)), IsADirectoryError)


class WriterTests(DescriptorCase):
    def test_a_file(self) -> None:
        path = make_file(self, "file", b"")
        writer = self.make_writer(os.open(path, os.O_WRONLY))
        data = os.urandom(300_000)
        self.successResultOf(Deferred.fromCoroutine(writer.write(data)))
        self.successResultOf(Deferred.fromCoroutine(writer.close()))
        with open(path, "rb") as file:
            self.assertEqual(file.read(), data)

    def test_a_file_is_not_waited_for(self) -> None:
        path = make_file(self, "file", b"")
        writer = self.make_writer(os.open(path, os.O_WRONLY))
        self.interruption.interrupt()
        self.successResultOf(Deferred.fromCoroutine(writer.write(b"data")))
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"data")
        self.successResultOf(Deferred.fromCoroutine(writer.close()))

    def test_more_than_a_pipe_holds(self) -> None:
        size = 3 * fcntl.fcntl(self.into, fcntl.F_GETPIPE_SZ) + 5
        data, found = os.urandom(size), bytearray()

        def drain() -> None:
            while piece := os.read(self.out, 70_001):
                found.extend(piece)

        draining = threading.Thread(target=drain)
        draining.start()
        writer = self.make_writer(self.into)
        self.successResultOf(Deferred.fromCoroutine(writer.write(data)))
        self.successResultOf(Deferred.fromCoroutine(writer.close()))
        draining.join()
        self.assertEqual(found, data)

    def test_it_gives_up_waiting(self) -> None:
        size = fcntl.fcntl(self.into, fcntl.F_GETPIPE_SZ)
        writer = self.make_writer(self.into)
        self.successResultOf(Deferred.fromCoroutine(writer.write(bytes(size))))
        self.interruption.interrupt()
        self.failureResultOf(Deferred.fromCoroutine(writer.write(b"x")), CancelledError)

    def test_nobody_reads(self) -> None:
        os.close(self.out)
        writer = self.make_writer(self.into)
        self.failureResultOf(
            Deferred.fromCoroutine(writer.write(b"x")), BrokenPipeError
        )
        self.successResultOf(Deferred.fromCoroutine(writer.close()))
        self.successResultOf(Deferred.fromCoroutine(writer.close()))
        self.failureResultOf(
            Deferred.fromCoroutine(writer.write(b"x")), BrokenPipeError
        )
