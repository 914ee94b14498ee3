"""A blob on its way into the store, which can be read while it comes.

Whoever asks for it reads what is there already and waits for the rest. A reader that
leaves does not stop it; one that is slow does not hold it up.
"""

from collections.abc import Awaitable, Callable

from zope.interface import implementer

from txregistry.model.digest import CANONICAL, Digest, new_hashing
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, IStagingArea
from txregistry.streams import IReader
from txregistry.tasks import Bell


class Filling:
    """One blob that is being stored.

    Args:
        store: Where it goes.
        area: Where it is staged; it is discarded at the end.
        source: Where it comes from; it is closed at the end.
    """

    def __init__(
        self, store: IObjectStore, area: IStagingArea, source: IReader
    ) -> None:
        self._store = store
        self._area = area
        self._source = source
        self._hashing = new_hashing()
        self._there = 0
        self._stored: Digest | None = None
        self._failure: BaseException | None = None
        self._bell = Bell()

    async def run(self, keep: Callable[[Digest], Awaitable[None]]) -> Digest:
        """Store everything.

        Args:
            keep: Called when the blob lies under its digest, before anybody is told.

        Returns:
            Its digest.

        Raises:
            Exception: whatever the source or the store raises; readers get it too.
        """
        try:
            source = _Watched(self._source, self._arrived)
            await self._area.append(source, self._hashing.update, None)
            digest = Digest(CANONICAL, self._hashing.hexdigest())
            await self._area.commit(keys.blob(digest))
            await keep(digest)
        except BaseException as failure:
            self._failure = failure
            raise
        else:
            self._stored = digest
            return digest
        finally:
            self._bell.ring()
            await self._source.close()
            await self._area.discard()

    async def ended(self) -> None:
        """Wait until it is stored, or broken off."""
        while self._stored is None and self._failure is None:
            await self._bell.wait()

    def reader(self) -> IReader:
        """Read it from its first byte, as it comes."""
        return _FillingReader(self)

    async def open(self, start: int) -> IReader | None:
        """Open what is there from an offset on; wait until there is something.

        Returns:
            A reader; None at the end.

        Raises:
            Exception: whatever broke the filling off.
        """
        while start >= self._there and self._stored is None and self._failure is None:
            await self._bell.wait()
        if self._failure is not None:  # what was there is gone with it
            raise self._failure
        if start >= self._there:
            return None
        if self._stored is not None:
            return await self._store.open(keys.blob(self._stored), start, self._there)
        return await self._area.open(start, self._there)

    def _arrived(self, size: int) -> None:
        """Take it that so many bytes are in the area."""
        if size > self._there:
            self._there = size
            self._bell.ring()


@implementer(IReader)
class _Watched:
    """Tell how much was written of what was read.

    A staging area writes what it was given before it asks for more.
    """

    def __init__(self, reader: IReader, written: Callable[[int], None]) -> None:
        self._reader = reader
        self._written = written
        self._given = 0

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        self._written(self._given)
        data = await self._reader.read(limit)
        self._given += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()


@implementer(IReader)
class _FillingReader:
    """Read a filling as it comes."""

    def __init__(self, filling: Filling) -> None:
        self._filling = filling
        self._offset = 0
        self._part: IReader | None = None

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            Exception: whatever broke the filling off.
        """
        while True:
            if self._part is None:
                self._part = await self._filling.open(self._offset)
                if self._part is None:
                    return b""
            data = await self._part.read(limit)
            if data:
                self._offset += len(data)
                return data
            await self.close()

    async def close(self) -> None:
        """See `IReader`."""
        part, self._part = self._part, None
        if part is not None:
            await part.close()
