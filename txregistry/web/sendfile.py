"""Content to clients: sent by the kernel where it can, pumped where it cannot."""

import os
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.internet.tcp import Server
from twisted.logger import Logger
from zope.interface import implementer

from txregistry.streams import IFileReader, IReader, IWithheldFile, Pump
from txregistry.tasks import Blocking, detach
from txregistry.web.request import RegistryRequest

_BUDGET: Final = 256 * 1024
"""Bytes sent before others have their turn."""


class Sender:
    """Send content as the body of responses.

    Args:
        blocking: Where reads go that wait for a disk.
    """

    _log = Logger()

    def __init__(self, blocking: Blocking) -> None:
        self._blocking = blocking

    async def send(self, request: RegistryRequest, reader: IReader) -> None:
        """Send everything that a reader gives, which is closed at the end.

        The headers have been set; without a length the body is sent in chunks.

        Raises:
            CancelledError: the client left, or the content ended early; the next answer
                would be taken for the rest of it.
        """
        if request.gone:  # it left while a thread was busy, which cannot be cancelled
            await reader.close()
            raise CancelledError
        channel = request.channel
        channel.touch()
        file: Any = IFileReader(reader, None)
        held: Any = IWithheldFile(reader, None)
        if file is not None and isinstance(channel.transport, Server):
            request.write(b"")
            await _FileSender(request, file, file.span(), self._blocking).run()
        elif held is not None and isinstance(channel.transport, Server):
            request.write(b"")
            front = _FileSender(request, held.file, held.front(), self._blocking)
            await front.run(keep=True)
            channel.sending_since = None  # the client is not slow, we are
            try:
                rest = await held.rest()
                channel.touch()
                request.write(rest)
            finally:
                await held.close()
        else:
            await Pump(reader, request, lambda _: channel.touch()).run()
        length = request.responseHeaders.getRawHeaders(b"content-length")
        if length and request.sentLength != int(length[0]):
            self._log.error("A file became shorter while it was sent")
            raise CancelledError


@implementer(IPullProducer)
class _FileSender:
    """Let the kernel move a file to a socket, whenever that has room.

    It takes the channel's place as the transport's producer meanwhile, and is asked for
    more each time when what was queued before has left.
    """

    _log = Logger()

    def __init__(
        self,
        request: RegistryRequest,
        reader: IFileReader,
        span: tuple[int, int],
        blocking: Blocking,
    ) -> None:
        self._request = request
        self._reader = reader
        self._blocking = blocking
        self._channel: Any = request.channel
        self._transport: Any = request.channel.transport
        self._offset, self._stop = span
        self._cached = self._offset
        self._done: Deferred[None] = Deferred()
        self._started = False
        self._over = False
        self._reading = False

    async def run(self, *, keep: bool = False) -> None:
        """Send the file.

        Args:
            keep: Whether it stays open when all has been sent.

        Raises:
            CancelledError: the client left, or the file ended early.
        """
        if self._offset >= self._stop:
            await self._reader.close()
            return
        self._transport.unregisterProducer()
        self._transport.registerProducer(self, False)
        try:
            await self._done
        except BaseException:
            keep = False
            raise
        finally:
            self._over = True
            if not self._reading and not keep:
                await self._reader.close()

    def resumeProducing(self) -> None:
        """See ``IPullProducer``."""
        if not self._started:  # registration asks at once, before the headers are out
            self._started = True
            return
        if self._over or self._reading:
            return
        if self._offset >= self._cached:
            budget = min(_BUDGET, self._stop - self._offset)
            if not self._is_cached(budget):
                self._reading = True
                _ = detach(self._read_ahead(budget), self._log, "reading ahead")
                return
            self._cached = self._offset + budget
        self._send()

    def stopProducing(self) -> None:
        """See ``IPullProducer``: the handler is cancelled by the request's own end."""
        self._over = True

    def _send(self) -> None:
        """Send what was found to be in the kernel's cache, as far as there is room."""
        try:
            count = os.sendfile(
                self._transport.fileno(),
                self._reader.fileno(),
                self._offset,
                self._cached - self._offset,
            )
        except BlockingIOError:
            pass
        except OSError:  # the client has gone; the transport finds out for itself
            self._break_off()
            return
        else:
            if not count:
                self._log.error("A file became shorter while it was sent")
                self._break_off()
                return
            self._offset += count
            self._request.sentLength += count
            self._channel.touch()
        if self._offset < self._stop:
            self._transport.startWriting()
        else:
            self._finish()

    def _is_cached(self, size: int) -> bool:
        """Say whether the next bytes can be had without waiting for a disk."""
        probe = bytearray(1)
        for place in (self._offset, self._offset + size - 1):
            try:
                os.preadv(self._reader.fileno(), [probe], place, os.RWF_NOWAIT)
            except BlockingIOError:
                return False
            except OSError:  # the file system cannot tell
                return True
        return True

    async def _read_ahead(self, size: int) -> None:
        """Bring the next bytes into the kernel's cache, in a thread."""
        try:
            await self._blocking(os.pread, self._reader.fileno(), size, self._offset)
        finally:
            self._reading = False
            if self._over:
                await self._reader.close()
        if not self._over:
            self._cached = self._offset + size
            self._send()

    def _break_off(self) -> None:
        self._over = True
        self._transport.abortConnection()

    def _finish(self) -> None:
        self._over = True
        self._transport.unregisterProducer()
        if not self._transport.disconnecting:
            self._transport.registerProducer(self._channel, True)
            # It may have been told to wait until what was before this had left.
            self._channel.resumeProducing()
        self._done.callback(None)
