"""Objects as local files."""

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Final

from zope.interface import implementer

from txregistry.storage.files import (
    Publisher,
    reserve,
    sync_folder,
    write_pieces,
)
from txregistry.storage.folders import Folders, page
from txregistry.storage.interfaces import (
    Health,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    Page,
    Stat,
    StorageFull,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.small import SmallFiles
from txregistry.streams import CHUNK, IFileReader, IReader, read_pieces
from txregistry.tasks import Blocking

_READ: Final = os.O_RDONLY | os.O_CLOEXEC
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})
_BATCH: Final = 2 * CHUNK
"""Bytes that one job of a thread hashes and writes at most; half of it at least, since
handing over costs as much as writing some dozens of KiB."""
_STALE: Final = 24 * 3600.0
"""Seconds after which what a crash left in the scratch folder is nobody's any more."""


@implementer(IObjectStore)
class FilesystemObjectStore:
    """Keep objects as files below a folder, at paths that are their keys.

    Small reads of what the kernel has in memory happen at once; whatever would wait
    for a disk happens in a thread.

    Args:
        root: The folder; it is made if need be.
        scratch: The key of a folder below it for what has no name yet.
        blocking: Where work goes that waits for a disk.
        companions: See `Publisher`.
        floor: Bytes of free space below which nothing more is taken in.
    """

    def __init__(
        self,
        root: str,
        scratch: str,
        blocking: Blocking,
        companions: Mapping[str, str],
        floor: int = 0,
    ) -> None:
        self._root = os.path.abspath(root)
        self._scratch = os.path.join(self._root, scratch.rstrip("/"))
        self._blocking = blocking
        self._floor = floor
        self._folders = Folders()
        self._small = SmallFiles()
        self._publisher = Publisher(self._scratch, companions)
        with _faults(self._root):
            os.makedirs(self._scratch, exist_ok=True)
            self._sweep_scratch()

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        with _faults(key):
            return _stat(os.stat(self._path(key)))

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        path = self._path(key)
        with _faults(key):
            remembered = self._small.remembered(path)
            if remembered is not None and len(remembered) <= limit:
                return remembered
            descriptor = os.open(path, _READ)
            try:
                stat = os.fstat(descriptor)
                if stat.st_size > limit:
                    raise TooLarge(key)
                data = _read_cached(descriptor, 0, stat.st_size)
                if len(data) < stat.st_size:
                    data = await self._blocking(os.pread, descriptor, stat.st_size, 0)
                self._small.remember(path, stat, data)
                return data
            finally:
                os.close(descriptor)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        with _faults(key):
            return _open(self._path(key), start, stop, self._blocking)

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        with _faults(key, absence=False):
            return await self._blocking(self._put, self._path(key), data, if_absent)

    def stage(self, key: Key) -> IStagingArea:
        """See `IObjectStore`."""
        return _StagingFile(
            key, self._path, self._publisher, self._blocking, self._check_room
        )

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        with _faults("objects to delete"):
            await self._blocking(self._delete, tuple(map(self._path, keys)))

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        path = self._path(prefix.rstrip("/"))
        with _faults(prefix):
            if not delimiter:
                return await self._blocking(self._walk, path, prefix, after, limit)
            try:
                names = self._folders.remembered(path)
            except (FileNotFoundError, NotADirectoryError):
                return Page((), more=False)
            if names is None:
                names = await self._blocking(self._folders.listing, path)
        if after.startswith(prefix):
            after = after[len(prefix) :]
        elif after > prefix:
            return Page((), more=False)
        else:
            after = ""
        found, more = page(names, after, limit)
        return Page(tuple(prefix + name for name in found), more)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        del key, method, lifetime
        return None

    async def check(self) -> Health:
        """See `IObjectStore`."""
        with _faults(self._root):
            return await self._blocking(self._probe)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _put(self, path: str, data: bytes, if_absent: bool) -> bool:  # noqa: FBT001
        self._check_room(len(data))
        return self._publisher.write(path, data, if_absent=if_absent)

    def _walk(self, path: str, prefix: str, after: str, limit: int) -> Page:
        found = list(islice(self._folders.walk(path, prefix, after), limit + 1))
        return Page(tuple(found[:limit]), len(found) > limit)

    def _delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            folder = os.path.dirname(path)
            try:
                os.unlink(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            sync_folder(folder)
            self._publisher.prune(folder, self._root)

    def _check_room(self, expected: int) -> None:
        stats = os.statvfs(self._root)
        free = stats.f_bavail * stats.f_frsize
        if free - expected < self._floor:
            raise StorageFull(
                f"{free} bytes are free; {expected} more would leave less than "
                f"{self._floor}"
            )

    def _probe(self) -> Health:
        path = self._publisher.scratch_path()
        with open(path, "wb") as file:
            file.write(b"probe")
        os.unlink(path)
        stats = os.statvfs(self._root)
        return Health(free=stats.f_bavail * stats.f_frsize)

    def _sweep_scratch(self) -> None:
        now = time.time()
        with os.scandir(self._scratch) as entries:
            for entry in entries:
                if entry.is_file() and now - entry.stat().st_mtime > _STALE:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(entry.path)


@implementer(IFileReader)
class _FileReader:
    """Read part of an open file."""

    def __init__(
        self, descriptor: int, start: int, stop: int, blocking: Blocking
    ) -> None:
        self._descriptor = descriptor
        self._offset = start
        self._stop = stop
        self._blocking = blocking

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        size = min(limit, self._stop - self._offset)
        if size <= 0:
            return b""
        with _faults("a file being read"):
            data = _read_cached(self._descriptor, self._offset, size)
            if not data:
                data = await self._blocking(
                    os.pread, self._descriptor, size, self._offset
                )
        self._offset += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def fileno(self) -> int:
        """See `IFileReader`."""
        return self._descriptor

    def span(self) -> tuple[int, int]:
        """See `IFileReader`."""
        return self._offset, self._stop


@implementer(IStagingArea)
class _StagingFile:
    """A file that grows; its size is the truth about what it holds."""

    def __init__(
        self,
        key: Key,
        place: Callable[[str], str],
        publisher: Publisher,
        blocking: Blocking,
        check_room: Callable[[int], None],
    ) -> None:
        self.key = key
        self._place = place
        self._path = place(key)
        self._publisher = publisher
        self._blocking = blocking
        self._check_room = check_room

    async def size(self) -> int:
        """See `IStagingArea`."""
        with _faults(self.key):
            return os.stat(self._path).st_size

    async def append(
        self, source: IReader, observe: Callable[[bytes], None], expected: int | None
    ) -> int:
        """See `IStagingArea`."""
        with _faults(self.key):
            descriptor, start = await self._blocking(self._open, expected)

        def take(pieces: list[bytes]) -> None:
            # Each call that lets go of the interpreter's lock has to win it back: one
            # copy is cheaper than a call for every piece.
            data = b"".join(pieces)
            self._check_room(len(data))
            observe(data)
            write_pieces(descriptor, [data])

        try:
            while pieces := await read_pieces(source, _BATCH, CHUNK):
                with _faults(self.key):
                    await self._blocking(take, pieces)
            with _faults(self.key):
                return await self._blocking(_settle, descriptor)
        except StorageFull:
            with _faults(self.key):  # room for others: nobody was promised these bytes
                await self._blocking(os.ftruncate, descriptor, start)
            raise
        except BaseException:
            await self._blocking(_trim, descriptor)
            raise
        finally:
            os.close(descriptor)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        with _faults(self.key):
            return _open(self._path, start, stop, self._blocking)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        with _faults(self.key):
            await self._blocking(self._commit, self._place(key))

    async def discard(self) -> None:
        """See `IStagingArea`."""
        with _faults(self.key):
            await self._blocking(self._discard)

    def _open(self, expected: int | None) -> tuple[int, int]:
        self._check_room(expected or 0)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            descriptor = os.open(self._path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if expected:
                reserve(descriptor, size, expected)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, size

    def _commit(self, path: str) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)  # what a broken-off request left, too
        finally:
            os.close(descriptor)
        self._publisher.publish(self._path, path)

    def _discard(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(self._path))


def _open(path: str, start: int, stop: int, blocking: Blocking) -> _FileReader:
    descriptor = os.open(path, _READ)
    size = os.fstat(descriptor).st_size
    return _FileReader(descriptor, start, min(stop, size), blocking)


def _settle(descriptor: int) -> int:
    os.fdatasync(descriptor)
    return os.fstat(descriptor).st_size


def _trim(descriptor: int) -> None:
    """Give back what was reserved beyond the end."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size)


def _read_cached(descriptor: int, offset: int, size: int) -> bytes:
    """Read what needs no disk; nothing, where that cannot be known."""
    data = bytearray(size)
    try:
        count = os.preadv(descriptor, [data], offset, os.RWF_NOWAIT)
    except BlockingIOError:
        return b""
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return b""
        raise
    return bytes(memoryview(data)[:count])


def _stat(found: os.stat_result) -> Stat:
    return Stat(
        found.st_size,
        found.st_mtime,
        (found.st_ino, found.st_size, found.st_mtime_ns),
    )


@contextmanager
def _faults(what: str, *, absence: bool = True) -> Iterator[None]:
    """Say what a failure of the operating system means."""
    try:
        yield
    except OSError as error:
        if absence and error.errno in _ABSENT:
            raise NotFound(what) from error
        if error.errno in _FULL:
            raise StorageFull(f"{what}: {error.strerror}") from error
        raise StorageUnavailable(f"{what}: {error.strerror}") from error
