"""Making an object of others that the service has, which copies the bytes itself."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import DeferredSemaphore

from txregistry.storage.interfaces import (
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3client import S3Client
from txregistry.storage.s3plan import LARGEST, Span, plan_parts
from txregistry.storage.s3refusals import Refused
from txregistry.storage.s3signing import Payload
from txregistry.storage.s3xml import Part
from txregistry.streams import CHUNK, IReader
from txregistry.tasks import side_by_side

_GONE: Final = 404

Open = Callable[[Key, int, int], Awaitable[IReader]]
"""As `IObjectSource.open`."""


@dataclass(frozen=True, slots=True)
class Copying:
    """How objects are copied.

    Attributes:
        threshold: Bytes up to which an object is copied in one request.
        chunk: Bytes in a part of a larger one, about.
        at_once: Copies that are made at the same time, whatever they are for: a
            service that has too much to do at once answers none of them in time.
        least: Bytes that a part has at least, by the rules of the service.
        most_parts: Parts that an object has at most.
    """

    threshold: int = 32 * 1024 * 1024
    chunk: int = 32 * 1024 * 1024
    at_once: int = 16
    least: int = 5 * 1024 * 1024
    most_parts: int = 1000


USUAL: Final = Copying()
"""As Distribution does it, but for how much at once."""


class S3Joiner:
    """Join objects to one.

    Args:
        client: How the service is asked.
        quote: Gives an object's quoted name.
        read: Reads what is too short to be a part.
        memory: What that is read into.
        copying: How objects are copied.
    """

    def __init__(
        self,
        client: S3Client,
        quote: Callable[[Key], str],
        read: Open,
        memory: PartMemory,
        copying: Copying,
    ) -> None:
        self._client = client
        self._quote = quote
        self._open = read
        self._memory = memory
        self._copying = copying
        self._turns = DeferredSemaphore(copying.at_once)

    async def join(self, spans: Sequence[Span], key: Key) -> None:
        """Make an object of others, one after the other, at one moment.

        Args:
            spans: The whole of each of them; none is empty.
            key: What they become.
        """
        name = self._quote(key)
        total = sum(span.size for span in spans)
        if len(spans) == 1 and total <= min(self._copying.threshold, LARGEST):
            async with self._turn():
                await self._client.copy_object(self._quote(spans[0].key), name)
        elif total < self._copying.least:
            await self._put(spans, name, total)
        else:
            await self._join_parts(spans, name, total)

    async def _join_parts(self, spans: Sequence[Span], name: str, total: int) -> None:
        rules = self._copying
        plan = plan_parts(spans, rules.least, rules.chunk, rules.most_parts)
        if plan is None:
            raise StorageFull(f"{self._client.place}: {name} came in too many pieces")
        upload_id = await self._client.init_multipart_upload(name)

        async def make(numbered: tuple[int, Sequence[Span]]) -> Part:
            return await self._make(name, upload_id, *numbered)

        try:
            made = await side_by_side(make, list(enumerate(plan, 1)), rules.at_once)
            await self._complete(name, upload_id, made, total)
        except BaseException:
            # Should this not be heard of, `S3ObjectStore.sweep` finds it.
            with suppress(StorageUnavailable):
                await self._client.abort_multipart_upload(name, upload_id)
            raise

    async def _make(
        self, name: str, upload_id: str, number: int, part: Sequence[Span]
    ) -> Part:
        size = sum(span.size for span in part)
        if len(part) == 1:
            span = part[0]
            source = self._quote(span.key)
            async with self._turn():
                return await self._client.upload_part_copy(
                    name, upload_id, number, source, span.start, span.stop
                )
        await self._memory.take(size)
        try:
            payload = await self._read(part)
            return await self._client.upload_part(name, upload_id, number, payload)
        finally:
            self._memory.give(size)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def _put(self, spans: Sequence[Span], name: str, size: int) -> None:
        await self._memory.take(size)
        try:
            await self._client.put_object(name, await self._read(spans))
        finally:
            self._memory.give(size)

    async def _read(self, spans: Sequence[Span]) -> Payload:
        """Read what is short.

        Raises:
            StorageUnavailable: it is not there, or not as long as it was.
        """
        pieces: list[bytes] = []
        digest = hashlib.sha256()
        for span in spans:
            left = span.size
            try:
                reader = await self._open(span.key, span.start, span.stop)
            except NotFound:
                raise StorageUnavailable(f"{span.key} is gone") from None
            try:
                while piece := await reader.read(CHUNK):
                    pieces.append(piece)
                    digest.update(piece)
                    left -= len(piece)
            finally:
                await reader.close()
            if left:
                raise StorageUnavailable(f"{span.key} has another size than it had")
        return Payload(pieces, digest.hexdigest())

    async def _complete(
        self, name: str, upload_id: str, parts: Sequence[Part], total: int
    ) -> None:
        try:
            await self._client.complete_multipart_upload(name, upload_id, parts)
        except Refused as refused:
            # It may have been completed by a request whose answer was lost.
            if refused.status != _GONE or await self._client.head_object(name) != total:
                raise
