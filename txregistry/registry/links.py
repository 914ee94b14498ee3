"""Links: small objects whose content is a digest.

A link that is empty or malformed counts as absent: it is what a crash of some other
program left. It is logged, so that somebody can mend it.
"""

from twisted.logger import Logger

from txregistry.model.digest import ALGORITHMS, CANONICAL, Digest
from txregistry.model.errors import DigestInvalid
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge
from txregistry.storage.keys import LINK_LIMIT, link, reference_digest

_log = Logger()


async def read_link(store: IObjectStore, key: Key) -> Digest | None:
    """Follow a link; None where there is none that can be read."""
    try:
        data = await store.get(key, LINK_LIMIT)
    except NotFound:
        return None
    except TooLarge:
        _log.warn("The link {key} is too long; it counts as absent", key=key)
        return None
    try:
        return Digest.parse(data.decode("ascii"))
    except (DigestInvalid, UnicodeDecodeError):
        _log.warn("The link {key} is malformed; it counts as absent", key=key)
        return None


async def same_content(
    store: IObjectStore, folder: str, digest: Digest
) -> dict[Digest, Key]:
    """Find all names that a repository has for the content of a digest.

    Args:
        store: Where the links are.
        folder: The prefix of the repository's links, below which they lie by algorithm.
        digest: One of the names.

    Returns:
        The links by their names; empty where the content is not there.
    """
    stored = await read_link(store, link(folder, digest))
    if stored is None:
        return {}
    found = {each: link(folder, each) for each in (digest, stored)}
    for algorithm in ALGORITHMS:
        if algorithm == CANONICAL:
            continue
        after, more = "", True
        while more:
            page = await store.list(f"{folder}{algorithm}/", after=after, limit=1000)
            for key in map(Key, page.names):
                try:
                    each = reference_digest(folder, key)
                except DigestInvalid:
                    continue  # somebody else's file
                if await read_link(store, key) == stored:
                    found[each] = key
            after, more = (page.names or [""])[-1], page.more
    return found


async def write_link(store: IObjectStore, key: Key, target: Digest) -> None:
    """Write a link, after its target: the digest's text and nothing more."""
    await store.put(key, str(target).encode("ascii"))
