"""Sets of digests that are larger than memory: by their first byte, on disk."""

import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

from txregistry.tasks import Blocking

COUNT: Final = 256
SIZE: Final = 32
"""Bytes of a SHA-256."""
_HELD: Final = 2 * 1024 * 1024
"""Bytes that are held in memory, of all buckets together, before they are written."""


class DigestBuckets:
    """Take digests in any order, and give those that begin with a byte.

    Whoever goes through a store of a million blobs needs what begins alike only, as
    that is what a listing gives in one piece. A context manager: what is on disk is
    removed at the end.

    Args:
        blocking: Where disk work goes.
        folder: Where there is room; None for the usual place.
        extra: Bytes that are kept with each digest.
    """

    def __init__(
        self, blocking: Blocking, folder: str | None = None, extra: int = 0
    ) -> None:
        self._blocking = blocking
        self._folder = folder
        self._width = SIZE + extra
        self._place: TemporaryDirectory[str] | None = None
        self._held: dict[int, bytearray] = {}
        self._size = 0
        self._numbers: set[int] = set()

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
        if self._place is not None:
            await self._blocking(self._place.cleanup)

    @property
    def numbers(self) -> list[int]:
        """The buckets in which there is something, in their order."""
        return sorted(self._numbers)

    def take(self, digest: bytes, extra: bytes = b"") -> bool:
        """Take a digest of SHA-256, as its bytes.

        Returns:
            Whether `spill` should be called: memory is full.
        """
        bucket = self._held.get(digest[0])
        if bucket is None:
            self._numbers.add(digest[0])
            bucket = self._held[digest[0]] = bytearray()
        bucket += digest
        bucket += extra
        self._size += self._width
        return self._size >= _HELD

    async def add(self, digest: bytes, extra: bytes = b"") -> None:
        """Take a digest, and write to disk if memory is full."""
        if self.take(digest, extra):
            await self.spill()

    async def spill(self) -> None:
        """Write to disk what is held in memory."""
        held, self._held, self._size = self._held, {}, 0
        await self._blocking(self._write, held)

    async def bucket(self, number: int) -> frozenset[bytes]:
        """Give all that begin with a byte, each with what was kept with it."""
        data = await self._bytes(number)
        return frozenset(
            data[start : start + self._width]
            for start in range(0, len(data), self._width)
        )

    async def counts(self, number: int) -> Counter[bytes]:
        """Say how often each was taken that begins with a byte."""
        data = await self._bytes(number)
        return Counter(
            data[start : start + self._width]
            for start in range(0, len(data), self._width)
        )

    async def _bytes(self, number: int) -> bytes:
        held = bytes(self._held.get(number, b""))
        if self._place is None:
            return held
        return await self._blocking(self._read, number) + held

    def _write(self, held: dict[int, bytearray]) -> None:
        if self._place is None:
            self._place = TemporaryDirectory(prefix="txregistry-", dir=self._folder)
        for number, data in held.items():
            with open(self._path(number), "ab") as file:
                file.write(data)

    def _read(self, number: int) -> bytes:
        path = Path(self._path(number))
        return path.read_bytes() if path.exists() else b""

    def _path(self, number: int) -> str:
        place = "" if self._place is None else self._place.name
        return os.path.join(place, f"{number:02x}")
