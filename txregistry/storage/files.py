"""Files that appear whole, with the folders they need, and survive a crash.

Everything here blocks and is called in a thread.
"""

import contextlib
import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from functools import partial
from itertools import count
from typing import Final
from uuid import uuid4

_TRIES: Final = 100
"""How often a folder may vanish, or appear, under our hands before we give up."""


class Publisher:
    """Give files their final names, atomically and durably.

    A name becomes visible by one rename, even where folders are missing: they are built
    beside, and the topmost of them is renamed with all that is in it. So nobody ever
    sees a folder without its file, and a crash leaves none: file systems that keep a
    journal make folders and renames durable in the order in which they were done.

    Args:
        root: Where all is; where that is missing, nothing is written.
        scratch: A folder of the same file system, for what has no name yet.
        companions: Names of folders that do not stand alone: wherever one of the first
            is made, the second is made beside it.
    """

    def __init__(self, root: str, scratch: str, companions: Mapping[str, str]) -> None:
        self._root = root
        self._scratch = scratch
        self._names = uuid4().hex
        self._counter = count()
        self._companions = companions
        self._kept = frozenset(companions.values())

    def scratch_path(self) -> str:
        """Give a path that is nobody else's, in an existing folder."""
        return f"{self._scratch}/{self._names}-{next(self._counter)}"

    def write(
        self,
        path: str,
        data: bytes,
        *,
        if_absent: bool,
        mode: int = 0o666,
        durable: bool = True,
    ) -> bool:
        """Write a file; see `IObjectStore.put`.

        Args:
            path: Its final name.
            data: Its bytes.
            if_absent: Leave a file that is there as it is.
            mode: Its permissions.
            durable: Whether it is to outlast a power failure.
        """
        scratch = self.scratch_path()
        make = partial(_write, data=data, mode=mode, durable=durable)
        try:
            if not os.path.isdir(os.path.dirname(path)):
                with contextlib.suppress(FileNotFoundError):  # somebody cleaned up
                    if self._publish_with_folders(make, path, durable=durable):
                        return True
            try:
                make(scratch)
            except FileNotFoundError:
                self.make_folder(self._scratch)
                make(scratch)
            if if_absent:
                return self._publish_if_absent(scratch, path)
            self._publish(scratch, path, durable=durable)
        except BaseException:
            _unlink(scratch)
            raise
        return True

    def make_folder(self, path: str) -> None:
        """Make a folder, with those above it."""
        os.stat(self._root)  # it may have been on a disk that is gone
        os.makedirs(path, exist_ok=True)

    def link(self, source: str, path: str) -> None:
        """Give a durable file its final name as well, in place of what has that now."""
        for _ in range(_TRIES):
            if self._publish_with_folders(partial(os.link, source), path):
                return
            scratch = self.scratch_path()
            os.link(source, scratch)
            try:
                os.rename(scratch, path)
            except FileNotFoundError:
                continue
            finally:
                # A rename to another name of the same file does nothing.
                _unlink(scratch)
            sync_folder(os.path.dirname(path))
            return
        raise _unsteady(path)

    def _publish(self, source: str, path: str, *, durable: bool) -> None:
        """Rename a file to its final name, in place of what has that now."""
        for _ in range(_TRIES):
            try:
                os.rename(source, path)
            except FileNotFoundError:
                if self._publish_with_folders(
                    partial(os.rename, source), path, source, durable=durable
                ):
                    return
            else:
                if durable:
                    sync_folder(os.path.dirname(path))
                return
        raise _unsteady(path)

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
                _unlink(source)
                return False
            except FileNotFoundError:
                if self._publish_with_folders(partial(os.rename, source), path, source):
                    return True
            else:
                _unlink(source)
                sync_folder(os.path.dirname(path))
                return True
        raise _unsteady(path)

    def _publish_with_folders(
        self,
        make: Callable[[str], None],
        path: str,
        source: str | None = None,
        *,
        durable: bool = True,
    ) -> bool:
        """Give a file its final name along with the folders that are missing above it.

        Args:
            make: Puts the file at a path.
            path: Its final name.
            source: Where it goes back to, if it was moved.
            durable: Whether the names are to outlast a power failure.

        Returns:
            False where somebody has made the folder; then nothing has changed.
        """
        folder, name = os.path.split(path)
        above, beneath = os.path.split(folder)
        made = [folder]  # from the file upwards
        built = self.scratch_path()
        os.mkdir(built)
        try:
            make(os.path.join(built, name))
            while not self._place(built, above, beneath):
                if self._scratch.startswith(f"{above}/"):
                    raise _unsteady(folder)  # it was there all the time
                wrapping = self.scratch_path()
                os.mkdir(wrapping)
                os.rename(built, os.path.join(wrapping, beneath))
                built, folder = wrapping, above
                self._add_companion(built, beneath)
                above, beneath = os.path.split(folder)
                made.append(folder)
        except OSError as error:
            inner = os.path.join(built, os.path.relpath(path, folder))
            if source is not None and os.path.exists(inner):
                os.rename(inner, source)
            shutil.rmtree(built, ignore_errors=True)
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}:
                raise
            return False
        self._add_companion(above, beneath)  # may be gone again, needed by nothing
        if durable:
            for each in (*made, above):
                sync_folder(each)
        return True

    def _place(self, built: str, above: str, name: str) -> bool:
        """Rename a folder to its final name, unless that above it is missing."""
        try:
            self._add_companion(above, name)
            os.rename(built, os.path.join(above, name))
        except FileNotFoundError:
            return False
        return True

    def _add_companion(self, folder: str, name: str) -> None:
        """Make what goes with a folder, in the one above."""
        companion = self._companions.get(name)
        if companion is not None:
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(folder, companion))


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


def _write(path: str, data: bytes, mode: int, *, durable: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    try:
        write_pieces(descriptor, [data])
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _unsteady(path: str) -> OSError:
    return OSError(errno.EBUSY, "the folder keeps changing", path)
