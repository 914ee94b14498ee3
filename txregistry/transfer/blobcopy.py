"""Copy blobs from one store to another, each proven on its way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from zope.interface import implementer

from txregistry.model.digest import Digest, new_hashing
from txregistry.storage import keys
from txregistry.storage.interfaces import (
    IObjectSource,
    IObjectStore,
    Key,
    NotFound,
)
from txregistry.streams import IPieces, IReader, read_pieces, read_through
from txregistry.tasks import Blocking
from txregistry.transfer.copyreport import CopyReport, Sort
from txregistry.transfer.damage import Damaged
from txregistry.transfer.keymemory import KeyMemory

_UNDER_WAY: Final = 1000
"""Keys of what is being copied: many times what can be at the same time."""


class Missing(Exception):
    """What something leads to cannot be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a copy is from and where it goes to.

    Attributes:
        source: What is copied; it is only read, and others may change it meanwhile.
        there: What is already where it goes.
        target: The same place, to be written; None: nothing is changed.
        report: Where it is told what became of it.
        known: Keys of what is known to be there.
        begun: Keys of what is being copied, or was.
    """

    source: IObjectSource
    there: IObjectSource
    target: IObjectStore | None
    report: CopyReport
    known: KeyMemory = field(default_factory=KeyMemory)
    begun: KeyMemory = field(default_factory=lambda: KeyMemory(_UNDER_WAY))

    def settle(self, key: Key, sort: Sort) -> None:
        """Take it that something is there, and count it once.

        Who finds it there may be the first to tell, while who copied it waits still.
        """
        if self.known.add(key):
            copied, present = self.report.copied, self.report.present
            (copied if key in self.begun else present).count(sort)


class BlobCopy:
    """Copy blobs.

    Args:
        ends: From where to where.
        blocking: Where bytes are hashed that are not copied.
        passing: Called with the number of bytes of each piece that is read.
        verify: Whether what is there already is read, too.
        new_session: Makes names for blobs on their way: random UUIDs.
    """

    def __init__(
        self,
        ends: Ends,
        blocking: Blocking,
        passing: Callable[[int], None],
        new_session: Callable[[], str],
        *,
        verify: bool,
    ) -> None:
        self._ends = ends
        self._blocking = blocking
        self._passing = passing
        self._new_session = new_session
        self._verify = verify
        self._condemned = KeyMemory()

    async def bring(self, digest: Digest) -> bool:
        """Let the target have a blob.

        Returns:
            Whether it has it: not, if the blob is damaged, which is told, or deleted.
        """
        ends, key = self._ends, keys.blob(digest)
        try:
            size = (await ends.source.stat(key)).size
            found = await self._look(key, digest, size)
            if found == "sound":
                ends.settle(key, "blobs")
                return True
            ends.begun.add(key)
            if ends.target is not None:
                await self._copy(ends.target, digest, size)
        except NotFound:
            return False  # it was deleted a moment ago
        except Damaged as error:
            self._condemned.add(key)
            ends.report.leave_out("damaged", key, str(error))
            return False
        ends.report.bytes += size
        ends.report.mended += found == "rotten"
        ends.settle(key, "blobs")
        return True

    async def need(self, digest: Digest) -> None:
        """See that the target has a blob, before something leads there.

        Raises:
            Missing: it cannot have it.
        """
        ends, key = self._ends, keys.blob(digest)
        if key in ends.known:
            return
        holder = ends.source if ends.target is None else ends.there
        try:
            await holder.stat(key)
        except NotFound:
            pass
        else:
            ends.known.add(key)
            return
        if key in self._condemned:
            raise Missing(f"the blob {digest} is damaged")
        if ends.target is None or not await self.bring(digest):
            raise Missing(f"there is no blob {digest}")

    async def _look(
        self, key: Key, digest: Digest, size: int
    ) -> Literal["absent", "sound", "rotten"]:
        """Look at what the target has."""
        try:
            if (await self._ends.there.stat(key)).size != size:
                return "rotten"
            if not self._verify:
                return "sound"
            reader = await self._ends.there.open(key, 0, size)
        except NotFound:
            return "absent"
        heard, hashing = _Heard(reader, self._passing), new_hashing(digest.algorithm)
        await read_through(heard, self._blocking, hashing.update)
        return "sound" if hashing.hexdigest() == digest.encoded else "rotten"

    async def _copy(self, target: IObjectStore, digest: Digest, size: int) -> None:
        """Copy a blob straight to its key; nobody sees it before it is proven.

        Raises:
            Damaged: it is not what its digest says.
        """
        key = keys.blob(digest)
        reader = _Heard(await self._ends.source.open(key, 0, size), self._passing)
        hashing = new_hashing(digest.algorithm)
        area = target.stage(keys.single_upload(self._new_session()), key)
        try:
            if size:
                taken = await area.append(reader, hashing.update, size)
                if taken != size:
                    raise Damaged(f"{taken} bytes could be read of {size}")
            if hashing.hexdigest() != digest.encoded:
                actual = Digest(digest.algorithm, hashing.hexdigest())
                raise Damaged(f"its {size} bytes have the digest {actual}")
            if size:
                await area.commit(key)
            else:
                await target.put(key, b"")
        finally:
            await reader.close()
            await area.discard()


@implementer(IPieces)
class _Heard:
    """A reader of which somebody hears how much it gave."""

    def __init__(self, reader: IReader, passing: Callable[[int], None]) -> None:
        self._reader = reader
        self._passing = passing

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(limit)
        self._passing(len(data))
        return data

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`."""
        pieces = await read_pieces(self._reader, limit, least)
        self._passing(sum(map(len, pieces)))
        return pieces

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
