"""Sorted listings of folders, remembered while one ``stat`` proves them unchanged.

What is added to a folder or taken from it, by whatever process, changes the folder's
times. A listing is believed as long as they are those that it had before it was read,
and so old then that another change would have made others. So it is right here and now;
on a file system of the network as soon as that tells of the change (``acdirmax``).
"""

import os
import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

_ROOM: Final = 24 * 1024 * 1024
"""Bytes that listings take, roughly, over all folders."""
_PRICE: Final = 500
"""Bytes that one takes beside its names."""
_NAME_PRICE: Final = 60
"""Bytes that a name takes beside its letters."""

_SMALL: Final = 16
"""Names in a folder that is read as fast as it is looked up."""
_FEW: Final = 64
"""Names in a folder that is read at once, where it had no more a moment ago."""
_GROWN: Final = 512
"""Names at which such a folder is left to a thread after all."""

_SETTLED: Final = 2_000_000_000
"""Nanoseconds after which a folder's time of change can be trusted to differ from the
next one: file systems keep it in ticks."""


Identity = tuple[int, int, int, int]
"""What tells a folder from what it will be after a change, once it has settled: its
device, its inode, when names came or went, and when anything about it changed."""


class _Seen(NamedTuple):
    """A listing.

    Attributes:
        identity: The folder's, before it was read.
        names: What was in it.
        settled: Whether the same identity means the same names.
        price: Bytes that all this takes, roughly.
    """

    identity: Identity
    names: Sequence[str]
    settled: bool
    price: int


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
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._room = _ROOM
        self._lock = threading.Lock()

    def remembered(self, path: str) -> Sequence[str] | None:
        """Give a listing without waiting for a disk, where that can be.

        A small folder that has changed is read: who changed it did so here and now, or
        a moment ago on another host, and there is nothing to wait for.

        Raises:
            OSError: the folder cannot be looked at.
        """
        found = self._seen.get(path)
        if found is None:
            os.stat(path)  # what is not there takes no thread to be found so
            return None
        if found.settled and found.identity == identify(os.stat(path)):
            with self._lock:
                if path in self._seen:  # a thread may have crowded it out
                    self._seen.move_to_end(path)
            return found.names
        if len(found.names) > _FEW:
            return None
        return self._read(path, 0, _GROWN)

    def read(self, path: str, least: int = 0) -> Sequence[str]:
        """Give a listing; this blocks.

        Args:
            path: The folder.
            least: Names that it has if it is remembered, beside what holds for all.

        Raises:
            OSError: the folder cannot be read.
        """
        names = self._read(path, least, None)
        assert names is not None  # noqa: S101 - without a limit there is an answer
        return names

    def _read(self, path: str, least: int, most: int | None) -> Sequence[str] | None:
        """Give a listing; None where there are more names than so many."""
        now = time.time_ns()
        before = os.stat(path)
        with os.scandir(path) as entries:
            names = sorted(
                entry.name + "/" if _is_folder(entry) else entry.name
                for entry in (entries if most is None else islice(entries, most + 1))
            )
        if most is not None and len(names) > most:
            self._forget(path)
            return None
        settled = now - max(before.st_mtime_ns, before.st_ctime_ns) > _SETTLED
        if (settled or len(names) <= _FEW) and len(names) >= max(self._least, least):
            self._remember(path, identify(before), names, settled=settled)
        else:
            self._forget(path)
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

    def identity(self, path: str, names: Sequence[str]) -> Identity | None:
        """Give what a folder has as long as its names are the same.

        Args:
            path: The folder.
            names: Its listing, the very one that was given.

        Returns:
            None where that is not remembered, or another change could go unseen.
        """
        found = self._seen.get(path)
        if found is None or found.names is not names or not found.settled:
            return None
        return found.identity

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

    def _forget(self, path: str) -> None:
        if path in self._seen:
            with self._lock:
                self._drop(path)

    def _drop(self, path: str) -> None:
        forgotten = self._seen.pop(path, None)
        if forgotten is not None:
            self._room += forgotten.price

    def _remember(
        self, path: str, identity: Identity, names: Sequence[str], *, settled: bool
    ) -> None:
        price = _PRICE + len(path) + len(names) * _NAME_PRICE + sum(map(len, names))
        with self._lock:
            self._drop(path)
            self._seen[path] = _Seen(identity, names, settled, price)
            self._room -= price
            while self._room < 0:
                _, oldest = self._seen.popitem(last=False)
                self._room += oldest.price


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


def identify(stat: os.stat_result) -> Identity:
    """Give a folder's identity."""
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns
