"""A store in which nothing that is written is collected the moment after."""

from collections.abc import Awaitable, Callable

from txregistry.model.digest import Digest
from txregistry.model.errors import DigestInvalid
from txregistry.registry.collection.condemned import LinkRole
from txregistry.registry.collection.sparing import Sparing
from txregistry.storage.interfaces import (
    IObjectStore,
    IStagingArea,
    Key,
    NotFound,
    StorageUnavailable,
)
from txregistry.storage.keys import BLOBS, REPOSITORIES, blob
from txregistry.storage.kinds import Blob, Link, recognize
from txregistry.storage.passing import PassingArea, PassingStore


class SparingStore(PassingStore):
    """Spare each blob and each link that is written, and what the link leads to.

    Whoever writes them need not know of collection then.

    Args:
        store: The store.
        sparing: Knows what is about to go.
    """

    def __init__(self, store: IObjectStore, sparing: Sparing) -> None:
        super().__init__(store)
        self._sparing = sparing

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""
        await self._spare(key, data)
        return await super().put(key, data, if_absent=if_absent)

    def stage(self, key: Key, final: Key | None = None) -> IStagingArea:
        """See `IObjectStore`."""
        return _SparingArea(super().stage(key, final), self._spare)

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


class _SparingArea(PassingArea):
    """A staging area whose bytes are spared when they become a blob."""

    def __init__(
        self, area: IStagingArea, spare: Callable[[Key], Awaitable[None]]
    ) -> None:
        super().__init__(area)
        self._spare = spare

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        await self._spare(key)
        await super().commit(key)
