"""Objects as local files, to be read only: nothing is made, changed or removed."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from zope.interface import implementer

from txregistry.storage.folders import Folders, page
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Page,
    Stat,
    StorageUnavailable,
    TooLarge,
)
from txregistry.storage.reading import READ, FileReader, faults, stat_file
from txregistry.streams import IReader
from txregistry.tasks import Blocking


@implementer(IObjectSource)
class FolderObjectSource:
    """Read files below a folder, at paths that are their keys.

    A symbolic link is followed where it leads within the folder, and is a refusal where
    it leads out of it: somebody else may have made it.

    Args:
        root: The folder.
        blocking: Where work goes that waits for a disk.
        folders: Lists folders, and remembers some; None for the usual ones.

    Raises:
        StorageUnavailable: there is no such folder.
    """

    def __init__(
        self, root: str, blocking: Blocking, folders: Folders | None = None
    ) -> None:
        with faults(root, absence=False):
            self._root = os.path.realpath(root, strict=True)
            place = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.readlink(f"/proc/self/fd/{place}")  # or everything would be absent
            finally:
                os.close(place)
        self._blocking = blocking
        self._folders = Folders() if folders is None else folders

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        with faults(key), self._found(key) as place:
            found = stat_file(key, place)
        identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        return Stat(found.st_size, found.st_mtime, identity)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        reader = self._open(key, 0, limit + 1)
        pieces: list[bytes] = []
        size = 0
        try:
            while size <= limit and (data := await reader.read(limit + 1 - size)):
                pieces.append(data)
                size += len(data)
        finally:
            await reader.close()
        if size > limit:
            raise TooLarge(key)
        return b"".join(pieces)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        return self._open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        with faults(prefix):
            return await self._blocking(self._page, prefix, after, limit, delimiter)

    def _page(
        self,
        prefix: str,
        after: str,
        limit: int,
        delimiter: bool,  # noqa: FBT001 - it goes through `Blocking`
    ) -> Page:
        if not delimiter:
            found = list(islice(self._walk(prefix, after, frozenset()), limit + 1))
            return Page(tuple(found[:limit]), len(found) > limit)
        names = [prefix + name for name in self._names(prefix)[1]]
        given, more = page(names, after, limit)
        return Page(tuple(given), more)

    def _walk(self, prefix: str, after: str, above: frozenset[str]) -> Iterator[str]:
        folder, names = self._names(prefix)
        if folder in above:
            return  # a link to where it lies: what is there has its own names
        for name in names:
            key = prefix + name
            if not name.endswith("/"):
                if key > after:
                    yield key
            elif key > after or after.startswith(key):
                yield from self._walk(key, after, above | {folder})

    def _names(self, prefix: str) -> tuple[str, Sequence[str]]:
        """List a folder; give also where it really lies."""
        folder = os.path.realpath(self._path(prefix.rstrip("/")))
        self._check(folder, prefix)
        return folder, self._folders.listing(folder)

    def _open(self, key: Key, start: int, stop: int) -> FileReader:
        with faults(key), self._found(key) as place:
            size = stat_file(key, place).st_size
            descriptor = os.open(f"/proc/self/fd/{place}", READ)
        return FileReader(descriptor, start, min(stop, size), self._blocking)

    @contextmanager
    def _found(self, key: Key) -> Iterator[int]:
        """Find a file without opening it: only then it is known where it lies."""
        place = os.open(self._path(key), os.O_PATH | os.O_CLOEXEC)
        try:
            self._check(os.readlink(f"/proc/self/fd/{place}"), key)
            yield place
        finally:
            os.close(place)

    def _path(self, key: str) -> str:
        if "\0" in key:
            raise NotFound(key)
        return f"{self._root}/{key}"

    def _check(self, path: str, key: str) -> None:
        if path != self._root and not path.startswith(f"{self._root.rstrip('/')}/"):
            raise StorageUnavailable(f"{key} leads out of {self._root}")
