"""Tests of ``txregistry/storage/files.py``."""

import errno
import os
import resource
import signal
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.storage.case import FolderTestCase
from txregistry.storage import files
from txregistry.storage.files import Publisher, reserve, sync_folder, write_pieces


class FilesTestCase(FolderTestCase):
    def setUp(self) -> None:
        self.root = self.make_root()
        self.scratch = os.path.join(self.root, "scratch")
        os.mkdir(self.scratch)
        self.publisher = Publisher(self.root, self.scratch, {"one": "two"})
        self.path = os.path.join(self.root, "a/b/c")

    def interfere(self, name: str, meddle: Callable[[], None]) -> None:
        """Do something just before a call of ``os``, once."""
        call: Callable[..., Any] = getattr(os, name)

        def interfered(*args: Any, **kwargs: Any) -> Any:
            self.patch(os, name, call)
            meddle()
            return call(*args, **kwargs)

        self.patch(os, name, interfered)


class PublisherTests(FilesTestCase):
    def content(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def test_nothing_stays_in_the_scratch_folder(self) -> None:
        self.publisher.write(self.path, b"data", if_absent=False)
        self.assertEqual(os.listdir(self.scratch), [])

    def test_nothing_stays_there_when_the_file_was_not_absent(self) -> None:
        self.publisher.write(self.path, b"data", if_absent=True)
        self.publisher.write(self.path, b"data", if_absent=True)
        self.assertEqual(os.listdir(self.scratch), [])

    def test_somebody_makes_the_folder_meanwhile(self) -> None:
        def meddle() -> None:
            os.makedirs(os.path.join(self.root, "a/b"))
            with open(os.path.join(self.root, "a/b/other"), "wb"):
                pass

        self.interfere("mkdir", meddle)
        self.publisher.write(self.path, b"data", if_absent=False)
        self.assertEqual(self.content(), b"data")

    def test_somebody_removes_the_folder_meanwhile(self) -> None:
        os.makedirs(os.path.join(self.root, "a/b"))
        self.interfere("rename", lambda: os.removedirs(os.path.join(self.root, "a/b")))
        self.publisher.write(self.path, b"data", if_absent=False)
        self.assertEqual(self.content(), b"data")

    def test_somebody_writes_the_file_meanwhile(self) -> None:
        other = Publisher(self.root, self.scratch, {})
        os.makedirs(os.path.dirname(self.path))
        self.interfere("link", lambda: self.win(other))
        won = self.publisher.write(self.path, b"data", if_absent=True)
        self.assertEqual((won, self.content()), (False, b"other"))
        self.assertEqual(os.listdir(self.scratch), [])

    def test_somebody_writes_the_file_and_its_folder_meanwhile(self) -> None:
        other = Publisher(self.root, self.scratch, {})
        self.interfere("rename", lambda: self.win(other))
        won = self.publisher.write(self.path, b"data", if_absent=True)
        self.assertEqual((won, self.content()), (False, b"other"))
        self.assertEqual(os.listdir(self.scratch), [])

    def test_nothing_is_written_where_the_root_is_gone(self) -> None:
        os.rename(self.root, f"{self.root}.away")
        with self.assertRaises(FileNotFoundError):
            self.publisher.write(self.path, b"data", if_absent=False)
        os.rename(f"{self.root}.away", self.root)

    def win(self, other: Publisher) -> None:
        self.assertTrue(other.write(self.path, b"other", if_absent=True))

    def test_somebody_removes_the_file_and_its_folder_once_it_is_there(self) -> None:
        os.makedirs(os.path.join(self.root, "a/b"))
        call = os.rename

        def rename(source: str, target: str) -> None:
            call(source, target)
            os.unlink(target)
            os.removedirs(os.path.dirname(target))

        self.patch(os, "rename", rename)
        self.assertTrue(self.publisher.write(self.path, b"data", if_absent=False))

    def test_a_folder_that_never_holds_still_is_given_up(self) -> None:
        call = os.rename

        def vanished(source: str, target: str) -> None:
            if not target.startswith(self.scratch):
                raise FileNotFoundError(errno.ENOENT, "x")
            call(source, target)

        self.patch(os, "rename", vanished)
        with self.assertRaises(OSError) as raised:
            self.publisher.write(self.path, b"data", if_absent=False)
        self.assertEqual(raised.exception.errno, errno.EBUSY)

    def test_prune_removes_empty_folders_up_to_the_root(self) -> None:
        os.makedirs(os.path.join(self.root, "a/b"))
        self.publisher.prune(os.path.join(self.root, "a/b"), self.root)
        self.assertEqual(os.listdir(self.root), ["scratch"])

    def test_prune_tells_what_stays(self) -> None:
        os.makedirs(os.path.join(self.root, "a/b"))
        stays = self.publisher.prune(os.path.join(self.root, "a/b"), self.root)
        self.assertEqual(stays, self.root)

    def test_prune_leaves_what_is_not_empty(self) -> None:
        os.makedirs(os.path.join(self.root, "a/b"))
        os.makedirs(os.path.join(self.root, "a/c"))
        stays = self.publisher.prune(os.path.join(self.root, "a/b"), self.root)
        self.assertEqual(stays, os.path.join(self.root, "a"))

    def test_prune_leaves_companions(self) -> None:
        os.makedirs(os.path.join(self.root, "one"))
        os.makedirs(os.path.join(self.root, "two/b"))
        self.publisher.prune(os.path.join(self.root, "two/b"), self.root)
        self.assertEqual(os.listdir(os.path.join(self.root, "two")), [])

    def test_prune_removes_companions_of_nothing(self) -> None:
        os.makedirs(os.path.join(self.root, "two/b"))
        self.publisher.prune(os.path.join(self.root, "two/b"), self.root)
        self.assertEqual(os.listdir(self.root), ["scratch"])

    def test_prune_goes_on_above_what_is_gone(self) -> None:
        os.makedirs(os.path.join(self.root, "a"))
        self.publisher.prune(os.path.join(self.root, "a/b/c"), self.root)
        self.assertEqual(os.listdir(self.root), ["scratch"])


class CallsTests(FilesTestCase):
    def open(self) -> int:
        descriptor = os.open(os.path.join(self.root, "f"), os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, descriptor)
        return descriptor

    def test_reserving_leaves_the_size(self) -> None:
        descriptor = self.open()
        reserve(descriptor, 0, 1 << 20)
        self.assertEqual(os.fstat(descriptor).st_size, 0)

    def test_writing_beyond_a_limit_fails(self) -> None:
        # A limit stands in for a full disk: filling one would stop everybody else.
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGXFSZ, before)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_FSIZE, limit)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
        descriptor = self.open()
        error = self.assertRaises(OSError, write_pieces, descriptor, [b"x" * 4097] * 2)
        self.assertEqual(error.errno, errno.EFBIG)

    def test_reserving_is_left_out_where_it_cannot_be_done(self) -> None:
        self.patch(files, "_fallocate", None)
        descriptor = self.open()
        reserve(descriptor, 0, 1 << 60)
        self.assertEqual(os.fstat(descriptor).st_blocks, 0)

    @given(st.lists(st.binary(max_size=9), max_size=9), st.integers(1, 5))
    def test_short_writes_go_on(self, pieces: list[bytes], most: int) -> None:
        self.root = self.make_root()
        descriptor = self.open()
        write = os.write

        def short(target: int, buffers: list[bytes]) -> int:
            return write(target, b"".join(buffers)[:most])

        self.patch(os, "writev", short)
        write_pieces(descriptor, pieces)
        self.assertEqual(os.pread(descriptor, 999, 0), b"".join(pieces))

    def test_more_pieces_than_one_call_takes_are_written(self) -> None:
        descriptor = self.open()
        write_pieces(descriptor, [b"x"] * 3000)
        self.assertEqual(os.fstat(descriptor).st_size, 3000)

    def test_a_folder_that_is_gone_needs_no_sync(self) -> None:
        gone = os.path.join(self.root, "gone")
        sync_folder(gone)
        self.assertFalse(os.path.exists(gone))
