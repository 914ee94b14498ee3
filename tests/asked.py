"""A store that tells what it was asked."""

from typing import Any

from txregistry.storage.interfaces import Key, Page
from txregistry.storage.memory import MemoryObjectStore


class AskedStore(MemoryObjectStore):
    """A store in memory that notes what it is asked for.

    Attributes:
        asked: Keys and prefixes, one for each look.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[str] = []

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        self.asked.append(key)
        return await super().get(key, limit)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        self.asked.append(prefix)
        return await super().list(prefix, after=after, limit=limit, delimiter=delimiter)
