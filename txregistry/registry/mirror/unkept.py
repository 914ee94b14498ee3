"""Blobs for which there is no room here: passed through, and verified on the way."""

from dataclasses import dataclass

from zope.interface import implementer

from txregistry.auth.interfaces import Credentials
from txregistry.client.upstreams.interfaces import UpstreamFault
from txregistry.model.digest import Digest, new_hashing
from txregistry.model.errors import BlobUnknown, DigestInvalid
from txregistry.registry.mirror.failures import failure_of, lie_of
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.storage.interfaces import StorageFull
from txregistry.streams import CHUNK, IReader, read_pieces, take_each
from txregistry.tasks import Blocking


@dataclass(frozen=True, slots=True)
class RemoteBlob:
    """A blob of another registry, of which what is wanted is passed through.

    Attributes:
        rule: Of which registry.
        name: The repository there.
        digest: The blob.
        size: Its bytes.
        caller: By whose credentials it is had; None for ours.
        blocking: Where hashing goes.
    """

    rule: MirrorRule
    name: str
    digest: Digest
    size: int
    caller: Credentials | None
    blocking: Blocking

    async def open(self, start: int, stop: int) -> IReader:
        """See `PulledBlob`; the whole of it is verified, its end held back for that."""
        if start == 0 and stop == self.size:
            return await self.open_rest(0)
        reader = await self._open(start)
        return Limited(reader, stop - start, self.rule.upstream.name)

    async def open_rest(self, start: int) -> IReader:
        """Open it from an offset to its end, which is held back until all is verified.

        What comes before the offset is had once more.
        """
        reader = _Verified(await self._open(0), self, start)
        return Limited(reader, self.size - start, self.rule.upstream.name)

    async def elsewhere(self) -> str | None:
        """See `PulledBlob`."""
        return None

    async def _open(self, start: int) -> IReader:
        try:
            opened = await self.rule.upstream.open_blob(
                self.name, self.digest, start, self.caller, self.size, passed=True
            )
        except UpstreamFault as fault:
            raise failure_of(fault) from fault
        if opened is None:
            raise BlobUnknown("The blob was deleted a moment ago.")
        return opened.reader


@implementer(IReader)
class Limited:
    """Give so many bytes of what another reader gives, and close it after the last.

    Whoever takes the last of it may do so slowly.

    Args:
        reader: The other one.
        left: The bytes.
        upstream: Where they come from.
    """

    def __init__(self, reader: IReader, left: int, upstream: str) -> None:
        self._reader = reader
        self._left = left
        self._upstream = upstream

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            UpstreamSilent: the other registry broke off.
            UpstreamInvalid: it gave something else.
        """
        if self._left <= 0:
            return b""
        try:
            data = await self._reader.read(min(limit, self._left))
        except UpstreamFault as fault:
            raise failure_of(fault) from fault
        except DigestInvalid as error:
            raise lie_of(self._upstream) from error
        self._left -= len(data)
        if self._left <= 0:
            await self.close()
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()


@implementer(IReader)
class _Verified:
    """Give a blob from an offset on; its last piece only if all has its digest."""

    def __init__(self, reader: IReader, blob: RemoteBlob, skipped: int) -> None:
        self._reader = reader
        self._blob = blob
        self._skipped = skipped
        self._left = blob.size
        self._hashing = new_hashing(blob.digest.algorithm)

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            UpstreamInvalid: it has another digest.
        """
        while True:
            data = await self._read(limit)
            if not data or len(data) > self._skipped:
                break
            self._skipped -= len(data)
        data, self._skipped = data[self._skipped :], 0
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()

    async def _read(self, limit: int) -> bytes:
        pieces = await read_pieces(self._reader, limit, min(limit, CHUNK))
        if pieces:
            await self._blob.blocking(take_each, self._hashing.update, pieces)
        data = b"".join(pieces)
        self._left -= len(data)
        if (self._left <= 0 or not data) and (
            self._hashing.hexdigest() != self._blob.digest.encoded
        ):
            raise lie_of(self._blob.rule.upstream.name)
        return data


@implementer(IReader)
class Falling:
    """Give what is on its way here; or what is passed through, if that has no room.

    Args:
        reader: What is on its way, from an offset on.
        remote: The same, elsewhere.
        start: The offset.
        stop: Up to where it is read.
    """

    def __init__(
        self, reader: IReader, remote: RemoteBlob, start: int, stop: int
    ) -> None:
        self._reader = reader
        self._remote = remote
        self._start = start
        self._at = start
        self._stop = stop

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        try:
            data = await self._reader.read(limit)
        except StorageFull:
            await self._reader.close()
            if self._start == 0 and self._stop == self._remote.size:
                self._reader = await self._remote.open_rest(self._at)
            else:
                self._reader = await self._remote.open(self._at, self._stop)
            data = await self._reader.read(limit)
        self._at += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
