"""Walks through the links of a repository, whatever else lies between them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import CANONICAL, Digest
from txregistry.registry.links import read_link
from txregistry.storage.interfaces import IObjectStore, Key
from txregistry.storage.kinds import Link, recognize
from txregistry.tasks import breathe

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class FoundLink:
    """A link.

    Attributes:
        kind: What it is.
        stored: Where it leads: the digest under which that lies in the store; None
            where it leads nowhere.
    """

    kind: Link
    stored: Digest | None


async def walk_keys(
    store: IObjectStore, prefix: str, clock: IReactorTime
) -> AsyncIterator[Key]:
    """Give all keys below a prefix; others have their turn now and then."""
    after, more = "", True
    while more:
        page = await store.list(prefix, after=after, limit=_PAGE)
        for key in page.names:
            yield Key(key)
        after, more = (page.names or [""])[-1], page.more
        await breathe(clock)


async def walk_links(
    store: IObjectStore, prefix: str, clock: IReactorTime
) -> AsyncIterator[FoundLink]:
    """Give all links below a prefix.

    The name of content in SHA-256 is where it lies, so that only links with other names
    are read.
    """
    async for key in walk_keys(store, prefix, clock):
        kind = recognize(key)
        if not isinstance(kind, Link):
            continue  # somebody else's file
        stored: Digest | None = kind.digest
        if kind.digest.algorithm != CANONICAL or kind.role == "form":
            stored = await read_link(store, key)
        yield FoundLink(kind, stored)
