"""What is known of the integrity of stored content, and a reader that finds out.

A reader never gets a complete answer with wrong bytes: content is hashed beside its
first transfer after a start, or after its file changed, and the last piece is held back
until the digest is proven. From then on a look at the file's identity is enough.
"""

from typing import Final

from twisted.logger import Logger
from zope.interface import implementer

from txregistry.model.digest import CANONICAL, Digest, Hashing, new_hashing
from txregistry.model.errors import BlobUnknown
from txregistry.storage.evidence import Witness
from txregistry.storage.interfaces import Stat
from txregistry.streams import (
    CHUNK,
    IReader,
    read_pieces,
    read_through,
    take_each,
)
from txregistry.tasks import Blocking

_REMEMBERED: Final = 50_000


class Integrity:
    """Remember which content was proven, and which was found to be rotten.

    Args:
        blocking: Where hashing goes.
        witness: Is told when something is found to be rotten: no file shows that.

    Attributes:
        blocking: The same.
    """

    _log = Logger()

    def __init__(self, blocking: Blocking, witness: Witness | None = None) -> None:
        self.blocking = blocking
        self._witness = witness or Witness()
        # Compact, as there are many: bytes of digests, and the identity as a number.
        self._verdicts: dict[bytes, int] = {}

    def vouch(self, digest: Digest, stat: Stat) -> None:
        """Take it that this content has its digest."""
        self._remember(digest, stat, sound=True)

    def condemn(self, digest: Digest, stat: Stat) -> None:
        """Take it that this content is rotten: it is no longer served."""
        self._log.error(
            "The content of {digest} is damaged in the store; it is not served until "
            "it is pushed again",
            digest=str(digest),
        )
        self._remember(digest, stat, sound=False)
        self._witness.overturn()

    def verdict(self, digest: Digest, stat: Stat) -> bool | None:
        """Say whether content is sound; None where that is not known."""
        key = bytes.fromhex(digest.encoded)
        found = self._verdicts.get(key)
        if found is None or found >> 1 != hash(stat.identity):
            return None
        del self._verdicts[key]
        self._verdicts[key] = found  # it is the latest now
        return bool(found & 1)

    def check(self, digest: Digest, stat: Stat, reader: IReader) -> IReader:
        """Let content be checked while it is read, from its first byte to its last."""
        return _CheckedReader(reader, digest, stat, self, self.blocking)

    async def hash(self, reader: IReader, algorithm: str = CANONICAL) -> Hashing:
        """Hash everything that a reader gives, and close it."""
        hashing = new_hashing(algorithm)
        await read_through(reader, self.blocking, hashing.update)
        return hashing

    def _remember(self, digest: Digest, stat: Stat, *, sound: bool) -> None:
        key = bytes.fromhex(digest.encoded)
        self._verdicts.pop(key, None)
        self._verdicts[key] = hash(stat.identity) << 1 | sound
        if len(self._verdicts) > _REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]


@implementer(IReader)
class _CheckedReader:
    """Give what another reader gives; the end only if the whole has its digest."""

    def __init__(
        self,
        reader: IReader,
        digest: Digest,
        stat: Stat,
        integrity: Integrity,
        blocking: Blocking,
    ) -> None:
        self._reader = reader
        self._digest = digest
        self._stat = stat
        self._integrity = integrity
        self._blocking = blocking
        self._hashing = new_hashing(digest.algorithm)
        self._left = stat.size

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            BlobUnknown: the content is not what its name says.
        """
        # As much at once as may be: each job of a thread has its price.
        pieces = await read_pieces(self._reader, limit, min(limit, CHUNK))
        if pieces:
            await self._blocking(take_each, self._hashing.update, pieces)
        data = b"".join(pieces)
        self._left -= len(data)
        if self._left <= 0 or not data:
            if self._hashing.hexdigest() != self._digest.encoded:
                self._integrity.condemn(self._digest, self._stat)
                raise BlobUnknown("The content is damaged; push it again.")
            self._integrity.vouch(self._digest, self._stat)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
