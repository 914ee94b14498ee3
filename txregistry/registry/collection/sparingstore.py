"""A store in which nothing that is written is collected the moment after."""

from collections.abc import Awaitable, Callable, Iterable

from zope.interface import implementer

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.registry.collection.condemned import LinkRole
from txregistry.registry.collection.sparing import Sparing
from txregistry.storage.interfaces import (
    Health,
    Held,
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    Page,
    Stat,
    StorageUnavailable,
)
from txregistry.storage.keys import BLOBS, REPOSITORIES, blob
from txregistry.storage.kinds import Blob, Link, recognize
from txregistry.streams import IReader


@implementer(IObjectStore)
class SparingStore:
    """Spare each blob and each link that is written, and what the link leads to.

    Whoever writes them need not know of collection then.

    Args:
        store: The store.
        sparing: Knows what is about to go.
    """

    def __init__(self, store: IObjectStore, sparing: Sparing) -> None:
        self._store = store
        self._sparing = sparing
        self.flat = store.flat

    async def stat(self, key: Key) -> Stat:
        """See `IObjectSource`."""
        return await self._store.stat(key)

    async def get(self, key: Key, limit: int) -> bytes:
        """See `IObjectSource`."""
        return await self._store.get(key, limit)

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""
        return await self._store.open(key, start, stop)

    async def list(
        self, prefix: str, *, after: str = "", limit: int, delimiter: bool = False
    ) -> Page:
        """See `IObjectSource`."""
        return await self._store.list(
            prefix, after=after, limit=limit, delimiter=delimiter
        )

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        await self._spare(key, data)
        return await self._store.put(key, data, if_absent=if_absent)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _SparingArea(self._store.stage(key, final), self._spare)

    async def delete(self, keys: Iterable[Key]) -> None:
        """See `IObjectStore`."""
        await self._store.delete(keys)

    async def redirect(self, key: Key, method: str, lifetime: float) -> str | None:
        """See `IObjectStore`."""
        return await self._store.redirect(key, method, lifetime)

    async def check(self) -> Health:
        """See `IObjectStore`."""
        return await self._store.check()

    async def sweep(self, age: float, *, dry_run: bool = False) -> int:
        """See `IObjectStore`."""
        return await self._store.sweep(age, dry_run=dry_run)

    async def _spare(self, key: Key, data: bytes = b"") -> None:
        if not key.startswith((REPOSITORIES, BLOBS)):
            return
        found = recognize(key)
        if isinstance(found, Blob):
            await self._sparing.blob(found.digest)
        if isinstance(found, Link) and found.role in {"layer", "revision"}:
            role: LinkRole = "layers" if found.role == "layer" else "revisions"
            await self._sparing.link(found.repository, role, found.digest)
            try:
                target = Digest.parse(data.decode("ascii"))
            except (DigestInvalid, UnicodeDecodeError):
                return  # it leads nowhere
            if await self._sparing.blob(target) and not await self._has(target):
                raise StorageUnavailable(
                    f"{target} was collected a moment ago; it has to be sent again"
                )

    async def _has(self, digest: Digest) -> bool:
        try:
            await self._store.stat(blob(digest))
        except NotFound:
            return False
        return True


@implementer(IStagingArea)
class _SparingArea:
    """A staging area whose bytes are spared when they become a blob."""

    def __init__(
        self, area: IStagingArea, spare: Callable[[Key], Awaitable[None]]
    ) -> None:
        self._area = area
        self._spare = spare
        self.key = area.key
        self.lasting = area.lasting
        self.growing = area.growing

    async def size(self) -> int:
        """See `IStagingArea`."""
        return await self._area.size()

    async def held(self) -> Held:
        """See `IStagingArea`."""
        return await self._area.held()

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`."""
        return await self._area.append(source, observe, expected, mark)

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        return await self._area.open(start, stop)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await self._spare(key)
        await self._area.commit(key)

    async def discard(self) -> None:
        """See `IStagingArea`."""
        await self._area.discard()
