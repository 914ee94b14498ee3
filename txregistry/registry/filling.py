"""A blob on its way into the store, which can be read while it comes.

Whoever asks for it reads what is there already and waits for the rest. A reader that
leaves does not stop it; one that is slow does not hold it up. Where a store gives
nothing back before it has all, the bytes are spooled on this machine's disk meanwhile.
"""

from collections.abc import Awaitable, Callable

from zope.interface import implementer

from txregistry.model.digest import CANONICAL, Digest, new_hashing
from txregistry.model.errors import DigestInvalid
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore, IStagingArea
from txregistry.storage.spool import Spool
from txregistry.streams import CHUNK, IPieces, IReader, read_pieces
from txregistry.tasks import Bell, Blocking


class Filling:
    """One blob that is being stored.

    Args:
        store: Where it goes.
        area: Where it is staged; it is discarded at the end.
        source: Where it comes from; it is closed at the end.
        blocking: Where disk work goes.
        wanted: The digest that it must have; None where that is not known.
        expected: Its bytes, where that is known: a hint.
    """

    def __init__(
        self,
        store: IObjectStore,
        area: IStagingArea,
        source: IReader,
        blocking: Blocking,
        wanted: Digest | None = None,
        expected: int | None = None,
    ) -> None:
        self._store = store
        self._area = area
        self._source = source
        self._expected = expected
        self._wanted = wanted
        self._sum = new_hashing()
        self._sum_wanted = None
        if wanted is not None and wanted.algorithm != CANONICAL:
            self._sum_wanted = new_hashing(wanted.algorithm)
        self._spool = None if area.growing else Spool(blocking)
        self._there = 0
        self._stored: Digest | None = None
        self._failure: BaseException | None = None
        self._over = False
        self._bell = Bell()

    async def run(self, keep: Callable[[Digest], Awaitable[None]]) -> Digest:
        """Store everything.

        Args:
            keep: Called when the blob lies under its digest, before anybody is told.

        Returns:
            The digest under which it is stored.

        Raises:
            DigestInvalid: it has another digest than the one that is wanted.
            Exception: whatever the source or the store raises; readers get it too.
        """
        try:
            source = _Watched(self._source, self._arrived, self._spool)
            await self._area.append(source, self._see, self._expected)
            digest = Digest(CANONICAL, self._sum.hexdigest())
            self._check(digest)
            if self._there:
                await self._area.commit(keys.blob(digest))
            else:
                await self._store.put(keys.blob(digest), b"")
            await keep(digest)
        except BaseException as failure:
            self._failure = failure
            raise
        else:
            self._stored = digest
            return digest
        finally:
            self._bell.ring()
            try:
                if self._spool is not None:
                    self._spool.close()
                await self._source.close()
                await self._area.discard()
            finally:
                self._over = True
                self._bell.ring()

    async def ended(self) -> None:
        """Wait until it is stored, or broken off."""
        while self._stored is None and self._failure is None:
            await self._bell.wait()

    async def follow(self, hear: Callable[[int], None]) -> None:
        """Wait until it is stored, and all is done, without reading it.

        Args:
            hear: Is told time and again how many bytes are there.

        Raises:
            Exception: whatever broke the filling off.
        """
        hear(self._there)
        while not self._over:
            await self._bell.wait()
            hear(self._there)
        if self._failure is not None:
            raise self._failure

    def reader(self, start: int = 0) -> IReader:
        """Read it from an offset on, as it comes.

        Where it must have some digest, nobody gets its last byte before it does.
        """
        return _FillingReader(self, start)

    async def open(self, start: int) -> IReader | None:
        """Open what is there from an offset on; wait until there is something.

        Returns:
            A reader; None at the end.

        Raises:
            Exception: whatever broke the filling off.
        """
        while start >= self._ready and self._stored is None and self._failure is None:
            await self._bell.wait()
        if self._failure is not None:  # what was there is gone with it
            raise self._failure
        ready = self._ready
        if start >= ready:
            return None
        if self._stored is not None:
            return await self._store.open(keys.blob(self._stored), start, ready)
        if self._spool is not None:
            return self._spool.open(start, ready)
        return await self._area.open(start, ready)

    @property
    def arrived(self) -> int:
        """How many bytes are there."""
        return self._there

    @property
    def _ready(self) -> int:
        """How many bytes may be given to others."""
        proven = self._wanted is None or self._stored is not None
        return self._there if proven else self._there - 1

    def _see(self, piece: bytes) -> None:
        self._sum.update(piece)
        if self._sum_wanted is not None:
            self._sum_wanted.update(piece)

    def _check(self, stored: Digest) -> None:
        wanted, actual = self._wanted, stored
        if wanted is not None and self._sum_wanted is not None:
            actual = Digest(wanted.algorithm, self._sum_wanted.hexdigest())
        if wanted is not None and actual != wanted:
            raise DigestInvalid(
                f"The bytes have the digest {actual}, not {wanted}.",
                {"digest": str(wanted), "actual": str(actual)},
            )

    def _arrived(self, size: int) -> None:
        """Take it that so many bytes can be read."""
        if size > self._there:
            self._there = size
            self._bell.ring()


@implementer(IPieces)
class _Watched:
    """Tell how much of what was read can be read by others.

    A staging area writes what it was given before it asks for more; but where that can
    be read only at the end, it is spooled.
    """

    def __init__(
        self, reader: IReader, written: Callable[[int], None], spool: Spool | None
    ) -> None:
        self._reader = reader
        self._written = written
        self._spool = spool
        self._given = 0

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`; who waits for the first bytes need not wait for many."""
        if self._spool is None:
            self._written(self._given)
        if self._given < CHUNK:
            least = 1
        pieces = await read_pieces(self._reader, limit, least)
        self._given += sum(map(len, pieces))
        if self._spool is not None and pieces:
            await self._spool.write(b"".join(pieces))
            self._written(self._given)
        return pieces

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()


@implementer(IReader)
class _FillingReader:
    """Read a filling as it comes."""

    def __init__(self, filling: Filling, start: int) -> None:
        self._filling = filling
        self._offset = start
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
