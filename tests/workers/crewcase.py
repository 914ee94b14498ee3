"""Workers whose processes run only in our heads."""

import socket
import struct
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import (
    IAddress,
    IProcessTransport,
)
from twisted.internet.task import Clock
from twisted.logger import eventAsText
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.web.exchange import logged
from txregistry.settings.sections import Settings
from txregistry.workers.crew import Crew
from txregistry.workers.launch import Launch
from txregistry.workers.ports import HeldPort, HeldPorts
from txregistry.workers.process import CONTROL, STATUS
from txregistry.workers.setup import (
    Setup,
)

#: How processes end: by a signal, by themselves.
KILLED, FAILED = 9, 256


@implementer(IProcessTransport)
class Running:
    """A process that runs only in our heads."""

    def __init__(self, protocol: Any, pid: int, descriptors: Mapping[int, Any]) -> None:
        self.protocol = protocol
        self.pid = pid
        self.descriptors = descriptors
        self.told = b""
        self.is_let_go = False
        self.signals: list[str] = []
        protocol.makeConnection(self)

    def messages(self) -> list[bytes]:
        """What it was told, message by message."""
        found, rest = [], self.told
        while rest:
            (size,) = struct.unpack("!I", rest[:4])
            found.append(rest[4 : 4 + size])
            rest = rest[4 + size :]
        return found

    def serve(self) -> None:
        """Say that it serves."""
        self.protocol.childDataReceived(STATUS, b"serves\n")

    def end(self, status: int = 0) -> None:
        """Be no more."""
        reason = ProcessTerminated(status=status) if status else ProcessDone(0)
        if status == KILLED:
            reason = ProcessTerminated(signal=KILLED)
        self.protocol.processExited(Failure(reason))
        self.protocol.processEnded(Failure(reason))

    def writeToChild(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        """See ``IProcessTransport``."""
        assert childFD == CONTROL
        self.told += data

    def closeChildFD(self, descriptor: int) -> None:  # noqa: N802
        """See ``IProcessTransport``."""
        assert descriptor == CONTROL
        self.is_let_go = True

    def signalProcess(self, signalID: str | int) -> None:  # noqa: N802, N803
        """See ``IProcessTransport``."""
        self.signals.append(str(signalID))

    def write(self, data: bytes) -> None:
        """See ``IProcessTransport``."""

    def closeStdin(self) -> None:  # noqa: N802
        """See ``IProcessTransport``."""

    def closeStdout(self) -> None:  # noqa: N802
        """See ``IProcessTransport``."""

    def closeStderr(self) -> None:  # noqa: N802
        """See ``IProcessTransport``."""

    def loseConnection(self) -> None:
        """See ``IProcessTransport``."""

    def writeSequence(self, data: Iterable[bytes]) -> None:  # noqa: N802
        """See ``ITransport``."""

    def getHost(self) -> IAddress:
        """See ``ITransport``."""
        raise NotImplementedError

    def getPeer(self) -> IAddress:  # noqa: N802
        """See ``ITransport``."""
        raise NotImplementedError


class Machine(Clock):
    """A reactor of processes that run only in our heads.

    Attributes:
        begun: All that were begun.
        full: Whether no more can be.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[Running] = []
        self.full = False

    def spawnProcess(  # noqa: N802
        self,
        protocol: Any,
        executable: str,
        args: list[str],
        env: dict[str, str],
        childFDs: Mapping[int, Any],  # noqa: N803
    ) -> Running:
        """See ``IReactorProcess``."""
        if self.full:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        assert executable == args[0] == sys.executable
        self.command, self.environment = args, env
        running = Running(protocol, 100 + len(self.begun), childFDs)
        self.begun.append(running)
        return running


class CrewTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine()
        self.log: list[str] = []
        self.failures = 0
        stack = ExitStack()
        self.addCleanup(stack.close)
        self.events = stack.enter_context(logged())

    def begin(self, count: int = 2, *, tls: bool = False, serve: bool = True) -> Crew:
        """Begin some workers."""
        ports = HeldPorts(count)
        pair = socket.socketpair()
        self.addCleanup(pair[0].close)
        self.addCleanup(pair[1].close)
        ports.ports.append(HeldPort(pair))
        self.ports = [each.fileno() for each in pair]
        setup = Setup({"role": "private"}, Settings(), {"tokens": b"s" * 32}, ["a/"])
        launch = Launch({}, self.log.append, self._fail)
        crew = Crew(self.machine, setup, ports, launch, speaks_tls=tls)
        crew.start()
        if serve:
            for each in self.machine.begun:
                each.serve()
        return crew

    def end(self, crew: Crew) -> None:
        """End in good order."""
        crew.stop()
        done = Deferred.fromCoroutine(crew.drain(1.0))
        for each in self.machine.begun:
            if each.is_let_go:
                each.end()
        self.successResultOf(done)

    def told(self) -> str:
        return "\n".join(map(eventAsText, self.events))

    def _fail(self) -> None:
        self.failures += 1
