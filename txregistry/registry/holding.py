"""Which of many links a repository has: asked of the store, for all at once.

Where each look costs a request, a listing tells of hundreds of them. It is taken at its
word for what it has, whole links of the length that they must have; whatever it does
not have is looked at by itself, as some stores list late what was just written.
"""

from collections.abc import Sequence
from typing import Final

from txregistry.model.digest import CANONICAL, Digest
from txregistry.registry.links import read_link
from txregistry.storage.interfaces import IObjectStore
from txregistry.storage.keys import link
from txregistry.tasks import side_by_side

_PAGE: Final = 999
"""Links that are listed at once: one request of S3, which also tells of more."""
_WORTH: Final = 12
"""Links that a listing has to tell of, to be worth more than a look at each."""
_AT_ONCE: Final = 8


async def held(
    store: IObjectStore, folder: str, digests: Sequence[Digest]
) -> set[Digest]:
    """Say which links there are.

    Args:
        store: Where they are.
        folder: The prefix below which they lie by algorithm.
        digests: What they are called.
    """

    async def look(digest: Digest) -> bool:
        return await read_link(store, link(folder, digest)) is not None

    if not store.flat:  # most are in memory
        return {digest for digest in digests if await look(digest)}
    found, left = await _listed(store, folder, sorted(set(digests), key=str))
    there = await side_by_side(look, left, _AT_ONCE)
    found.update(each for each, is_there in zip(left, there, strict=True) if is_there)
    return found


async def _listed(
    store: IObjectStore, folder: str, digests: Sequence[Digest]
) -> tuple[set[Digest], list[Digest]]:
    """List links, as long as that tells of many.

    Returns:
        Those that there are, and those that are to be looked at.
    """
    found: set[Digest] = set()
    left: list[Digest] = []
    place = 0
    while len(digests) - place >= _WORTH:
        first = f"{folder}{digests[place].algorithm}/{digests[place].encoded}"
        page = await store.list(folder, after=first, limit=_PAGE)
        names, start = set(page.names), place
        last = page.names[-1] if page.more else ""
        while place < len(digests):
            digest = digests[place]
            key = link(folder, digest)
            if last and key > last:
                break
            size = page.sizes.get(key, len(str(digest)))
            whole = digest.algorithm == CANONICAL and size == len(str(digest))
            if key in names and whole:
                found.add(digest)
            else:
                left.append(digest)
            place += 1
        if place - start < _WORTH:
            break
    return found, [*left, *digests[place:]]
