"""Files that appear whole, with the folders they need, and survive a crash.

Everything here blocks and is called in a thread.
"""

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from typing import Final
from uuid import uuid4

_TRIES: Final = 100
"""How often a folder may vanish, or appear, under our hands before we give up."""


class Publisher:
    """Give files their final names, atomically and durably.

    A name becomes visible by one rename, even where folders are missing: they are built
    beside, and the topmost of them is renamed with all that is in it. So nobody ever
    sees a folder without its file, and a crash leaves none.

    Args:
        scratch: A folder of the same file system, for what has no name yet.
        companions: Names of folders that do not stand alone: wherever one of the first
            is made, the second is made beside it.
    """

    def __init__(self, scratch: str, companions: Mapping[str, str]) -> None:
        self._scratch = scratch
        self._companions = companions
        self._kept = frozenset(companions.values())

    def scratch_path(self) -> str:
        """Give a path that is nobody else's, in an existing folder."""
        return os.path.join(self._scratch, uuid4().hex)

    def write(
        self, path: str, data: bytes, *, if_absent: bool, mode: int = 0o666
    ) -> bool:
        """Write a file; see `IObjectStore.put`."""
        scratch = self.scratch_path()
        try:
            try:
                _write_durably(scratch, data, mode)
            except FileNotFoundError:  # somebody cleaned up
                os.makedirs(self._scratch, exist_ok=True)
                _write_durably(scratch, data, mode)
            if if_absent:
                return self._publish_if_absent(scratch, path)
            self.publish(scratch, path)
            return True
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(scratch)

    def publish(self, source: str, path: str) -> None:
        """Rename a durable file to its final name, in place of what has that now."""
        for _ in range(_TRIES):
            try:
                os.rename(source, path)
            except FileNotFoundError:
                if self._publish_with_folders(source, path):
                    return
            else:
                sync_folder(os.path.dirname(path))
                return
        raise OSError(errno.EBUSY, "the folder keeps changing", path)

    def prune(self, folder: str, root: str) -> str:
        """Remove a folder that may be empty, and those above it, below a root.

        A companion stays as long as what it goes with.

        Returns:
            The lowest folder that stays: once it is synced, the others are gone for
            good.
        """
        while folder != root and not self._is_kept(folder):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                break  # not empty, or not ours to remove: it may stay
            folder = os.path.dirname(folder)
        return folder

    def _is_kept(self, folder: str) -> bool:
        above, name = os.path.split(folder)
        return name in self._kept and any(
            companion == name and os.path.exists(os.path.join(above, each))
            for each, companion in self._companions.items()
        )

    def _publish_if_absent(self, source: str, path: str) -> bool:
        for _ in range(_TRIES):
            try:
                os.link(source, path)
            except FileExistsError:
                return False
            except FileNotFoundError:
                if self._publish_with_folders(source, path):
                    return True
            else:
                sync_folder(os.path.dirname(path))
                return True
        raise OSError(errno.EBUSY, "the folder keeps changing", path)

    def _publish_with_folders(self, source: str, path: str) -> bool:
        """Rename a file along with the folders that are missing above it.

        Returns:
            False where somebody else made one of them meanwhile.
        """
        names = [os.path.basename(path)]
        above = os.path.dirname(path)
        while not os.path.isdir(above):
            names.insert(0, os.path.basename(above))
            above = os.path.dirname(above)
        if len(names) == 1:
            return False
        built = self.scratch_path()
        try:
            made = os.path.join(built, *names[1:-1])
            os.makedirs(made)
            os.rename(source, os.path.join(made, names[-1]))
            self._add_companions(built, above, names)
            _sync_tree(built)
            try:
                os.rename(built, os.path.join(above, names[0]))
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:
                    raise
                os.rename(os.path.join(made, names[-1]), source)
                return False
        finally:
            shutil.rmtree(built, ignore_errors=True)
        companion = self._companions.get(names[0])
        if companion is not None:  # somebody may have removed it as needed no more
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.mkdir(os.path.join(above, companion))
        sync_folder(above)
        return True

    def _add_companions(self, built: str, above: str, names: list[str]) -> None:
        for place, name in enumerate(names[:-1]):
            companion = self._companions.get(name)
            if companion is None:
                continue
            beside = above if place == 0 else os.path.join(built, *names[1:place])
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(beside, companion))


def sync_folder(path: str) -> None:
    """Make the names in a folder durable; one that somebody removed has none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reserve(descriptor: int, offset: int, size: int) -> None:
    """Take disk space for what will be written; the file's size stays what it is.

    A file system that cannot do it is left alone: this saves time, and tells early that
    a disk is too full.

    Raises:
        OSError: there is no room.
    """
    if _fallocate is None:
        return
    if _fallocate(descriptor, _KEEP_SIZE, offset, size) == 0:
        return
    number = ctypes.get_errno()
    if number in {errno.ENOSPC, errno.EDQUOT}:
        raise OSError(number, os.strerror(number))


def write_pieces(descriptor: int, pieces: Collection[bytes]) -> None:
    """Write everything, in few calls."""
    left = [piece for piece in pieces if piece]
    while left:
        written = os.writev(descriptor, left[:_IOV_MAX])
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


_IOV_MAX: Final = 1024
_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE of <linux/falloc.h>


def _find_fallocate() -> Callable[[int, int, int, int], int] | None:
    """Find the call that ``os`` has only without its flags."""
    try:
        function = ctypes.CDLL(None, use_errno=True).fallocate64
    except (OSError, AttributeError):
        return None
    function.argtypes = (
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int64,
        ctypes.c_int64,
    )
    return function


_fallocate: Final = _find_fallocate()


def _write_durably(path: str, data: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    try:
        write_pieces(descriptor, [data])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(path: str) -> None:
    for folder, _, _ in os.walk(path, topdown=False):
        sync_folder(folder)
