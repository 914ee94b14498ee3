"""A store over objects that are only read."""

from collections.abc import Iterable

from zope.interface import implementer

from txregistry.storage.interfaces import (
    Health,
    IObjectSource,
    IObjectStore,
    IStagingArea,
    Key,
    Page,
    Stat,
    StorageUnavailable,
)
from txregistry.streams import IReader


@implementer(IObjectStore)
class ReadOnlyObjectStore:
    """Read objects; refuse to write any.

    Args:
        source: Where they are.
    """

    flat = False

    def __init__(self, source: IObjectSource) -> None:
        self._source = source

    async def stat(self, key: Key) -> Stat:
        """See `IObjectStore`."""
        found: Stat = await self._source.stat(key)
        return found

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectStore`."""
        data: bytes = await self._source.get(key, limit)
        return data

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectStore`."""
        reader: IReader = await self._source.open(key, start, stop)
        return reader

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectStore`."""
        found: Page = await self._source.list(
            prefix, after=after, limit=limit, delimiter=delimiter
        )
        return found

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`.

        Raises:
            StorageUnavailable: always.
        """
        del data, if_absent
        raise _refusal(key)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`.

        Raises:
            StorageUnavailable: always.
        """
        del final
        raise _refusal(key)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`.

        Raises:
            StorageUnavailable: there is something to delete.
        """
        for key in keys:
            raise _refusal(key)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        del key, method, lifetime
        return None

    async def check(self) -> Health:
        """See `IObjectStore`."""
        return Health(free=0)

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`: nothing is ever begun here."""
        del age, dry_run
        return 0


def _refusal(key: str) -> StorageUnavailable:
    return StorageUnavailable(f"{key} cannot be written: the store is only read")
