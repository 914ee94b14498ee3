"""A store over objects that are only read."""

from collections.abc import Iterable

from zope.interface import implementer

from txregistry.storage.interfaces import (
    Health,
    IObjectStore,
    IStagingArea,
    Key,
    StorageUnavailable,
)
from txregistry.storage.passing import PassingSource


@implementer(IObjectStore)
class ReadOnlyObjectStore(PassingSource):
    """Read objects; refuse to write any.

    Args:
        source: Where they are.
    """

    flat = False
    folders = None

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
