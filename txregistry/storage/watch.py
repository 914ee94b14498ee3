"""Whether folders change, as the kernel tells (``inotify``): one look for all of them.

The kernel tells of a change before whoever makes it goes on. So what it has not told
was not done yet, by any process of this machine. Of other machines it knows nothing:
only file systems are watched that are this machine's alone.

Source: Linux, inotify(7), statfs(2).
"""

import ctypes
import os
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

_CHANGES: Final = 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
"""IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF."""
_ONLY_FOLDERS: Final = 0x0100_0000
"""IN_ONLYDIR."""
_OURS_ALONE: Final = frozenset(
    {0xEF53, 0x5846_5342, 0x9123_683E, 0x2FC1_2FC1, 0xF2F5_2010, 0x0102_1994}
)
"""Kinds of file systems that one machine has: ext2 to ext4, XFS, Btrfs, ZFS, F2FS and
tmpfs."""
_MOST: Final = 4096
"""Folders that are watched, beside those that were added with the last of them."""
_SHARE: Final = 16
"""One process takes a part of what its user may watch; this is how many parts."""
_REST: Final = 60.0
"""Seconds that there are at least between two times when all is watched anew, as there
were too many."""
_PIECE: Final = 65_536
_PIECES: Final = 16
"""Reads after which the rest of what changed is left to the next look."""
_ROOM: Final = 512
"""Bytes, more than ``struct statfs`` has."""
_ALLOWED: Final = "/proc/sys/fs/inotify/max_user_watches"


class Watch:
    """Watch folders, some thousands; when any has changed, all are to be added again.

    To be used in one thread.

    Args:
        root: A folder of the file system in which all are.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._changes = 0
        self._descriptor: int | None = None
        self._end: weakref.finalize[[int], Watch] | None = None
        self._device: int | None = None
        self._looked = False
        self._watched: set[int] = set()
        self._most = 0
        self._is_full = False
        self._rests_until = 0.0

    def device(self) -> int | None:
        """Give the device on which folders can be watched; None for none."""
        if not self._looked:
            self._looked = True
            with suppress(OSError, AttributeError, ValueError):
                self._most = _allowed()
                if _kind(self._root) in _OURS_ALONE:
                    self._device = os.stat(self._root).st_dev
        return self._device

    def mark(self) -> int:
        """Give a number that is another one when a folder has changed since."""
        if self._descriptor is not None:
            for _ in range(_PIECES):
                try:
                    os.read(self._descriptor, _PIECE)
                except BlockingIOError:
                    break
                self._changes += 1
        return self._changes

    def add(self, paths: Sequence[str]) -> bool:
        """Watch folders from now on, as long as they stay what they are.

        Args:
            paths: The folders, all on the device.

        Returns:
            Whether all are watched.
        """
        full = self._is_full or len(self._watched) >= self._most
        if full or self._descriptor is None:
            now = time.monotonic()
            if now < self._rests_until:
                return False
            self._rests_until = now + _REST
            self._open()
        return all(map(self._add, paths))

    def _add(self, path: str) -> bool:
        if self._descriptor is None:
            return False
        number: int = _libc.inotify_add_watch(
            self._descriptor, os.fsencode(path), _CHANGES | _ONLY_FOLDERS
        )
        if number >= 0:
            self._watched.add(number)
        elif os.path.isdir(path):  # others watch as much as may be watched
            self._is_full = True
        return number >= 0

    def _open(self) -> None:
        """Begin anew: what was watched is not any more."""
        if self._end is not None:
            self._end()
        self._changes += 1
        self._watched.clear()
        self._is_full = False
        found: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        failed = found < 0  # too many watch something already
        self._descriptor = None if failed else found
        self._end = None if failed else weakref.finalize(self, os.close, found)


def _allowed() -> int:
    """Say how many folders may be watched: others of our user want some as well."""
    with open(_ALLOWED, encoding="ascii") as file:
        return min(int(file.read()) // _SHARE, _MOST)


def _kind(path: str) -> int:
    """Say what kind of file system a folder is in, by its magic number."""
    found = ctypes.create_string_buffer(_ROOM)
    if _libc.statfs(os.fsencode(path), found):
        return 0
    size = ctypes.sizeof(ctypes.c_long)
    return int.from_bytes(found.raw[:size], sys.byteorder)


_libc: Final = ctypes.CDLL(None)
