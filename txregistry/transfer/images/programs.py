"""A program that is run beside us, with its standard streams as readers and writers."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from txregistry.model.printable import printable
from txregistry.tasks import Blocking
from txregistry.transfer.images.descriptors import (
    DescriptorReader,
    DescriptorWriter,
    Interruption,
)

_REMARKS: Final = 16 * 1024
"""Bytes of what a program says of itself that are kept: the last."""
_SHOWN: Final = 500
_PIPE: Final = 1024 * 1024
"""Bytes that a pipe may hold; the kernel may allow less."""


class Program(ProcessProtocol):
    """A program that runs; what it says of itself is kept, as far as it is short.

    Args:
        reactor: Runs it.
        arguments: What is run, which is searched for where programs are.
        environment: Its variables.
        blocking: Where work goes that waits for its streams.
        interruption: Ends waiting.
        reads: Whether it is given something; if not, it sees an end at once.
    """

    def __init__(
        self,
        reactor: Any,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        blocking: Blocking,
        interruption: Interruption,
        *,
        reads: bool,
    ) -> None:
        self._remarks = bytearray()
        self._ended: Deferred[int | None] = Deferred()
        self._status: int | None = None
        self._is_over = False
        theirs, ours = _pipe()
        out, their_out = _pipe()
        self.writer = DescriptorWriter(ours, blocking, interruption)
        self.reader = DescriptorReader(out, blocking, interruption)
        if not reads:
            os.close(theirs)
            theirs = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._process = reactor.spawnProcess(
                self,
                arguments[0],
                arguments,
                dict(environment),
                childFDs={0: theirs, 1: their_out, 2: "r"},
            )
        finally:
            os.close(theirs)
            os.close(their_out)

    @property
    def remark(self) -> str:
        """The last line that it wrote of itself, as it can be shown."""
        lines = self._remarks.decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return printable(said[-1][:_SHOWN]) if said else ""

    async def ended(self) -> int | None:
        """Wait for its end; give its status, or None where a signal ended it."""
        if not self._is_over:
            await self._ended
        return self._status

    async def close(self) -> None:
        """End it, if it did not yet, and let go of its streams."""
        await self.writer.close()
        await self.reader.close()
        if not self._is_over:
            with suppress(ProcessExitedAlready):
                self._process.signalProcess("TERM")

    def errReceived(self, data: bytes) -> None:
        """See ``ProcessProtocol``."""
        self._remarks += data
        del self._remarks[:-_REMARKS]

    def processEnded(self, reason: Failure) -> None:
        """See ``ProcessProtocol``."""
        self._status = getattr(reason.value, "exitCode", None)
        self._is_over = True
        if not self._ended.called:  # who waited may have been broken off
            self._ended.callback(None)


def _pipe() -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    with suppress(OSError):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE)
    return read, write
