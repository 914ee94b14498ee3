"""Room on a disk, a part of which is to stay free."""

import os
import time
from collections.abc import Callable
from typing import Final

from txregistry.storage.interfaces import StorageFull

_FRESH: Final = 1.0
"""Seconds for which what was seen counts."""
_SHARE: Final = 8
"""Of the room that was seen, what may be taken before it is looked at again: others
write to the disk too."""


class Room:
    """Refuse what would leave too little free.

    Args:
        root: A folder on the disk.
        floor: Bytes that are to stay free.
        seconds: Tells the time, by a clock that is never set.
    """

    def __init__(
        self, root: str, floor: int, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._root = root
        self._floor = floor
        self._seconds = seconds
        self._granted = 0
        self._seen = -_FRESH

    def take(self, size: int) -> None:
        """Take room for some bytes, which are about to be written.

        Raises:
            StorageFull: there is too little.
            OSError: the disk cannot be asked.
        """
        now = self._seconds()
        if size <= self._granted and now - self._seen < _FRESH:
            self._granted -= size
            return
        free = free_bytes(self._root)
        left = free - size - self._floor
        if left < 0:
            self._granted = 0
            raise StorageFull(
                f"{free} bytes are free; {size} more would leave less than "
                f"{self._floor} (storage.filesystem.minfree)"
            )
        self._granted, self._seen = left // _SHARE, now


def free_bytes(root: str) -> int:
    """Say how much fits in still.

    Raises:
        OSError: the disk cannot be asked.
    """
    stats = os.statvfs(root)
    return stats.f_bavail * stats.f_frsize
