"""What one request appends to a staging area in S3."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from txregistry.storage.interfaces import Key, StorageUnavailable
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3plan import Span
from txregistry.storage.s3writer import Memory, S3Writer
from txregistry.streams import CHUNK, IReader, read_pieces
from txregistry.tasks import Blocking

_BATCH: Final = 2 * CHUNK
"""Bytes that one job of a thread hashes at most."""


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """Bytes that were appended.

    Attributes:
        name: What their object is called, within the area's folder.
        size: How many there are.
    """

    name: str
    size: int


class S3Keeper(Protocol):
    """What an area needs of its store."""

    memory: PartMemory
    blocking: Blocking
    part_size: int
    least_part: int

    async def get_tagged(self, key: Key, limit: int) -> tuple[bytes, str]:
        """Read a small object, and its entity tag."""

    async def replace(self, key: Key, data: bytes, tag: str) -> str | None:
        """Write an object in place of the one that was read.

        Args:
            key: Where it lies.
            data: Its bytes.
            tag: The entity tag of what was read; empty where there was nothing.

        Returns:
            Its entity tag; None where something else is there by now.
        """

    async def open(self, key: Key, start: int, stop: int) -> IReader:
        """See `IObjectSource`."""

    async def put(self, key: Key, data: bytes, *, if_absent: bool = False) -> bool:
        """See `IObjectStore`."""

    async def delete(self, keys: Sequence[Key]) -> None:
        """See `IObjectStore`."""

    async def delete_folder(self, prefix: str) -> None:
        """Delete what is listed below a prefix."""

    async def join(self, spans: Sequence[Span], key: Key) -> None:
        """Make an object of others."""

    def writer(self, key: Key, part_size: int, memory: Memory) -> S3Writer:
        """Write an object."""


class Appending:
    """What one request appends: a segment, or some."""

    def __init__(
        self, store: S3Keeper, folder: str, observe: Callable[[bytes], None]
    ) -> None:
        self.ended: list[Segment] = []
        self._store = store
        self._folder = folder
        self._observe = observe
        self._name = ""
        self._writer: S3Writer | None = None

    async def take(self, source: IReader) -> None:
        """Write all that a reader gives."""
        memory = self._store.memory
        while pieces := await read_batch(
            source,
            self._store.least_part if self._writer is None else self._writer.room,
        ):
            size = sum(map(len, pieces))
            if not memory.try_take(size) and not await self._make_room(size):
                # Nobody waits for memory while holding some.
                await self.end_segment()
                await memory.take(size)
            writer = self._writer or self._begin_segment()
            try:
                await self._store.blocking(see, pieces, self._observe, writer)
            except BaseException:
                memory.give(size)
                raise
            await writer.add(pieces)
            if writer.is_full:
                await self.end_segment()

    async def end_segment(self) -> None:
        """Make the segment that is being written an object.

        Raises:
            StorageUnavailable: not all of it could be written; what arrived is kept.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            return
        fault: StorageUnavailable | None = None
        try:
            try:
                await writer.seal()
            except StorageUnavailable as error:
                fault = error
                writer.keep_what_landed()
            if writer.size:
                await writer.publish()
                self.ended.append(Segment(self._name, writer.size))
                writer.release()
        finally:
            if not self.ended or self.ended[-1].name != self._name:
                await writer.abort()
        if fault is not None:
            raise fault

    async def abort(self) -> None:
        """Forget what was written, as well as that can be done."""
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.abort()
        ended, self.ended = self.ended, []
        with suppress(StorageUnavailable):
            await self._store.delete([Key(self._folder + each.name) for each in ended])

    async def _make_room(self, size: int) -> bool:
        """Wait for what is being sent, which takes memory, and take some of that.

        Returns:
            Whether there was enough.
        """
        if self._writer is None:
            return False
        await self._writer.land()
        return self._store.memory.try_take(size)

    def _begin_segment(self) -> S3Writer:
        self._name = secrets.token_hex(16)
        store = self._store
        part_size = store.part_size
        if is_scarce(store.memory):
            part_size = min(part_size, store.least_part)
        key = Key(self._folder + self._name)
        self._writer = store.writer(key, part_size, store.memory)
        return self._writer


def is_scarce(memory: PartMemory) -> bool:
    """Whether there are so many at work that each had better take little memory."""
    return memory.held > memory.limit // 4


async def read_batch(source: IReader, room: int) -> list[bytes]:
    """Read as much as one job of a thread is worth, where there is room for it."""
    return await read_pieces(source, min(_BATCH, room), min(CHUNK, room))


def see(
    pieces: Sequence[bytes], observe: Callable[[bytes], None], writer: S3Writer
) -> None:
    """Show pieces to who observes, and hash them; in a thread."""
    for piece in pieces:
        observe(piece)
    for piece in pieces:  # not before all were seen: that may fail
        writer.hash(piece)
