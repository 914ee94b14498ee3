"""Staging areas as local files."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from zope.interface import implementer

from txregistry.storage.files import Publisher, reserve, write_pieces
from txregistry.storage.interfaces import (
    MARK_LIMIT,
    Held,
    IStagingArea,
    Key,
    Overtaken,
    StorageFull,
)
from txregistry.storage.reading import READ, faults, open_file
from txregistry.storage.room import Room
from txregistry.storage.writeback import begin_writeback
from txregistry.streams import CHUNK, IReader, hand_over, is_over, read_pieces
from txregistry.tasks import Blocking

_BATCH: Final = 2 * CHUNK
"""Bytes that one job of a thread hashes and writes at most; half of it at least, since
handing over costs as much as writing some dozens of KiB."""

_MUCH: Final = 1024 * 1024
"""Bytes that are worth a call, to have them written ahead."""
_LOCKLESS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems say that have no locks."""
_RESERVED: Final = 64 * 1024 * 1024
"""Bytes of disk taken ahead at most: a length is only what a client says."""


@implementer(IStagingArea)
class StagingFile:
    """A file that grows; its size is the truth about what it holds.

    Other processes over the same folder may come to it too. Who appends to it, or makes
    an object of it, has it locked: the kernel ends that with the process.
    """

    lasting = True
    growing = True

    def __init__(
        self,
        key: Key,
        place: Callable[[str], str],
        publisher: Publisher,
        blocking: Blocking,
        room: Room,
    ) -> None:
        self.key = key
        self._place = place
        self._path = place(key)
        self._path_of_mark = path_of_mark(self._path)
        self._publisher = publisher
        self._blocking = blocking
        self._room = room
        self._held: int | None = None
        self._settled: int | None = None

    async def size(self) -> int:
        """See `IStagingArea`."""
        with faults(self.key):
            return os.stat(self._path).st_size

    async def held(self) -> Held:
        """See `IStagingArea`."""
        self._held = 0
        with faults(self.key):
            self._held = os.stat(self._path).st_size
            mark = self._read_mark()
            # Who wrote it had made durable what was there, and who adds removes it.
            self._settled = self._held if mark else None
            return Held(self._held, mark)

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        first: list[bytes] = []
        if expected is None or expected <= CHUNK:
            first = await read_pieces(source, _BATCH, CHUNK)
            if not first or is_over(source):
                with faults(self.key, absence=False):
                    self._held = await self._blocking(
                        self._append_whole, first, observe, mark
                    )
                    return self._held
        with faults(self.key, absence=False):
            descriptor, start = await self._blocking(self._open, expected)
        try:
            pieces = first or await read_pieces(source, _BATCH, CHUNK)
            while pieces:
                with faults(self.key, absence=False):
                    take = partial(self._take_all, descriptor, observe)
                    await hand_over(source, self._blocking, take, pieces)
                pieces = await read_pieces(source, _BATCH, CHUNK)
            with faults(self.key, absence=False):
                self._held = await self._blocking(self._settle, descriptor, mark)
                return self._held
        except StorageFull:
            # Room for others: nobody was promised these bytes.
            with faults(self.key, absence=False):
                await self._blocking(os.ftruncate, descriptor, start)
            raise
        except BaseException:
            self._held = None
            await self._blocking(self._keep_what_came, descriptor, mark)
            raise
        finally:
            os.close(descriptor)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        with faults(self.key):
            return open_file(self.key, self._path, start, stop, self._blocking)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        with faults(self.key):
            await self._blocking(self._commit, self._place(key))

    async def discard(self) -> None:
        """See `IStagingArea`."""
        self._held = None
        if self._is_gone():
            return  # with the objects that lay beside it
        with faults(self.key, absence=False):
            await self._blocking(self._discard)

    def _append_whole(
        self,
        pieces: list[bytes],
        observe: Callable[[bytes], None],
        mark: Callable[[], str] | None,
    ) -> int:
        """Append all that there is, in one job."""
        descriptor, start = self._open(sum(map(len, pieces)))
        try:
            with faults(self.key, absence=False):
                self._take(descriptor, observe, pieces)
                return self._settle(descriptor, mark)
        except StorageFull:
            os.ftruncate(descriptor, start)
            raise
        except BaseException:
            self._held = None
            self._keep_what_came(descriptor, mark)
            raise
        finally:
            os.close(descriptor)

    def _open(self, expected: int | None) -> tuple[int, int]:
        """Open the file to append to, and reserve room; give also its size."""
        if expected:
            self._room.take(expected)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o666)
        except FileNotFoundError:
            self._publisher.make_folder(os.path.dirname(self._path))
            descriptor = os.open(self._path, flags, 0o666)
        try:
            if os.fstat(descriptor).st_nlink != 1:
                shared, descriptor = descriptor, self._part_from_object(flags)
                os.close(shared)
            size = self._claim(descriptor, appends=True)
        except BaseException:  # somebody else may be writing to it
            os.close(descriptor)
            raise
        try:
            self._settled = None
            self._forget_mark()
            if expected and expected > CHUNK:
                reserve(descriptor, size, min(expected, _RESERVED))
        except BaseException:
            _trim(descriptor)  # some may have been reserved before the disk was full
            os.close(descriptor)
            raise
        return descriptor, size

    def _take_all(
        self,
        descriptor: int,
        observe: Callable[[bytes], object],
        batches: Iterable[list[bytes]],
    ) -> None:
        """Observe and write all that there is."""
        start = os.lseek(descriptor, 0, os.SEEK_CUR)
        for pieces in batches:
            self._take(descriptor, observe, pieces)
        if os.lseek(descriptor, 0, os.SEEK_CUR) - start >= _MUCH:
            begin_writeback(descriptor)

    def _take(
        self, descriptor: int, observe: Callable[[bytes], object], pieces: list[bytes]
    ) -> None:
        # Each call that lets go of the interpreter's lock has to win it back: one copy
        # is cheaper than a call for every piece.
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._room.take(len(data))
        observe(data)
        write_pieces(descriptor, [data])

    def _part_from_object(self, flags: int) -> int:
        """Copy what was committed, before a crash, and is now to be appended to."""
        scratch = self._publisher.scratch_path()
        shutil.copyfile(self._path, scratch)
        os.replace(scratch, self._path)
        return os.open(self._path, flags, 0o666)

    def _commit(self, path: str) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            size = self._claim(descriptor)
            if size != self._settled:
                os.fdatasync(descriptor)  # what a broken-off request left, too
            self._publisher.link(self._path, path)
        finally:
            os.close(descriptor)

    def _claim(self, descriptor: int, *, appends: bool = False) -> int:
        """Keep other processes off the file as long as it is open; give its size.

        Args:
            descriptor: The file.
            appends: Whether it must not have become an object meanwhile.

        Raises:
            Overtaken: one of them works on it, or it is not what it was any more.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Overtaken(self.key) from None
        except OSError as error:
            if error.errno not in _LOCKLESS:
                raise
        found = os.fstat(descriptor)
        try:
            is_there = os.path.samestat(found, os.stat(self._path))
        except FileNotFoundError:
            is_there = False
        is_object = found.st_nlink != 1
        if not is_there or (appends and is_object):
            raise Overtaken(self.key)
        if self._held not in {None, found.st_size}:
            raise Overtaken(self.key)
        return found.st_size

    def _is_gone(self) -> bool:
        return not os.path.isdir(os.path.dirname(self._path))

    def _discard(self) -> None:
        self._forget_mark()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        with contextlib.suppress(OSError):  # `delete` may have left the folder
            os.rmdir(os.path.dirname(self._path))

    def _settle(self, descriptor: int, mark: Callable[[], str] | None) -> int:
        os.fdatasync(descriptor)
        self._write_mark(mark)
        self._settled = os.fstat(descriptor).st_size
        return self._settled

    def _keep_what_came(self, descriptor: int, mark: Callable[[], str] | None) -> None:
        _trim(descriptor)
        with contextlib.suppress(OSError):
            os.fdatasync(descriptor)
            self._write_mark(mark)

    def _write_mark(self, mark: Callable[[], str] | None) -> None:
        """Write the mark, after what it speaks of.

        It need not be durable, nor whole after a crash: whoever finds it wanting reads
        the bytes again.
        """
        if mark is None:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(self._path_of_mark, flags, 0o666)
        try:
            os.write(descriptor, mark().encode())
        finally:
            os.close(descriptor)

    def _read_mark(self) -> str:
        try:
            descriptor = os.open(self._path_of_mark, READ)
        except FileNotFoundError:
            return ""
        try:
            return os.read(descriptor, MARK_LIMIT).decode()
        except UnicodeDecodeError:
            return ""
        finally:
            os.close(descriptor)

    def _forget_mark(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path_of_mark)


def path_of_mark(path: str) -> str:
    """Say where the mark of a file lies."""
    return f"{path}-mark"


def _trim(descriptor: int) -> None:
    """Give back what was reserved beyond the end."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size)
