"""Files as they are read, and what a failure of the operating system means."""

import errno
import os
import stat as modes
from types import TracebackType
from typing import Final

from zope.interface import implementer

from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.streams import IFileReader
from txregistry.tasks import Blocking

READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""The last means nothing to files; a pipe that somebody left there stops nobody."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})


@implementer(IFileReader)
class FileReader:
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
        with faults("a file being read"):
            data = read_cached(self._descriptor, self._offset, size)
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


def open_file(
    key: Key, path: str, start: int, stop: int, blocking: Blocking
) -> FileReader:
    """Open part of a file; what is no file is absent."""
    descriptor = os.open(path, READ)
    try:
        size = stat_file(key, descriptor).st_size
    except BaseException:
        os.close(descriptor)
        raise
    return FileReader(descriptor, start, min(stop, size), blocking)


def read_cached(descriptor: int, offset: int, size: int) -> bytes:
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


def stat_file(key: Key, descriptor: int) -> os.stat_result:
    """Look at an open file; what is no file is absent."""
    found = os.fstat(descriptor)
    if not modes.S_ISREG(found.st_mode):
        raise NotFound(key)
    return found


class faults:  # noqa: N801 - it reads as what ``contextmanager`` makes, at less cost
    """Say what a failure of the operating system means.

    Args:
        what: What is being done, or to what.
        absence: Whether it means that there is no such thing, where it can.
    """

    __slots__ = ("_absence", "_what")

    def __init__(self, what: str, *, absence: bool = True) -> None:
        self._what = what
        self._absence = absence

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End.

        Raises:
            NotFound: there is no such thing.
            StorageFull: there is no room.
            StorageUnavailable: anything else of the operating system's.
        """
        if not isinstance(error, OSError):
            return
        if self._absence and error.errno in _ABSENT:
            raise NotFound(self._what) from error
        if error.errno in _FULL:
            raise StorageFull(f"{self._what}: {error.strerror}") from error
        raise StorageUnavailable(f"{self._what}: {error.strerror}") from error
