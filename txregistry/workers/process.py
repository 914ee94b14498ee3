"""One worker, as the process sees it that began it."""

import os
import struct
import sys
import sysconfig
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txregistry.metrics.families import Family
from txregistry.workers.lines import Lines
from txregistry.workers.setup import Order, encode, read_figures

CONTROL: Final = 0
LOG: Final = 1
STRAY: Final = 2
STATUS: Final = 3
"""Descriptors of a worker: where it is told what to do, where its log goes, what some
library writes, and where it says that it serves, and then what it has counted."""
FIRST_PORT: Final = 4
"""The first descriptor of a socket to serve at."""
_LONGEST: Final = 16 * 1024
"""Characters of what a library writes that are told at a time."""
_LENGTH: Final = struct.Struct("!I")
_MODULE: Final = "txregistry.working"


class WorkerProcess(ProcessProtocol):
    """A worker: begun at once, and ended by being let go.

    Args:
        number: Which worker it is, from 1.
        write: Takes lines of its log.
        ready: Called when it serves.
        ended: Called when it is no more, with how it ended.
        told: Called when it has told its figures.

    Attributes:
        serves: Whether it said that it serves.
        pid: The process; None where it could not be begun.
        figures: What it has counted, as it told last.
        is_asked: Whether it is to tell its figures, and has not yet.
        is_silent: Whether it let somebody wait in vain who asked.
    """

    _log = Logger()

    def __init__(
        self,
        number: int,
        write: Callable[[str], object],
        ready: Callable[["WorkerProcess"], None],
        ended: Callable[["WorkerProcess", str], None],
        told: Callable[[], None],
    ) -> None:
        self.number = number
        self.serves = self.is_asked = self.is_silent = False
        self.figures: list[Family] = []
        self.pid: int | None = None
        self._ready = ready
        self._ended = ended
        self._told = told
        self._status = b""
        self._outputs = {LOG: Lines(write), STRAY: Lines(self._tell_stray)}
        self._is_over = False

    def begin(self, reactor: IReactorProcess, setup: bytes, ports: list[int]) -> None:
        """Begin it.

        Args:
            reactor: Begins processes.
            setup: The first message to it.
            ports: Our descriptors of the sockets that it is to serve at.

        Raises:
            OSError: there are too many processes, say.
        """
        descriptors: dict[int, int | str] = {
            CONTROL: "w",
            LOG: "r",
            STRAY: "r",
            STATUS: "r",
        }
        descriptors.update(enumerate(ports, FIRST_PORT))
        command = [sys.executable, "-m", _MODULE, str(self.number)]
        transport: Any = reactor.spawnProcess(
            self,
            sys.executable,
            command,
            _environment(os.environ),
            childFDs=descriptors,
        )
        self.pid = transport.pid
        self.send(setup)

    def send(self, message: bytes) -> None:
        """Tell it something."""
        if not self._is_over and self.transport is not None:
            self.transport.writeToChild(CONTROL, _LENGTH.pack(len(message)) + message)

    def ask(self) -> None:
        """Have it tell its figures, unless it is about to."""
        if self.serves and not self.is_asked and not self._is_over:
            self.is_asked = True
            self.send(encode(Order(figures=True)))

    def let_go(self) -> None:
        """Have it finish its requests, and end."""
        if not self._is_over and self.transport is not None:
            self.transport.closeChildFD(CONTROL)

    def kill(self) -> None:
        """End it at once."""
        if not self._is_over and self.transport is not None:
            self.transport.signalProcess("KILL")

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803
        """See ``IProcessProtocol``."""
        if childFD == STATUS:
            *lines, self._status = (self._status + data).split(b"\n")
            for line in lines:
                self._take_status(line)
        else:
            self._outputs[childFD].take(data)

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N802, N803
        """See ``IProcessProtocol``."""
        if childFD in self._outputs:
            self._outputs[childFD].end()

    def processExited(self, reason: Failure) -> None:  # noqa: N802 - Twisted's
        """See ``IProcessProtocol``: something that it began may go on still."""
        self._is_over = True
        self.is_asked = False
        self._ended(self, _describe(reason))

    def _take_status(self, line: bytes) -> None:
        if not self.serves:
            self.serves = True
            self._ready(self)
            return
        self.figures = read_figures(line)
        self.is_asked = self.is_silent = False
        self._told()

    def _tell_stray(self, lines: str) -> None:
        self._log.warn(
            "Worker {number}: {lines}",
            number=self.number,
            lines=lines.rstrip("\n")[:_LONGEST],
        )


def _describe(reason: Failure) -> str:
    """Say how a process ended."""
    signal = getattr(reason.value, "signal", None)
    if signal is not None:
        return f"by signal {signal}"
    return f"with status {getattr(reason.value, 'exitCode', None) or 0}"


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of a worker: ours, and where it finds what we are made of."""
    found = {
        name: value for name, value in ours.items() if not name.startswith("LISTEN_")
    }
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if home not in sysconfig.get_paths().values():
        found["PYTHONPATH"] = os.pathsep.join(
            each for each in (home, found.get("PYTHONPATH")) if each
        )
    return found
