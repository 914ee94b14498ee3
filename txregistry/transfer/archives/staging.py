"""What came of an archive, where nobody sees it yet."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.logger import Logger

from txregistry.model.digest import CANONICAL, Digest
from txregistry.registry.blobs import Blobs
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, IStagingArea, StorageUnavailable
from txregistry.streams import IReader, read_all
from txregistry.transfer.archives.sums import ContentSums, Found

_EMPTY: Final = b""


@dataclass(frozen=True, slots=True)
class Staged:
    """Some content in a staging area.

    Attributes:
        area: Where it is; None where it has no bytes.
        found: What it is.
    """

    area: IStagingArea | None
    found: Found


class Keeping(Protocol):
    """A place for content of which it is not known yet what it is for."""

    async def add(
        self, reader: IReader, size: int, algorithm: str = CANONICAL
    ) -> Staged:
        """Take some content in.

        Args:
            reader: Gives it; it is not closed.
            size: Its bytes, all of which come or the reader raises.
            algorithm: By which it is to be named.
        """

    async def read(self, staged: Staged) -> bytes:
        """Read content whole; its size is known to be small."""


class Staging:
    """Keep content until it is known what it is for.

    Args:
        store: Where it is kept.
        blobs: What it may become.
        new_session: Makes names for it: random UUIDs.
        unpacked: Bytes that a layer may unpack to.
    """

    _log = Logger()

    def __init__(
        self,
        store: IObjectStore,
        blobs: Blobs,
        new_session: Callable[[], str],
        unpacked: int,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._new_session = new_session
        self._unpacked = unpacked
        self._areas: list[IStagingArea] = []
        self._committed: set[Digest] = set()

    async def add(
        self, reader: IReader, size: int, algorithm: str = CANONICAL
    ) -> Staged:
        """See `Keeping`."""
        sums = ContentSums(self._unpacked, algorithm)
        if not size:
            return Staged(None, sums.finish())
        area = self._store.stage(keys.single_upload(self._new_session()))
        self._areas.append(area)
        await area.append(reader, sums.update, size)
        return Staged(area, sums.finish())

    async def read(self, staged: Staged) -> bytes:
        """See `Keeping`."""
        if staged.area is None:
            return _EMPTY
        reader = await staged.area.open(0, staged.found.size)
        return await read_all(reader, staged.found.size) or _EMPTY

    async def commit(self, staged: Staged) -> None:
        """Make content a blob, which nobody has the right to yet."""
        stored = staged.found.stored
        if stored in self._committed:
            return
        if staged.area is None:
            await self._store.put(keys.blob(stored), _EMPTY)
        else:
            await staged.area.commit(keys.blob(stored))
        await self._blobs.vouch(stored)
        self._committed.add(stored)

    async def discard(self) -> None:
        """Forget all of it; what became a blob stays one."""
        areas, self._areas = self._areas, []
        for area in areas:
            try:
                await area.discard()
            except StorageUnavailable as error:  # expiry removes it, some day
                self._log.warn("{key} stays: {error}", key=area.key, error=str(error))
