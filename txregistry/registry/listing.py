"""Whole listings of what lies below a prefix, where that is known to be little."""

from typing import Final

from txregistry.storage.interfaces import IObjectStore, Key

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
