"""File descriptors that are read and written without blocking the reactor.

Each piece is moved in a thread that waits for the descriptor, and for word that it is
to give up: nothing else ends a thread that waits for somebody's pipe.
"""

import errno
import os
import select
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError
from zope.interface import implementer

from txregistry.streams import IReader
from txregistry.tasks import Blocking

_PIPE: Final = 4096
"""Bytes that can be written without waiting to what can be written to at all."""
_READY: Final = select.POLLIN | select.POLLHUP | select.POLLERR


class Interruption:
    """Word to threads that wait for a descriptor: they are to give up."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC)
        self._happened = False

    def fileno(self) -> int:
        """Give a descriptor that can be read from once it has happened."""
        return self._read

    def interrupt(self) -> None:
        """Let it happen."""
        self._happened = True
        os.write(self._write, b"!")

    def check(self) -> None:
        """Go on only if it has not happened.

        Raises:
            CancelledError: it has.
        """
        if self._happened:
            raise CancelledError


@implementer(IReader)
class InterruptedReader:
    """Read what another reader gives, until that is interrupted.

    Where neither end is a pipe, nobody else would notice: threads are not cancelled.

    Args:
        source: Gives the bytes; it is closed with this.
        interruption: Ends reading.
    """

    def __init__(self, source: IReader, interruption: Interruption) -> None:
        self._source = source
        self._interruption = interruption

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            CancelledError: no more is to be read.
        """
        self._interruption.check()
        return await self._source.read(limit)

    async def close(self) -> None:
        """See `IReader`."""
        await self._source.close()


@implementer(IReader)
class DescriptorReader:
    """Read a descriptor: a pipe, a file, a terminal.

    Args:
        descriptor: It; closed with this, unless it is somebody else's.
        blocking: Where work goes that waits.
        interruption: Ends waiting.
        is_ours: Whether it is closed.
    """

    def __init__(
        self,
        descriptor: int,
        blocking: Blocking,
        interruption: Interruption,
        *,
        is_ours: bool = True,
    ) -> None:
        self._descriptor: int | None = descriptor
        self._blocking = blocking
        self._interruption = interruption
        self._is_ours = is_ours

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            CancelledError: it is not to be waited for any more.
            OSError: it cannot be read.
        """
        if self._descriptor is None:
            return b""
        data = await self._blocking(_read, self._descriptor, self._interruption, limit)
        if data is None:
            raise CancelledError
        return data

    async def close(self) -> None:
        """See `IReader`."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None and self._is_ours:
            os.close(descriptor)


class DescriptorWriter:
    """Write to a descriptor, no faster than it takes it.

    Args:
        descriptor: It; closed with this, unless it is somebody else's.
        blocking: Where work goes that waits.
        interruption: Ends waiting.
        is_ours: Whether it is closed.
    """

    def __init__(
        self,
        descriptor: int,
        blocking: Blocking,
        interruption: Interruption,
        *,
        is_ours: bool = True,
    ) -> None:
        mode = os.fstat(descriptor).st_mode
        self._is_file = stat.S_ISREG(mode)  # which nobody ever waits for
        self._step = None if self._is_file else _PIPE
        self._is_ours = is_ours
        if stat.S_ISFIFO(mode):
            with suppress(OSError):
                again = _reopen(descriptor)
                if is_ours:
                    os.close(descriptor)
                descriptor, self._is_ours, self._step = again, True, None
        self._descriptor: int | None = descriptor
        self._blocking = blocking
        self._interruption = interruption

    async def write(self, data: bytes) -> None:
        """Write all of some bytes.

        Raises:
            CancelledError: it is not to be waited for any more.
            OSError: it cannot be written to.
        """
        if self._descriptor is None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if self._is_file:
            await self._blocking(_write_file, self._descriptor, data)
            return
        done = await self._blocking(
            _write, self._descriptor, self._interruption, data, self._step
        )
        if not done:
            raise CancelledError

    async def close(self) -> None:
        """Let go of it; harmless the second time."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None and self._is_ours:
            os.close(descriptor)


def _read(descriptor: int, interruption: Interruption, limit: int) -> bytes | None:
    """Wait for bytes, and take what is there; None where that is interrupted."""
    wait = _waiting(descriptor, interruption, _READY)
    pieces: list[bytes] = []
    while limit:
        ready = wait(None if not pieces else 0)
        if ready is None:
            return None
        if not ready:
            break
        data = os.read(descriptor, limit)
        if not data:
            break
        pieces.append(data)
        limit -= len(data)
    return b"".join(pieces)


def _write(
    descriptor: int, interruption: Interruption, data: bytes, step: int | None
) -> bool:
    """Write bytes, a step at a time; say whether that came to its end."""
    wait = _waiting(descriptor, interruption, select.POLLOUT | select.POLLERR)
    left = memoryview(data)
    while left:
        if wait(None) is None:
            return False
        with suppress(BlockingIOError):
            left = left[os.write(descriptor, left if step is None else left[:step]) :]
    return True


def _write_file(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _reopen(descriptor: int) -> int:
    """Open a pipe once more, so that writing to it never waits.

    What others have of it stays as it is.
    """
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(f"/proc/self/fd/{descriptor}", flags)


def _waiting(
    descriptor: int, interruption: Interruption, events: int
) -> Callable[[int | None], bool | None]:
    """Make what waits for a descriptor; what it gives is None where it is to end."""
    poll = select.poll()
    poll.register(descriptor, events)
    poll.register(interruption.fileno(), select.POLLIN)

    def wait(milliseconds: int | None) -> bool | None:
        ready = {found for found, _ in poll.poll(milliseconds)}
        return None if interruption.fileno() in ready else descriptor in ready

    return wait
