"""Small files, remembered while one ``stat`` proves them unchanged."""

import os
import time
from collections import OrderedDict
from typing import Final

_REMEMBERED: Final = 20_000
_LARGEST: Final = 256
_SETTLED: Final = 2_000_000_000
"""Nanoseconds after which a file's time of change can be trusted to differ from that of
whatever takes its place: file systems keep it in ticks."""


class SmallFiles:
    """Remember the content of links and the like, which are replaced, never changed."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[int, int, int, bytes]] = OrderedDict()

    def remembered(self, path: str) -> bytes | None:
        """Give a file's content without reading it, where that can be.

        Raises:
            OSError: the file cannot be looked at.
        """
        found = self._seen.get(path)
        if found is None:
            return None
        now = os.stat(path)
        if found[:3] != (now.st_ino, now.st_mtime_ns, now.st_ctime_ns):
            return None
        return found[3]

    def remember(self, path: str, stat: os.stat_result, data: bytes) -> None:
        """Keep what was read from a file, if it is small and has settled."""
        if len(data) > _LARGEST or time.time_ns() - stat.st_ctime_ns < _SETTLED:
            return
        self._seen[path] = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, data)
        self._seen.move_to_end(path)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
