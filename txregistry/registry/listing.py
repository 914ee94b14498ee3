"""Whole listings of what lies below a prefix, where that is known to be little."""

from collections.abc import Mapping, Sequence
from typing import Final

from zope.interface import implementer

from txregistry.storage.interfaces import IFolders, IObjectStore, IProof, Key

_BATCH: Final = 1000


async def objects(
    store: IObjectStore, prefix: str, *, delimiter: bool = False
) -> list[Key]:
    """Give all keys below a prefix; with a delimiter, groups by their whole names."""
    found: list[Key] = []
    after, more = "", True
    while more:
        page = await store.list(prefix, after=after, limit=_BATCH, delimiter=delimiter)
        found += map(Key, page.names)
        after, more = (page.names or [""])[-1], page.more
    return found


async def groups(store: IObjectStore, prefix: str) -> list[str]:
    """Give the names of what is directly below a prefix."""
    found = await objects(store, prefix, delimiter=True)
    return [each.removeprefix(prefix).rstrip("/") for each in found]


@implementer(IFolders)
class ListedFolders:
    """Folders of a store that has some, and lists them by pages.

    Args:
        store: The store.
    """

    def __init__(self, store: IObjectStore) -> None:
        self._store = store

    async def names(self, prefixes: Sequence[str]) -> Sequence[Sequence[str]]:
        """See `IFolders`."""
        found = []
        for prefix in prefixes:
            listed = await objects(self._store, prefix, delimiter=True)
            found.append([each.removeprefix(prefix) for each in listed])
        return found

    def proof(self, listings: Mapping[str, Sequence[str]]) -> IProof | None:
        """See `IFolders`: to list again is all that proves anything."""
        del listings
        return None


def folders_of(store: IObjectStore) -> IFolders | None:
    """Give the folders of a store; None where it has none."""
    if store.flat:
        return None
    folders: IFolders | None = store.folders
    return ListedFolders(store) if folders is None else folders
