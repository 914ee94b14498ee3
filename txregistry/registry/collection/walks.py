"""A walk through all blobs of a store, in the order of their digests."""

from collections.abc import AsyncIterator
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txregistry.model.digest import CANONICAL
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import BLOBS
from txregistry.storage.kinds import Blob, recognize
from txregistry.tasks import breathe

_PAGE: Final = 500

Sizes = dict[bytes, int | None]
"""Blobs by the bytes of their digests, and their sizes; None where nobody has told."""


async def walk_blobs(
    store: IObjectStore, clock: IReactorTime
) -> AsyncIterator[tuple[int, Sizes]]:
    """Give all blobs, those together whose digests begin with the same byte.

    Others have their turn now and then.
    """
    prefix = f"{BLOBS}{CANONICAL}/"
    found: Sizes = {}
    number = 0
    after, more = "", True
    while more:
        page = await store.list(prefix, after=after, limit=_PAGE)
        for key in page.names:
            kind = recognize(key)
            if not isinstance(kind, Blob):
                continue  # somebody else's file
            data = bytes.fromhex(kind.digest.encoded)
            if found and data[0] != number:
                yield number, found
                found = {}
            number = data[0]
            found[data] = page.sizes.get(key)
        after, more = (page.names or [""])[-1], page.more
        await breathe(clock)
    if found:
        yield number, found
