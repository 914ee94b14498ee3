"""The names of all repositories, in pages.

A repository is one that has, or had, a manifest: as with Distribution, its folder of
manifests tells.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

from txregistry.model.errors import NameInvalid
from txregistry.model.names import RepositoryName
from txregistry.registry.keywindow import KeyWindow, beyond
from txregistry.registry.ordering import NameOrder
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import MANIFESTS_FOLDER, REPOSITORIES
from txregistry.tasks import breathe

_BATCH: Final = 32
_PAUSE: Final = 50
"""Names after which others have their turn."""
_AFTER_OURS: Final = chr(ord("_") + 1)
"""What sorts after all names that begin with ``_``."""
_PEEK: Final = 5
"""Names that tell whether a folder is a repository, has others within, or both."""


@dataclass(frozen=True, slots=True)
class NamesPage:
    """Some names of repositories, sorted, and whether there are more."""

    names: tuple[RepositoryName, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    """What lies directly in a folder: maybe a repository, maybe others within."""

    is_repository: bool
    children: tuple[str, ...]
    last: str
    more: bool


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a walk through all names is to remember.

    Attributes:
        batch: How many folders are listed at once.
        window: The keys that were listed lately, where the store has no folders.
    """

    batch: int
    window: KeyWindow


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
        self._sign = folder
        self._root = root

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
        names: list[RepositoryName] = []
        batch = _BATCH if shown is not None else min(limit + 1, _BATCH)
        async for name in self._parsed(after, batch):
            if shown is not None and not await shown(name):
                continue
            if len(names) == limit:
                return NamesPage(tuple(names), more=True)
            names.append(name)
        return NamesPage(tuple(names), more=False)

    def all(self) -> AsyncIterator[RepositoryName]:
        """Give every name."""
        return self._parsed("", _BATCH)

    async def _parsed(self, after: str, batch: int) -> AsyncIterator[RepositoryName]:
        count = 0
        walk = _Walk(batch, KeyWindow(self._store, self._root))
        async for text in self._names("", after, walk):
            count += 1
            if not count % _PAUSE:
                await breathe(self._clock)
            try:
                yield RepositoryName.parse(text)
            except NameInvalid:
                continue  # somebody else's folder

    async def _names(  # noqa: C901 - one walk, best read in one piece
        self, folder: str, after: str, walk: _Walk
    ) -> AsyncIterator[str]:
        """Give the names below a folder, which has been cut off ``after``."""
        head, slash, rest = after.partition("/")
        if slash and _is_name(folder + head):  # else no name can begin with it
            async for name in self._names(f"{folder}{head}/", rest, walk):
                yield name
        found: dict[str, _Folder] = {}

        async def is_repository(leaf: str) -> bool:
            if leaf not in found:
                found[leaf] = await self._folder(f"{folder}{leaf}/")
            return found[leaf].is_repository

        order = NameOrder(is_repository)
        batches = self._batches(folder, head + slash, walk.batch)
        if self._store.flat:
            batches = self._flat_batches(folder, head + slash, walk.window)
        async for looked in batches:
            found = looked
            for child in tuple(looked):
                for leaf in await order.due(child):
                    if leaf > after and await is_repository(leaf):
                        yield folder + leaf
                if found[child].children or found[child].more:
                    async for name in self._names(f"{folder}{child}/", "", walk):
                        yield name

    async def _batches(
        self, folder: str, after: str, batch: int
    ) -> AsyncIterator[dict[str, _Folder]]:
        """Give what lies directly in a folder, each with what lies in it."""
        more = True
        while more:
            found = await self._folder(folder, after, batch)
            if found.children:
                yield await self._look_at(folder, found.children)
            after, more = found.last, found.more

    async def _flat_batches(
        self, folder: str, after: str, window: KeyWindow
    ) -> AsyncIterator[dict[str, _Folder]]:
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
            page = await window.list(prefix, place)
            within: dict[str, set[str]] = {}
            for key in page.names:
                child, slash, rest = key.removeprefix(prefix).partition("/")
                if slash and child[:1] != "_":
                    head, below, _ = rest.partition("/")
                    within.setdefault(child, set()).add(head + below)
            found = {child: self._read(names) for child, names in within.items()}
            more = page.more
            if more:
                place = page.names[-1]
                child, slash, _ = place.removeprefix(prefix).partition("/")
                if child in found:
                    found[child] = await self._last(folder, child, place, found[child])
                    place = beyond(f"{prefix}{child}/")
                elif slash:  # what is not listed sorts together
                    place = f"{prefix}{_AFTER_OURS}"
            if found:
                yield found

    async def _last(
        self, folder: str, child: str, place: str, found: _Folder
    ) -> _Folder:
        """Give what lies in a folder whose keys were listed up to some place."""
        sign = f"{self._root}{folder}{child}/{self._sign}/"
        if found.is_repository or place > sign:
            return replace(found, more=True)
        return await self._folder(f"{folder}{child}/")

    async def _look_at(
        self, folder: str, children: Sequence[str]
    ) -> dict[str, _Folder]:
        found = await gatherResults(
            [
                Deferred.fromCoroutine(self._folder(f"{folder}{child}/"))
                for child in children
            ],
            consumeErrors=True,
        )
        return dict(zip(children, found, strict=True))

    async def _folder(
        self, folder: str, after: str = "", limit: int = _PEEK
    ) -> _Folder:
        prefix = self._root + folder
        page = await self._store.list(
            prefix,
            after=prefix + after if after else "",
            limit=limit,
            delimiter=True,
        )
        names = [name.removeprefix(prefix) for name in page.names]
        found = self._read(names, more=page.more)
        if page.more and not found.is_repository and await self._has_sign(prefix):
            found = replace(found, is_repository=True)
        return found

    def _read(self, names: Collection[str], *, more: bool = False) -> _Folder:
        """Understand the names of what lies directly in a folder, or the first."""
        return _Folder(
            is_repository=f"{self._sign}/" in names,
            children=tuple(
                name.removesuffix("/")
                for name in names
                if name.endswith("/") and not name.startswith("_")
            ),
            last=max(names, default=""),
            more=more,
        )

    async def _has_sign(self, prefix: str) -> bool:
        page = await self._store.list(
            prefix, after=f"{prefix}{self._sign}", limit=1, delimiter=True
        )
        return f"{prefix}{self._sign}/" in page.names


def _is_name(text: str) -> bool:
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        return False
    return True
