"""Repositories of which another registry decided who may have what is in them.

That is remembered in the store: were the rule taken away, what is cached would be
everybody's.
"""

import hashlib
from collections.abc import Collection
from typing import Final

from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, Key, NotFound, TooLarge

_LIMIT: Final = 1024
_PAGE: Final = 1000


async def remember_passed(store: IObjectStore, prefixes: Collection[str]) -> list[str]:
    """Remember how names begin of which another registry decides.

    Args:
        store: Where it is remembered.
        prefixes: How they begin, now: with a ``/`` at the end, or all names.

    Returns:
        How those begin of which one decided, and does no longer.

    Raises:
        StorageUnavailable: it cannot be remembered, or not be looked for.
    """
    for prefix in prefixes:
        number = hashlib.sha256(prefix.encode()).hexdigest()
        await store.put(keys.passed(number), prefix.encode(), if_absent=True)
    page = await store.list(keys.PASSED, limit=_PAGE)
    found = []
    for name in page.names:
        try:
            data = await store.get(Key(name), _LIMIT)
        except (NotFound, TooLarge):
            continue
        found.append(data.decode(errors="replace"))
    return sorted(set(found) - set(prefixes))
