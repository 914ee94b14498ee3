"""Sets of digests that are larger than memory: sorted by their first byte, on disk."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

from txregistry.model.digest import Digest
from txregistry.tasks import Blocking

COUNT: Final = 256
_SIZE: Final = 32
"""Bytes of a SHA-256."""
_HELD: Final = 64 * 1024
"""Bytes that are held in memory, of all buckets together, before they are written."""


class DigestBuckets:
    """Take digests in any order, and give those that begin with a byte.

    Whoever goes through a store of a million blobs needs what begins alike only, as
    that is what a listing gives in one piece. A context manager: what is on disk is
    removed at the end.

    Args:
        blocking: Where disk work goes.
        folder: Where there is room; None for the usual place.
    """

    def __init__(self, blocking: Blocking, folder: str | None = None) -> None:
        self._blocking = blocking
        self._place = TemporaryDirectory(prefix="txregistry-", dir=folder)
        self._held: dict[int, bytearray] = {}
        self._size = 0
        self.count = 0

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what is on disk."""
        await self._blocking(self._place.cleanup)

    async def add(self, digest: Digest) -> None:
        """Take a digest: one of SHA-256.

        Raises:
            ValueError: it is another one.
        """
        data = bytes.fromhex(digest.encoded)
        if len(data) != _SIZE:
            raise ValueError("only SHA-256 has a place here")
        self._held.setdefault(data[0], bytearray()).extend(data)
        self.count += 1
        self._size += _SIZE
        if self._size >= _HELD:
            held, self._held, self._size = self._held, {}, 0
            await self._blocking(self._write, held)

    async def bucket(self, number: int) -> frozenset[bytes]:
        """Give all that begin with a byte, as 32 bytes each."""
        data = await self._blocking(self._read, number)
        data += bytes(self._held.get(number, b""))
        return frozenset(
            data[start : start + _SIZE] for start in range(0, len(data), _SIZE)
        )

    def _write(self, held: dict[int, bytearray]) -> None:
        for number, data in held.items():
            with open(self._path(number), "ab") as file:
                file.write(data)

    def _read(self, number: int) -> bytes:
        path = Path(self._path(number))
        return path.read_bytes() if path.exists() else b""

    def _path(self, number: int) -> str:
        return os.path.join(self._place.name, f"{number:02x}")
