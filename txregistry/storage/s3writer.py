"""An object on its way to S3: in one piece if it is short, else in parts."""

import hashlib
from contextlib import suppress
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.s3client import S3Client
from txregistry.storage.s3refusals import Refused
from txregistry.storage.s3signing import Payload
from txregistry.storage.s3xml import Part

MOST_PARTS: Final = 1000
"""Parts that an object has at most: S3 takes ten thousand, others as many as this."""
_GONE: Final = 404


class Memory(Protocol):
    """Where memory goes back to."""

    def give(self, size: int) -> None:
        """Give some back."""


class S3Writer:
    """Write an object; it is seen when it is published, and not before.

    While one part is sent, the next one is gathered. All parts but the last are of one
    size, as some services want it.

    Args:
        client: How the service is asked.
        name: The object's quoted name.
        memory: Where the memory came from that bytes are in, and goes back to.
        part_size: Bytes in a part.

    Attributes:
        size: Bytes that it has.
    """

    def __init__(
        self, client: S3Client, name: str, memory: Memory, part_size: int
    ) -> None:
        self.size = 0
        self._client = client
        self._name = name
        self._memory = memory
        self._part_size = part_size
        self._pieces: list[bytes] = []
        self._held = 0
        self._digest = hashlib.sha256()
        self._upload: str | None = None
        self._parts: list[Part] = []
        self._landed = 0
        self._flight: Deferred[Part] | None = None
        self._in_flight = 0
        self._broken = False

    @property
    def room(self) -> int:
        """Bytes that may be added at once."""
        return self._part_size - self._held

    @property
    def is_full(self) -> bool:
        """Whether there are as many parts as there can be."""
        return len(self._parts) + (self._flight is not None) >= MOST_PARTS

    def hash(self, piece: bytes) -> None:
        """Hash what is to be added next; this may happen in a thread."""
        self._digest.update(piece)

    async def add(self, pieces: list[bytes]) -> None:
        """Add what was hashed, and has its memory: no more than there is room for."""
        size = sum(map(len, pieces))
        self._pieces += pieces
        self._held += size
        self.size += size
        if self._held >= self._part_size:
            await self._send()

    async def land(self) -> None:
        """Wait for the part that is being sent, and let go of its memory.

        Raises:
            StorageUnavailable: it did not arrive.
        """
        flight, self._flight = self._flight, None
        if flight is None:
            return
        size, self._in_flight = self._in_flight, 0
        try:
            self._parts.append(await flight)
            self._landed += size
        except BaseException:
            self._broken = True  # nothing can follow what is missing
            raise
        finally:
            self._memory.give(size)

    async def seal(self) -> None:
        """Let there be no more bytes, and wait until the service has them in parts.

        What is short enough for one piece stays in memory.

        Raises:
            StorageUnavailable: a part did not arrive.
        """
        if self._broken:
            raise StorageUnavailable(f"{self._client.place} did not take a part")
        if self._upload is not None or self._flight is not None:
            if self._held:
                await self._send()
            await self.land()

    async def publish(self) -> None:
        """Make it an object, after it was sealed. This can be repeated."""
        if self._upload is None:
            await self._client.put_object(self._name, self._payload())
            return
        try:
            await self._client.complete_multipart_upload(
                self._name, self._upload, self._parts
            )
        except Refused as refused:
            # It may have been completed by a request whose answer was lost.
            if refused.status != _GONE or not await self._is_there():
                raise

    async def abort(self) -> None:
        """Forget what was written and not published, and let go of its memory.

        Should the service not hear of it, `S3ObjectStore.sweep` finds it.
        """
        flight = self._flight
        if flight is not None:
            flight.cancel()
            with suppress(Exception):
                await self.land()
        self.release()
        upload, self._upload = self._upload, None
        if upload is not None:
            with suppress(StorageUnavailable):
                await self._client.abort_multipart_upload(self._name, upload)

    def keep_what_landed(self) -> None:
        """Take it, after a failure, that only the parts that arrived were written."""
        if self._upload is not None:
            self.release()
            self.size = self._landed
            self._broken = False

    def release(self) -> None:
        """Let go of the bytes that are in memory."""
        held, self._held = self._held, 0
        self._pieces = []
        self._memory.give(held)

    async def _send(self) -> None:
        await self.land()
        if self._upload is None:
            self._upload = await self._client.init_multipart_upload(self._name)
        self._in_flight, self._held = self._held, 0
        payload, self._pieces = self._payload(), []
        self._digest = hashlib.sha256()
        self._flight = Deferred.fromCoroutine(
            self._client.upload_part(
                self._name, self._upload, len(self._parts) + 1, payload
            )
        )

    async def _is_there(self) -> bool:
        return await self._client.head_object(self._name) == self.size

    def _payload(self) -> Payload:
        return Payload(tuple(self._pieces), self._digest.hexdigest())
