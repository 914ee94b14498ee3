"""Sorted listings of folders, remembered while one ``stat`` proves them unchanged."""

import os
import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final

_MAX_NAMES: Final = 300_000
"""Names remembered, over all folders."""

_SMALL: Final = 16
"""Names in a folder that is read as fast as it is looked up."""

_SETTLED: Final = 2_000_000_000
"""Nanoseconds after which a folder's time of change can be trusted to differ from the
next one: file systems keep it in ticks."""


class Folders:
    """List folders in byte order.

    The names of folders end in ``/``, so that what is in them sorts where it belongs:
    ``a-b`` before ``a/b``. Safe to use from several threads.

    Args:
        least: Names that a folder has which is remembered: whoever walks through all
            folders once comes back only to those of which the walk is in the middle.
    """

    def __init__(self, least: int = 1) -> None:
        self._least = least
        self._seen: OrderedDict[str, tuple[tuple[int, int], Sequence[str]]] = (
            OrderedDict()
        )
        self._names = 0
        self._lock = threading.Lock()

    def remembered(self, path: str) -> Sequence[str] | None:
        """Give a listing without reading the folder, where that can be.

        Raises:
            OSError: the folder cannot be looked at.
        """
        found = self._seen.get(path)
        if found is None or found[0] != _identity(os.stat(path)):
            return None
        with self._lock:
            if path in self._seen:  # a thread may have crowded it out
                self._seen.move_to_end(path)
        return found[1]

    def read(self, path: str, least: int = 0) -> Sequence[str]:
        """Give a listing; this blocks.

        Args:
            path: The folder.
            least: Names that it has if it is remembered, beside what holds for all.

        Raises:
            OSError: the folder cannot be read.
        """
        before = os.stat(path)
        with os.scandir(path) as entries:
            names = sorted(
                entry.name + "/" if _is_folder(entry) else entry.name
                for entry in entries
            )
        settled = time.time_ns() - before.st_mtime_ns > _SETTLED
        if settled and len(names) >= max(self._least, least):
            self._remember(path, _identity(before), names)
        return names

    def listing(self, path: str, least: int = 0) -> Sequence[str]:
        """Give a listing, remembered or read; empty where there is no such folder.

        Args:
            path: The folder.
            least: See `read`.
        """
        try:
            names = self.remembered(path)
            return self.read(path, least) if names is None else names
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def walk(self, path: str, prefix: str, after: str) -> Iterator[str]:
        """Give the keys of all files below a folder, in byte order; this blocks.

        Small folders on the way are not remembered: nobody comes back to them soon.

        Args:
            path: The folder.
            prefix: What its own key is, with ``/`` at the end.
            after: Only keys that sort strictly after this.
        """
        for name in self.listing(path, _SMALL):
            key = prefix + name
            if not name.endswith("/"):
                if key > after:
                    yield key
            elif key > after or after.startswith(key):
                yield from self.walk(os.path.join(path, name[:-1]), key, after)

    def _remember(
        self, path: str, identity: tuple[int, int], names: Sequence[str]
    ) -> None:
        with self._lock:
            forgotten = self._seen.pop(path, None)
            self._names += len(names) - (len(forgotten[1]) if forgotten else 0)
            self._seen[path] = (identity, names)
            while self._names > _MAX_NAMES:
                _, (_, oldest) = self._seen.popitem(last=False)
                self._names -= len(oldest)


def page(names: Sequence[str], after: str, limit: int) -> tuple[Sequence[str], bool]:
    """Cut a page out of sorted names.

    Returns:
        The names, and whether there are more.
    """
    start = bisect_right(names, after)
    return names[start : start + limit], len(names) > start + limit


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that leads nowhere, in a circle


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_ino, stat.st_mtime_ns
