"""A request that came to the proxy, and what can be done about it."""

from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet import reactor  # noqa: TID251 - these tests are of real sockets
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.integration.stores.faults.wire import Head, Lost, Wire, status_of

_reactor: Any = reactor
TICK = 0.02
"""Seconds between two times that somebody is told that nothing happens."""
_DEAF = 10
"""Ticks for which nothing is read."""


class Between(Protocol):
    """What stands between clients and the service."""

    def pass_time(self) -> object:
        """Hear that nothing happens."""

    async def service_of(self, client: Wire) -> Wire:
        """Give the connection to the service that belongs to a client's."""

    async def connect(self) -> Wire:
        """Connect to the service."""

    def drop(self, client: Wire) -> None:
        """Close the connection to the service that belongs to a client's."""


class Exchange:
    """A request that came, and what becomes of it.

    Attributes:
        method: The request's method.
        target: What it asks about, with the query.
        head: Its head.
        status: What the service answered, if it did; 0 if not.
        passed: Whether it reached the service, or some of it.
    """

    def __init__(self, between: Between, client: Wire, head: Head) -> None:
        self.head = head
        self.method, self.target, _ = head.line.split(" ", 2)
        self.status = 0
        self.passed = False
        self._between = between
        self._client = client
        self._service: Wire | None = None

    @property
    def path(self) -> str:
        """What it asks about, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query."""
        return self.target.partition("?")[2]

    async def drain(self) -> None:
        """Take the request's body, and let nobody have it."""
        async for _ in self._client.body(self._length):
            pass

    async def pass_on(self, most: int | None = None) -> None:
        """Let the service have the request.

        Args:
            most: Bytes of its body that it gets; None for all.
        """
        service = await self._connect()
        self.passed = True
        await service.write(self.head.raw)
        count = 0
        async for piece, size in self._client.body(self._length):
            if most is not None and count + size > most:
                await service.write(piece[: most - count])
                return
            count += size
            await service.write(piece)

    async def hold(self) -> "Held":
        """Take the request, and let the service have it some other time."""
        pieces = [piece async for piece, _ in self._client.body(self._length)]
        return Held(self._between, b"".join([self.head.raw, *pieces]), self.method)

    async def hear(self) -> Head:
        """Wait until the service begins to answer."""
        service = await self._connect()
        head = await service.read_head()
        if head is None:
            raise Lost
        self.status = status_of(head)
        return head

    async def fetch(self) -> "Answer":
        """Wait for the service's whole answer."""
        head = await self.hear()
        service = await self._connect()
        pieces = [piece async for piece in service.answer_body(self.method, head)]
        return Answer(head, [raw for raw, _ in pieces], sum(size for _, size in pieces))

    async def relay(self) -> None:
        """Let the service have the request, and the client the answer, as they come."""
        service = await self._connect()
        sending = Deferred.fromCoroutine(self.pass_on())
        _ = sending.addErrback(self._stopped)
        try:
            await self._relay_answer(service)
        finally:
            if not sending.called and (service.is_gone or self._client.is_gone):
                sending.cancel()
        # Who is answered before all is sent may send the rest, or leave.
        await sending

    async def send(self, data: bytes) -> None:
        """Answer something."""
        await self._client.write(data)

    async def answer(
        self, status: int, body: bytes = b"", fields: str = "", *, connection: str = ""
    ) -> None:
        """Answer by ourselves.

        Args:
            status: The status.
            body: The body.
            fields: Header fields, each with the end of its line.
            connection: ``close`` where the connection ends then.
        """
        if connection:
            fields += f"Connection: {connection}\r\n"
        head = f"HTTP/1.1 {status} Fault\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
        await self.send(head.encode() + (b"" if self.method == "HEAD" else body))
        if connection:
            self.end()

    async def silence(self) -> None:
        """Do nothing any more until the client has enough of it.

        Raises:
            Lost: it has.
        """
        ticks = 0
        while not self._client.is_gone:
            await self.wait(TICK)
            self._between.pass_time()
            ticks += 1
            if ticks == _DEAF:  # who never reads never hears that the client left
                self._client.ignore()
        raise Lost

    async def wait(self, seconds: float) -> None:
        """Let some time pass."""
        await deferLater(_reactor, seconds)

    async def left(self) -> None:
        """Wait until the client has broken off."""
        await self._client.gone

    def end(self) -> None:
        """Close the client's connection; what was sent arrives."""
        self._client.end()

    def cut(self) -> None:
        """Close both connections, wherever they are."""
        self._client.end()
        self.drop()

    def reset(self) -> None:
        """Reset both connections."""
        self._client.reset()
        self.drop()

    def drop(self) -> None:
        """Close the connection to the service."""
        self._between.drop(self._client)

    @property
    def _length(self) -> int | None:
        return None if self.head.is_chunked else self.head.length or 0

    async def _connect(self) -> Wire:
        return await self._between.service_of(self._client)

    def _stopped(self, failure: Failure) -> None:
        """Let nobody wait for the answer to half a request, nor miss one to it."""
        failure.trap(Lost, CancelledError)
        if self._client.is_gone:
            self.drop()

    async def _relay_answer(self, service: Wire) -> None:
        head = None
        while head is None or self.status // 100 == 1:
            head = await self.hear()
            await self.send(head.raw)
        async for piece, _ in service.answer_body(self.method, head):
            await self.send(piece)


@dataclass(frozen=True)
class Answer:
    """What the service answered.

    Attributes:
        head: Its head.
        pieces: Its body as it came, chunks and all.
        size: Bytes of content in that.
    """

    head: Head
    pieces: list[bytes]
    size: int

    @property
    def raw(self) -> bytes:
        """All of it."""
        return b"".join([self.head.raw, *self.pieces])


@dataclass(frozen=True)
class Held:
    """A request that the service has not had yet."""

    between: Between
    raw: bytes
    method: str

    async def release(self) -> int:
        """Let the service have it now, and give the status of its answer."""
        service = await self.between.connect()
        try:
            await service.write(self.raw)
            head = await service.read_head()
            if head is None:
                raise Lost
            async for _ in service.answer_body(self.method, head):
                pass
        finally:
            service.break_off()
        return status_of(head)
