"""One command over one channel: what it takes and gives, no faster than both ends can.

A client may send as much as there is room for. Conch gives room as soon as something
came; here it is given when what came was used, so that a slow disk holds the client up.
"""

import struct
from collections import deque
from typing import Any, Final

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.connection import EXTENDED_DATA_STDERR
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.model.access import Identity
from txregistry.ssh.ahead import AheadReader
from txregistry.ssh.interfaces import IExchange
from txregistry.ssh.transport import UNHEARD
from txregistry.streams import IPieces, IReader, Pump
from txregistry.tasks import Bell, breathe, detach

WINDOW: Final = 768 * 1024
"""Bytes that a client may have sent that were not used yet."""
_FIRST: Final = 32 * 1024
"""The same, before there is a command that wants any."""
_PACKET: Final = 64 * 1024
"""Bytes of data in one message."""
_THEIR_PACKET: Final = 32 * 1024
_LEAST_ROOM: Final = 128 * 1024
"""Bytes of room that are given at once."""
_CRUMB: Final = 4096
"""Bytes that are kept with those before them: each piece by itself takes more."""
_MOST_AT_ONCE: Final = WINDOW // 2
"""Bytes that are waited for at most."""
_LENGTH: Final = 4
_NO_SHELL: Final = b""
SPEAKER: Final = "txregistry"
"""Who says what clients are told."""


@implementer(IExchange, IConsumer)
class CommandChannel(SSHChannel):
    """Let one command run.

    Args:
        connection: Whose channel it is.
        window: Bytes that the client takes.
        packet: Bytes that it takes at once.
    """

    _log = Logger(observer=UNHEARD)
    _own_log = Logger(namespace="txregistry.ssh")

    name = b"session"
    conn: Any

    def __init__(self, connection: Any, window: int, packet: int) -> None:
        super().__init__(_FIRST, _PACKET, window, min(packet, _THEIR_PACKET))
        self.conn = connection
        self._work: Deferred[None] | None = None
        self._begun = False
        self._gone = False
        self._waits = False
        self._producer: IPushProducer | None = None
        self._paused = False
        self._pieces: deque[bytes | bytearray] = deque()
        self.held = 0
        """Bytes that came and that nobody took yet."""
        self._ended = False
        self._came = Bell()
        self._drained = Bell()
        self.received = 0
        """Bytes that came."""
        self.sent = 0
        """Bytes that were given, and not all taken yet."""

    @property
    def is_busy(self) -> bool:
        """Whether a command runs."""
        return self._work is not None

    @property
    def is_working(self) -> bool:
        """Whether a command runs, and does not wait for the client."""
        return self.is_busy and not self._waits and not self._paused

    def channelOpen(self, specificData: bytes) -> None:
        """Wait for a command."""

    def requestReceived(
        self,
        requestType: bytes,
        data: bytes,
    ) -> bool:
        """Run a command, once; and refuse whatever else there is to ask for."""
        if requestType == b"exec":
            size = int.from_bytes(data[:_LENGTH])
            return size == len(data) - _LENGTH and self._begin(data[_LENGTH:])
        if requestType == b"shell":
            return self._begin(_NO_SHELL)
        if requestType in {b"subsystem", b"x11-req", b"auth-agent-req@openssh.com"}:
            self.conn.refuse("what is no command", requestType)
        return False

    def dataReceived(self, data: bytes) -> None:
        """Keep what came until somebody takes it."""
        if self._gone or not data:
            return
        self.received += len(data)
        self.held += len(data)
        if (
            len(data) < _CRUMB
            and self._pieces
            and isinstance(self._pieces[-1], bytearray)
            and len(self._pieces[-1]) < _PACKET
        ):
            self._pieces[-1] += data
        else:
            self._pieces.append(bytearray(data) if len(data) < _CRUMB else data)
        self._came.ring()

    def eofReceived(self) -> None:
        """Note that nothing more comes."""
        self._ended = True
        self._came.ring()

    def closeReceived(self) -> None:
        """Break off what runs: nobody is there any more to take it."""
        self._break_off()
        self.conn.sendClose(self)

    def closed(self) -> None:
        """Break off what runs: the connection is gone, if that was not done yet."""
        self._break_off()

    def addWindowBytes(self, data: int) -> None:
        """Send more."""
        self.conn.transport.touch()
        super().addWindowBytes(data)
        if self._is_drained:
            self._drained.ring()
        self.steer()

    def receive(self) -> IReader:
        """See `IExchange`."""
        room = WINDOW - self.localWindowSize
        self.localWindowSize = WINDOW
        if room:
            self.conn.adjustWindow(self, room)
        return _Incoming(self)

    async def send(self, reader: IReader) -> None:
        """See `IExchange`."""
        await Pump(AheadReader(reader), self, self._note).run()
        await self._drain()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: FBT001 - Twisted's
        """See ``IConsumer``."""
        del streaming
        self._producer = producer
        if self._gone:
            producer.stopProducing()
        self.steer()

    def unregisterProducer(self) -> None:
        """See ``IConsumer``."""
        self._producer, self._paused = None, False

    def write(self, data: bytes) -> None:
        """See ``IConsumer``: send what the client has room for, and keep the rest."""
        view = memoryview(data)
        room = 0 if self.buf else min(len(view), self.remoteWindowLeft)
        most = self.remoteMaxPacket
        for start in range(0, room, most):
            self.conn.sendData(self, view[start : min(room, start + most)])
        self.remoteWindowLeft -= room
        if room < len(view):
            self.buf = b"".join((self.buf, view[room:]))
        self.steer()

    def steer(self) -> None:
        """Let the producer go on, or not."""
        producer = self._producer
        if producer is None or self._gone:
            return
        full = bool(self.buf) or self.conn.transport.is_choked
        if full and not self._paused:
            self._paused = True
            producer.pauseProducing()
        elif self._paused and not full:
            self._paused = False
            producer.resumeProducing()

    @property
    def _is_drained(self) -> bool:
        return not self.buf and not self.extBuf

    async def take(self, limit: int, least: int) -> list[bytes]:
        """Give what came; all that was given before is used by now."""
        self._give_room()
        while self.held < least and not self._ended and not self._gone:
            self._waits = True
            try:
                await self._came.wait()
            finally:
                self._waits = False
        if self._gone:
            raise CancelledError
        pieces: list[bytes] = []
        left = limit
        while self._pieces and left:
            piece = self._pieces.popleft()
            if len(piece) > left:
                self._pieces.appendleft(piece[left:])
                piece = piece[:left]
            pieces.append(bytes(piece))
            left -= len(piece)
        self.held -= limit - left
        return pieces

    def _note(self, size: int) -> None:
        self.sent += size

    def _give_room(self) -> None:
        """Let the client send as much as was used; but not crumb by crumb."""
        room = WINDOW - self.localWindowLeft - self.held
        if room >= _LEAST_ROOM and not self._ended and not self._gone:
            self.conn.adjustWindow(self, room)

    def _begin(self, line: bytes) -> bool:
        if self._begun:
            return False
        self._begun = True
        self.conn.transport.touch()
        self._work = detach(self._run(line), self._own_log, "running a command by SSH")
        _ = self._work.addCallback(self._end)
        return True

    async def _run(self, line: bytes) -> None:
        transport = self.conn.transport
        server = transport.factory
        await breathe(server.clock)  # the answer that it runs goes first
        key = await server.keys.find(transport.known.blob)
        if key is None:
            transport.end("The key is not known any more")
            return
        identity = Identity(key.name, address=transport.peer)
        began = server.clock.seconds()
        done = await server.commands.run(line, identity, self)
        server.trail.note(
            done,
            identity,
            self.sent - len(self.buf),
            self.received,
            server.clock.seconds() - began,
        )
        await self._tell(done.ending, done.told)

    async def _tell(self, status: int, told: str) -> None:
        """Say how the command ended, behind all that it gave."""
        await self._drain()
        if told:
            self.writeExtended(
                EXTENDED_DATA_STDERR, f"{SPEAKER}: {told}\n".encode(errors="replace")
            )
            await self._drain()
        self.conn.sendRequest(self, b"exit-status", struct.pack(">L", status))
        self.conn.sendEOF(self)
        self.loseConnection()

    async def _drain(self) -> None:
        """Wait until the client took everything.

        Raises:
            CancelledError: it went away.
        """
        while not self._is_drained and not self._gone:
            self._waits = True
            try:
                await self._drained.wait()
            finally:
                self._waits = False
        if self._gone:
            raise CancelledError

    def _end(self, _: None) -> None:
        self._work = None
        self.conn.transport.touch()
        self.conn.transport.factory.note_end(self.conn)

    def _break_off(self) -> None:
        if self._gone:
            return
        self._gone = True
        self.buf, self.extBuf = b"", []
        self._pieces.clear()
        self.held = 0
        if self._producer is not None:
            self._producer.stopProducing()
        if self._work is not None:
            self._work.cancel()  # of no use while it waits for a thread
        self._came.ring()
        self._drained.ring()


@implementer(IPieces)
class _Incoming:
    """What comes over a channel."""

    def __init__(self, channel: CommandChannel) -> None:
        self._channel = channel

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`."""
        return await self._channel.take(limit, min(max(least, 1), _MOST_AT_ONCE))

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def close(self) -> None:
        """See `IReader`."""
