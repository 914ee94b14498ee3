"""A file that is written until all of it is there, and only then has its name."""

import errno
import fcntl
import os
import stat
from contextlib import suppress
from typing import Final

from txregistry.storage.reading import FileReader
from txregistry.streams import IReader
from txregistry.tasks import Blocking
from txregistry.transfer.images.endings import Ending, TransferFailed

SUFFIX: Final = ".part"


class PartFile:
    """A file on its way. Its methods block, but for `open`.

    Args:
        path: How it is to be called in the end.
        resume: Whether what is there of it is gone on with.

    Raises:
        OSError: it cannot be opened.
        TransferFailed: somebody else writes to it.
    """

    def __init__(self, path: str, *, resume: bool) -> None:
        self._path = path
        self._part = path + SUFFIX
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self.descriptor = os.open(self._part, flags, 0o666)
        try:
            self._lock()
            self.size = os.fstat(self.descriptor).st_size if resume else 0
            self.cut(self.size)
        except BaseException:
            os.close(self.descriptor)
            raise

    def open(self, blocking: Blocking) -> IReader:
        """Open what is there already."""
        return FileReader(os.dup(self.descriptor), 0, self.size, blocking)

    def cut(self, size: int) -> None:
        """Leave only so many bytes of it, and go on behind them."""
        os.ftruncate(self.descriptor, size)
        os.lseek(self.descriptor, size, os.SEEK_SET)
        self.size = size

    def publish(self) -> None:
        """Let it have its name; it stays there whatever happens."""
        os.fsync(self.descriptor)
        os.rename(self._part, self._path)
        folder = os.open(os.path.dirname(self._path) or ".", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self) -> None:
        """Remove it: it is of no use."""
        with suppress(FileNotFoundError):
            os.unlink(self._part)

    def _lock(self) -> None:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransferFailed(
                Ending.FAILED, f"Another process writes to {self._part!r}."
            ) from None


def find_place(path: str) -> str:
    """Find where a file is to be written: where a link leads to, and else where it is.

    Args:
        path: The file, which need not be there.

    Raises:
        ValueError: something else is there, which a file may not replace.
    """
    if not path or path.endswith("/"):
        raise ValueError("it must be the name of a file")
    place = os.path.realpath(path) if os.path.islink(path) else path
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ValueError(f"{path!r} leads to itself") from None
        return place  # it is not there; or to open it tells what is wrong
    if stat.S_ISDIR(mode):
        raise ValueError(f"{path!r} is a folder; it must be a file")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path!r} is there, and is no regular file")
    return place


def has_content(path: str) -> bool:
    """Say whether a file is there, and is not empty."""
    return os.path.exists(path) and os.path.getsize(path) > 0
