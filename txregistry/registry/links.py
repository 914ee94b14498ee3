"""Links: small objects whose content is a digest.

A link that is empty or malformed counts as absent: it is what a crash of some other
program left. It is logged, so that somebody can mend it.
"""

from twisted.logger import Logger

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge
from txregistry.storage.keys import LINK_LIMIT

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


async def write_link(store: IObjectStore, key: Key, target: Digest) -> None:
    """Write a link, after its target: the digest's text and nothing more."""
    await store.put(key, str(target).encode("ascii"))
