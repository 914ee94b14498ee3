"""Keys that are made once and kept in the store, so that all nodes have the same."""

import secrets
from typing import Final

from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, NotFound, TooLarge

_SIZE: Final = 32
_LIMIT: Final = 1024


async def find_secret(store: IObjectStore, purpose: str) -> bytes:
    """Give the secret for a purpose; the first who asks for it makes it.

    Args:
        store: Where it is kept.
        purpose: What it is for: one word.

    Returns:
        32 random bytes.

    Raises:
        ValueError: something else lies in its place.
    """
    key = keys.secret(purpose)
    try:
        found = await store.get(key, _LIMIT)
    except NotFound:
        await store.put(key, secrets.token_bytes(_SIZE), if_absent=True)
        found = await store.get(key, _LIMIT)
    except TooLarge:
        found = b""
    if len(found) != _SIZE:
        raise ValueError(f"The secret for {purpose} is damaged: remove {key}.")
    return found
