"""The names of all repositories, in pages.

A repository is one that has, or had, a manifest: as with Distribution, its folder of
manifests tells.
"""

from bisect import bisect_right
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.keywindow import KeyWindow, beyond
from txregistry.registry.knownpages import KnownPages, NamesPage
from txregistry.registry.listing import folders_of
from txregistry.registry.ordering import Listed, NameOrder
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import MANIFESTS_FOLDER, REPOSITORIES
from txregistry.tasks import breathe

_BATCH: Final = 64
_FIRST: Final = 8
"""Folders that are looked at first of those in one: maybe the page ends within them."""
_ALIKE: Final = 1000
"""Folders with the same few names that are understood once for all."""
_PAUSE: Final = 100
"""Names after which others have their turn."""
_AFTER_OURS: Final = chr(ord("_") + 1)
"""What sorts after all names that begin with ``_``."""
_PEEK: Final = 5
"""Names that tell whether a folder is a repository, has others within, or both."""
_NOTED: Final = 2000
"""Folders of which a page tells that is kept, at most."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """What lies directly in a folder: maybe a repository, maybe others within."""

    is_repository: bool
    nests: bool


_Batch = tuple[dict[str, _Folder], Listed, Mapping[str, Sequence[str]]]
"""Some of what lies directly in a folder, what is known of the rest, and the listings
of those that were listed for this."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a walk through all names is to remember.

    Attributes:
        batch: How many folders are listed at once.
        window: The keys that were listed lately, where the store has no folders.
        noted: The folders that were listed, by prefix; too many to be of use are one
            more than that.
    """

    batch: int
    window: KeyWindow
    noted: dict[str, Sequence[str]] = field(default_factory=dict)

    def note(self, prefix: str, names: Sequence[str]) -> None:
        """Note what the names depend on that are found."""
        if len(self.noted) <= _NOTED:
            self.noted.setdefault(prefix, names)


class Catalog:
    """List repositories in byte order of their whole names.

    Args:
        store: Where they are.
        clock: Lets others have their turn.
        folder: What makes a folder one of those listed, if it is directly in it.
        root: Below which prefix they lie.
    """

    def __init__(
        self,
        store: IObjectStore,
        clock: IReactorTime,
        folder: str = MANIFESTS_FOLDER,
        root: str = REPOSITORIES,
    ) -> None:
        self._store = store
        self._clock = clock
        self._folders = folders_of(store)
        self._sign = folder
        self._root = root
        self._understood: dict[tuple[str, ...], _Folder] = {}
        self._known = KnownPages()

    async def page(
        self,
        after: str,
        limit: int,
        shown: Callable[[RepositoryName], Awaitable[bool]] | None = None,
    ) -> NamesPage:
        """Give some names.

        Args:
            after: Only names strictly after this, which need be none itself.
            limit: How many at most.
            shown: Whether a repository may be seen; None where all may.
        """
        page = self._known.find(after, limit) or await self._make(after, limit)
        if shown is None:
            return page
        return await _first(self._seen(page, after, shown), limit)

    async def _make(self, after: str, limit: int) -> NamesPage:
        """Make a page of all names, and keep it where that can be."""
        walk = self._walk(min(limit + 1, _BATCH))
        page = await _first(self._parsed(after, walk), limit)
        folders = len(walk.noted)
        if self._folders is not None and 0 < folders <= _NOTED:
            proof = self._folders.proof(walk.noted)
            if proof is not None:
                self._known.keep(after, limit, page, proof, folders)
        return page

    async def _seen(
        self,
        page: NamesPage,
        after: str,
        shown: Callable[[RepositoryName], Awaitable[bool]],
    ) -> AsyncIterator[RepositoryName]:
        """Give those names of a page that may be seen, and of all that follows it."""
        for count, name in enumerate(page.names, start=1):
            if not count % _PAUSE:
                await breathe(self._clock)
            if await shown(name):
                yield name
        if page.more:
            last = page.names[-1].text if page.names else after
            async for name in self._parsed(last, self._walk(_BATCH)):
                if await shown(name):
                    yield name

    def all(self) -> AsyncIterator[RepositoryName]:
        """Give every name."""
        return self._parsed("", self._walk(_BATCH))

    def _walk(self, batch: int) -> _Walk:
        return _Walk(batch, KeyWindow(self._store, self._root))

    async def _parsed(self, after: str, walk: _Walk) -> AsyncIterator[RepositoryName]:
        count = 0
        async for text in self._names("", after, walk):
            count += 1
            if not count % _PAUSE:
                await breathe(self._clock)
            try:
                yield RepositoryName.parse(text)
            except NameInvalid:
                continue  # somebody else's folder

    async def _names(  # noqa: C901 - one walk, best read in one piece
        self,
        folder: str,
        after: str,
        walk: _Walk,
        names: Sequence[str] | None = None,
    ) -> AsyncIterator[str]:
        """Give the names below a folder, which has been cut off ``after``.

        Args:
            folder: The folder.
            after: Only names strictly after this.
            walk: What is remembered of it all.
            names: What lies directly in it, if that was listed a moment ago.
        """
        head, slash, rest = after.partition("/")
        if slash and _is_name(folder + head):  # else no name can begin with it
            async for name in self._names(f"{folder}{head}/", rest, walk):
                yield name
        found: dict[str, _Folder] = {}
        listed = Listed((), ())

        async def is_repository(leaf: str) -> bool:
            if leaf not in found:
                if listed.knows(f"{leaf}/") is False:
                    return False
                found[leaf] = await self._look(f"{folder}{leaf}/", walk)
            return found[leaf].is_repository

        order = NameOrder(is_repository)
        if self._folders is None:
            batches = self._flat_batches(folder, head + slash, walk)
        else:
            batches = self._batches(folder, head + slash, walk, names)
        async for batch in batches:
            found, listed, within = batch
            for child, looked in tuple(found.items()):
                for leaf in await order.due(child):
                    if leaf > after and await is_repository(leaf):
                        yield folder + leaf
                if looked.nests:
                    path, names = f"{folder}{child}/", within.get(child)
                    async for name in self._names(path, "", walk, names):
                        yield name

    async def _batches(
        self, folder: str, after: str, walk: _Walk, names: Sequence[str] | None
    ) -> AsyncIterator[_Batch]:
        """Give what lies directly in a folder, each with what lies in it."""
        prefix = self._root + folder
        if names is None:
            (names,) = await self._list_folders((prefix,), walk)
        listed = Listed((), names)
        start, size = bisect_right(names, after), min(_FIRST, walk.batch)
        while start < len(names):
            children = [each for each in names[start : start + size] if _nests(each)]
            start, size = start + size, min(2 * size, walk.batch)
            if not children:
                continue
            found = await self._list_folders([prefix + each for each in children], walk)
            within = {
                child[:-1]: each for child, each in zip(children, found, strict=True)
            }
            folders = {child: self._read(each) for child, each in within.items()}
            yield folders, listed, within

    async def _list_folders(
        self, prefixes: Sequence[str], walk: _Walk
    ) -> Sequence[Sequence[str]]:
        assert self._folders is not None  # noqa: S101 - or there would be no folder
        found = await self._folders.names(prefixes)
        for prefix, names in zip(prefixes, found, strict=True):
            walk.note(prefix, names)
        return found

    async def _flat_batches(
        self, folder: str, after: str, walk: _Walk
    ) -> AsyncIterator[_Batch]:
        """Give the same of a store without folders.

        One listing of all that lies below a folder tells of hundreds of repositories;
        only the last of them may have to be looked at by itself.
        """
        prefix = self._root + folder
        place = ""
        if after:
            place = beyond(prefix + after) if after[-1] == "/" else prefix + after
        more = True
        while more:
            page = await walk.window.list(prefix, place)
            within: dict[str, set[str]] = {}
            for key in page.names:
                child, slash, rest = key.removeprefix(prefix).partition("/")
                if slash and child[:1] != "_":
                    head, below, _ = rest.partition("/")
                    within.setdefault(child, set()).add(head + below)
            found = {child: self._read(names) for child, names in within.items()}
            known = [f"{child}/" for child in found]
            more = page.more
            if more:
                place = page.names[-1]
                child, slash, _ = place.removeprefix(prefix).partition("/")
                if child in found:
                    found[child] = await self._last(
                        folder, child, place, found[child], walk
                    )
                    place = beyond(f"{prefix}{child}/")
                elif slash:  # what is not listed sorts together
                    place = f"{prefix}{_AFTER_OURS}"
            if found:
                yield found, Listed(known, known, more=more), {}

    async def _last(
        self, folder: str, child: str, place: str, found: _Folder, walk: _Walk
    ) -> _Folder:
        """Give what lies in a folder whose keys were listed up to some place."""
        sign = f"{self._root}{folder}{child}/{self._sign}/"
        if found.is_repository or place > sign:
            return replace(found, nests=True)
        return await self._look(f"{folder}{child}/", walk)

    async def _look(self, folder: str, walk: _Walk) -> _Folder:
        prefix = self._root + folder
        if self._folders is not None:
            (within,) = await self._list_folders((prefix,), walk)
            return self._read(within)
        page = await self._store.list(prefix, limit=_PEEK, delimiter=True)
        found = self._read([name.removeprefix(prefix) for name in page.names])
        if not page.more:
            return found
        sign = found.is_repository or await self._has_sign(prefix)
        return _Folder(sign, nests=True)

    def _read(self, names: Collection[str]) -> _Folder:
        """Understand the names of what lies directly in a folder, or the first."""
        if len(names) > _PEEK:
            return self._understand(names)
        alike = tuple(names)
        found = self._understood.get(alike)
        if found is None:
            found = self._understand(names)
            if len(self._understood) < _ALIKE:
                self._understood[alike] = found
        return found

    def _understand(self, names: Collection[str]) -> _Folder:
        sign = f"{self._sign}/"
        if isinstance(names, Sequence):
            is_repository = Listed((), names).knows(sign) is True
        else:
            is_repository = sign in names
        return _Folder(is_repository, any(map(_nests, names)))

    async def _has_sign(self, prefix: str) -> bool:
        page = await self._store.list(
            prefix, after=f"{prefix}{self._sign}", limit=1, delimiter=True
        )
        return f"{prefix}{self._sign}/" in page.names


async def _first(names: AsyncIterator[RepositoryName], limit: int) -> NamesPage:
    found: list[RepositoryName] = []
    async for name in names:
        if len(found) == limit:
            return NamesPage(tuple(found), more=True)
        found.append(name)
    return NamesPage(tuple(found), more=False)


def _nests(name: str) -> bool:
    """Say whether a name is that of a folder of others, and none of ours."""
    return name.endswith("/") and not name.startswith("_")


def _is_name(text: str) -> bool:
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        return False
    return True
