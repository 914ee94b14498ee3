"""Who we are to an upstream, as a command says."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.logins import LARGEST, Login, parse_login
from txregistry.tasks import Flights

_PAUSE: Final = 10.0
"""Seconds between two runs, where what a command gave was nothing, or refused."""
_STDOUT: Final = 1


class _Failed(Exception):
    """A command gave nothing that can be used; the message is for the log."""


class _Run(ProcessProtocol):
    """Take in what a command writes. What it complains of may hold secrets too."""

    def __init__(self, told: bytes) -> None:
        self.ended: Deferred[bytes] = Deferred(lambda _: self._kill())
        self._told = told
        self._output = bytearray()

    def connectionMade(self) -> None:
        """See ``IProcessProtocol``."""
        transport: Any = self.transport
        transport.write(self._told)
        transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N803 - Twisted's name
        """See ``IProcessProtocol``."""
        if childFD != _STDOUT or self.ended.called:
            return
        self._output += data
        if len(self._output) > LARGEST:
            self._kill()
            self.ended.errback(_Failed("it writes too much"))

    def processEnded(self, reason: Failure) -> None:
        """See ``IProcessProtocol``."""
        if self.ended.called:
            return
        if reason.check(ProcessDone):
            self.ended.callback(bytes(self._output))
        else:
            status = getattr(reason.value, "exitCode", None)
            self.ended.errback(_Failed(f"it ended with {status}"))

    def _kill(self) -> None:
        transport: Any = self.transport
        if transport is None:
            return
        # It may have ended, and something that it began have its output open still.
        with suppress(ProcessExitedAlready):
            transport.signalProcess("KILL")
        transport.loseConnection()


class CommandLogin:
    """Who we are, as a command says; it is run again when that has ended.

    It is run without a shell. It gets the upstream's host as its input, as Docker's
    helpers (``docker-credential-ecr-login get``) want it, and writes what
    `parse_login` reads.

    Args:
        name: What the upstream is called.
        command: The program and its arguments.
        told: What it gets as its input.
        reactor: Runs it.
        timeout: Seconds that it may take.
        lifetime: Seconds for which what it says is good, where it does not say that.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        told: str,
        reactor: Any,
        *,
        timeout: float = 30.0,
        lifetime: float = 300.0,
    ) -> None:
        self._name = name
        self._command = list(command)
        self._told = told
        self._reactor = reactor
        self._timeout = timeout
        self._lifetime = lifetime
        self._flights = Flights()
        self._login: Login | None = None
        self._until = 0.0
        self._next = 0.0

    async def get(self) -> Login | None:
        """See `LoginSource`."""
        now = self._reactor.seconds()
        if (self._login is None or now >= self._until) and now >= self._next:
            await self._flights.join("command", self._renew)
        if self._login is None:
            raise UpstreamUnavailable(
                self._name,
                "is not asked: the command that gives its credentials fails",
                max(0.0, self._next - self._reactor.seconds()),
            )
        return self._login

    def forget(self) -> None:
        """See `LoginSource`."""
        self._until = 0.0

    async def _renew(self) -> None:
        try:
            login, life = parse_login(await self._run())
        except (_Failed, Late, OSError, ValueError) as error:
            self._login = None
            self._next = self._reactor.seconds() + _PAUSE
            self._log.warn(
                "The command for the credentials of {upstream} failed: {reason}",
                upstream=self._name,
                reason=error if isinstance(error, _Failed) else type(error).__name__,
            )
            return
        now = self._reactor.seconds()
        self._login = login
        self._next = now + _PAUSE
        self._until = now + (self._lifetime if life is None else life)

    async def _run(self) -> bytes:
        run = _Run(self._told.encode())
        self._reactor.spawnProcess(run, self._command[0], self._command, env=None)
        return await run.ended.addTimeout(self._timeout, self._reactor)
