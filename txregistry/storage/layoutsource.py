"""An OCI layout as a store that is only read: on a mounted medium, say.

Nothing is written, and nothing is taken from outside of the folder. The keys are those
of our own store; what each repository has is found when it is first asked for.
"""

import os
import zlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Final

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.layoutnames import name_after_folder
from txregistry.model.names import RepositoryName
from txregistry.storage.folder import FolderObjectSource
from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Page,
    Stat,
    TooLarge,
)
from txregistry.storage.keys import (
    LAYERS_FOLDER,
    MANIFESTS_FOLDER,
    REPOSITORIES,
    ROOT,
)
from txregistry.storage.kinds import Blob, recognize
from txregistry.storage.layoutblobs import BLOB_KEYS, LayoutBlobs
from txregistry.storage.layoutcontents import (
    MOST_LINKS,
    LayoutContents,
    LayoutReading,
    place_in_layout,
)
from txregistry.storage.layoutindex import (
    LayoutIndex,
    check_layout,
    identify,
    read_index,
)
from txregistry.streams import BytesReader, IReader
from txregistry.tasks import Blocking, Flights, breathe

_ABOVE: Final = {
    "docker/": "docker/registry/",
    "docker/registry/": ROOT,
}
_OURS: Final = (f"{LAYERS_FOLDER}/", f"{MANIFESTS_FOLDER}/", "_referrers/")
_PAUSE: Final = 200
"""Keys after which others have their turn."""


@dataclass(slots=True)
class _Layout:
    """A layout at some moment: another index is another layout.

    Attributes:
        index: The index.
        paths: The names of all repositories with a ``/`` at the end, sorted.
        contents: What some of the repositories have, the latest that was asked for
            last.
        links: How many links that is.
        aliases: See `LayoutContents`.
    """

    index: LayoutIndex
    paths: list[str]
    contents: OrderedDict[str, LayoutContents] = field(default_factory=OrderedDict)
    links: int = 0
    aliases: dict[Digest, Digest] = field(default_factory=dict)

    def keep(self, name: str, contents: LayoutContents) -> None:
        """Remember what a repository has, as long as there is room."""
        self.contents[name] = contents
        self.links += len(contents.order)
        self.aliases |= contents.aliases
        while self.links > MOST_LINKS and len(self.contents) > 1:
            _, oldest = self.contents.popitem(last=False)
            self.links -= len(oldest.order)
            for alias in oldest.aliases:
                self.aliases.pop(alias, None)


@implementer(IObjectSource)
class LayoutObjectSource:
    """Read an OCI layout.

    Args:
        root: The folder.
        clock: Lets others have their turn.
        blocking: Where work goes that waits for a disk.
        default: The repository of images that have no more than a tag; None to name it
            after the folder.

    Raises:
        StorageUnavailable: it is no layout that can be read.
    """

    def __init__(
        self,
        root: str,
        clock: IReactorTime,
        blocking: Blocking,
        default: RepositoryName | None = None,
    ) -> None:
        self._root = os.path.abspath(root)
        self._files = FolderObjectSource(self._root, blocking)
        self._blobs = LayoutBlobs(self._files)
        self._clock = clock
        self._blocking = blocking
        self._default = default or name_after_folder(os.path.basename(self._root))
        self._reading = LayoutReading(self._files, clock, blocking)
        self._flights = Flights()
        check_layout(self._root)
        self._layout = _make(read_index(self._root, self._default))

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        link = await self._find(key)
        if not isinstance(link, str):
            return await self._files.stat(link.place)
        device, inode, _, written = self._layout.index.identity
        identity = (device, inode, written, zlib.crc32(key.encode()))
        return Stat(len(link), written / 1e9, identity)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        link = await self._find(key)
        if not isinstance(link, str):
            return await self._files.get(link.place, limit)
        if len(link) > limit:
            raise TooLarge(key)
        return link.encode("ascii")

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        link = await self._find(key)
        if not isinstance(link, str):
            return await self._files.open(link.place, start, stop)
        return BytesReader(link.encode("ascii")[start:stop])

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        layout = await self._current()
        found: list[str] = []
        names = self._names if delimiter else self._walk
        async for name in names(layout, prefix, after):
            if name <= after:
                continue
            if len(found) == limit:
                return Page(tuple(found), more=True)
            found.append(name)
        return Page(tuple(found), more=False)

    async def _current(self) -> _Layout:
        """Give the layout as it is now."""
        identity = identify(self._root)
        if identity != self._layout.index.identity:

            async def read() -> LayoutIndex:
                return await self._blocking(read_index, self._root, self._default)

            index = await self._flights.join("index", read)
            if index.identity != self._layout.index.identity:
                self._layout = _make(index)
        return self._layout

    async def _find(self, key: Key) -> "str | _File":
        """Say what a link says, or which file the content is in.

        Raises:
            NotFound: the layout has nothing of the kind.
        """
        layout = await self._current()
        if key.startswith(BLOB_KEYS):
            kind = recognize(key)
            if not isinstance(kind, Blob):
                raise NotFound(key)
            return _File(place_in_layout(layout.aliases.get(kind.digest, kind.digest)))
        name = self._repository(layout, key)
        if name is None:
            raise NotFound(key)
        found = (await self._contents(layout, name)).links.get(key)
        if found is None:
            raise NotFound(key)
        return found

    @staticmethod
    def _repository(layout: _Layout, text: str) -> str | None:
        """Say in which repository a key is, or a prefix."""
        if not text.startswith(REPOSITORIES):
            return None
        name, slash, _ = text.removeprefix(REPOSITORIES).partition("/_")
        return name if slash and name in layout.index.repositories else None

    async def _contents(self, layout: _Layout, name: str) -> LayoutContents:
        """Say what a repository has."""
        found = layout.contents.get(name)
        if found is not None:
            layout.contents.move_to_end(name)
            return found

        async def read() -> LayoutContents:
            listed = layout.index.repositories[name]
            contents = await self._reading.read(RepositoryName(name), listed)
            layout.keep(name, contents)
            return contents

        return await self._flights.join((layout.index.identity, name), read)

    async def _walk(
        self, layout: _Layout, prefix: str, after: str
    ) -> AsyncIterator[str]:
        """Give all keys below a prefix, in order."""
        count = 0
        async for name in self._names(layout, prefix, after):
            if name.endswith("/"):
                async for key in self._walk(layout, name, after):
                    yield key
                continue
            count += 1
            if not count % _PAUSE:
                await breathe(self._clock)
            yield name

    async def _names(
        self, layout: _Layout, prefix: str, after: str
    ) -> AsyncIterator[str]:
        """Give what is directly below a prefix, in order, groups with ``/`` at the end.

        What cannot lead to anything after some key is left out, but maybe a little.
        """
        if prefix in _ABOVE:
            yield _ABOVE[prefix]
        elif prefix == ROOT:
            yield BLOB_KEYS
            yield REPOSITORIES
        elif prefix.startswith(BLOB_KEYS):
            async for each in self._blobs.names(prefix, after):
                yield each
        elif prefix.startswith(REPOSITORIES):
            name = self._repository(layout, prefix)
            if name is None:
                names = _folders(layout, prefix, after)
            else:
                names = (await self._contents(layout, name)).names(prefix, after)
            for each in names:
                if each > after or after.startswith(each):
                    yield each


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the layout, which has the content of some key."""

    place: Key


def _make(index: LayoutIndex) -> _Layout:
    return _Layout(index, sorted(f"{name}/" for name in index.repositories))


def _folders(layout: _Layout, prefix: str, after: str) -> Iterator[str]:
    """Give the folders below a prefix that is above repositories, or is one."""
    above = prefix.removeprefix(REPOSITORIES)
    ours = _OURS if above[:-1] in layout.index.repositories else ()
    begin = above
    if after.startswith(prefix):
        begin += after.removeprefix(prefix).partition("/")[0]
    return merge(
        _children(layout.paths, above, begin),
        (f"{prefix}{name}" for name in ours),
    )


def _children(paths: list[str], above: str, begin: str) -> Iterator[str]:
    """Give the folders directly in one, of what does not sort before a path."""
    place = bisect_left(paths, begin)
    while place < len(paths) and paths[place].startswith(above):
        child = paths[place][len(above) :].partition("/")[0]
        if child:
            yield f"{REPOSITORIES}{above}{child}/"
            place = bisect_left(paths, f"{above}{child}0", place)  # "0" follows "/"
        else:
            place += 1  # what is above is a repository itself
