"""Tests of ``txregistry/client/upstreams/commands.py``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import (
    ProcessDone,
    ProcessExitedAlready,
    ProcessTerminated,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.commands import CommandLogin
from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.logins import Login

COMMAND = ["docker-credential-x", "get"]
US = Login("us", "hunter2")


class Program:
    """A program that runs, as far as who runs it can see.

    Attributes:
        told: What it was told.
        killed: Whether it was.
        left: Whether nobody reads what it writes.
    """

    def __init__(self, protocol: ProcessProtocol, arguments: list[str]) -> None:
        self.arguments = arguments
        self.told = b""
        self.closed = self.killed = self.left = self.ended = False
        self._protocol: Any = protocol
        self._protocol.makeConnection(self)

    def write(self, data: bytes) -> None:
        """See ``IProcessTransport``."""
        self.told += data

    def closeStdin(self) -> None:  # noqa: N802 - Twisted's name
        """See ``IProcessTransport``."""
        self.closed = True

    def signalProcess(self, signal: str) -> None:  # noqa: N802 - Twisted's name
        """See ``IProcessTransport``."""
        if self.ended:
            raise ProcessExitedAlready
        assert signal == "KILL"
        self.killed = True

    def loseConnection(self) -> None:
        """See ``ITransport``."""
        self.left = True

    def say(self, data: bytes, where: int = 1) -> None:
        """Write something."""
        self._protocol.childDataReceived(where, data)

    def end(self, status: int = 0) -> None:
        """Come to an end."""
        self.ended = True
        why = ProcessTerminated(exitCode=status) if status else ProcessDone(None)
        self._protocol.processEnded(Failure(why))


class Machine(Clock):
    """A reactor that runs programs, in name only."""

    def __init__(self) -> None:
        super().__init__()
        self.programs: list[Program] = []

    def spawnProcess(  # noqa: N802 - Twisted's name
        self, protocol: ProcessProtocol, executable: str, args: list[str], env: None
    ) -> Program:
        """See ``IReactorProcess``."""
        assert (executable, env) == (args[0], None)
        self.programs.append(Program(protocol, args))
        return self.programs[-1]


class CommandTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine()
        self.source = CommandLogin(
            "x", COMMAND, "docker.io", self.machine, timeout=5, lifetime=100
        )

    def ask(self) -> "Deferred[Login | None]":
        """Ask who we are."""
        return Deferred.fromCoroutine(self.source.get())

    def run_once(self, said: bytes = b"us:hunter2", status: int = 0) -> Program:
        """Let the program that runs come to its end."""
        program = self.machine.programs[-1]
        program.say(said)
        program.end(status)
        return program

    def get(self) -> Login | None:
        """Ask who we are, and give the answer that the command has."""
        asked = self.ask()
        self.run_once()
        return self.successResultOf(asked)

    def fails(self, asked: "Deferred[Login | None]") -> UpstreamUnavailable:
        """Expect that nobody knows who we are."""
        fault = self.failureResultOf(asked, UpstreamUnavailable).value
        assert isinstance(fault, UpstreamUnavailable)
        self.assertIn("the command that gives its credentials fails", fault.reason)
        return fault

    def test_command_says_it(self) -> None:
        self.assertEqual(self.get(), US)
        (program,) = self.machine.programs
        self.assertEqual(program.arguments, COMMAND)
        self.assertEqual((program.told, program.closed), (b"docker.io", True))

    def test_it_is_run_again_when_that_has_ended(self) -> None:
        self.get()
        self.machine.advance(99)
        self.assertEqual(self.successResultOf(self.ask()), US)
        self.machine.advance(1)
        self.get()
        self.assertEqual(len(self.machine.programs), 2)

    def test_command_says_how_long_it_is_good(self) -> None:
        asked = self.ask()
        self.run_once(b'{"username": "us", "password": "x", "expires_in": 20}')
        self.assertEqual(self.successResultOf(asked), Login("us", "x"))
        self.machine.advance(20)
        self.assertEqual(self.get(), US)

    def test_several_wait_for_one_run(self) -> None:
        asked = [self.ask() for _ in range(3)]
        self.run_once()
        for each in asked:
            self.assertEqual(self.successResultOf(each), US)
        self.assertEqual(len(self.machine.programs), 1)

    def test_who_leaves_does_not_stop_it(self) -> None:
        leaving, asked = self.ask(), self.ask()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.run_once()
        self.assertEqual(self.successResultOf(asked), US)

    def test_failure_is_one_for_a_while(self) -> None:
        asked = self.ask()
        self.run_once(b"us:hunter2", status=1)
        self.assertEqual(self.fails(asked).retry_after, 10.0)
        self.machine.advance(9)
        self.assertEqual(self.fails(self.ask()).retry_after, 1.0)
        self.machine.advance(1)
        self.assertEqual(self.get(), US)

    def test_what_is_refused_is_asked_for_again_but_not_at_once(self) -> None:
        self.get()
        self.source.forget()
        self.assertEqual(self.successResultOf(self.ask()), US)
        self.machine.advance(10)
        asked = self.ask()
        self.run_once(b"us:new")
        self.assertEqual(self.successResultOf(asked), Login("us", "new"))

    def test_command_that_takes_too_long_is_killed(self) -> None:
        asked = self.ask()
        (program,) = self.machine.programs
        self.machine.advance(5)
        self.fails(asked)
        self.assertEqual((program.killed, program.left), (True, True))
        program.end()

    def test_command_that_left_somebody_behind_is_not_waited_for(self) -> None:
        asked = self.ask()
        (program,) = self.machine.programs
        program.ended = True
        self.machine.advance(5)
        self.fails(asked)
        self.assertTrue(program.left)

    def test_command_that_writes_without_an_end_is_killed(self) -> None:
        asked = self.ask()
        (program,) = self.machine.programs
        for _ in range(9):
            program.say(b"x" * 8192)
        self.fails(asked)
        self.assertEqual((program.killed, program.left), (True, True))
        program.say(b"x")
        program.end(9)
        self.assertEqual(self.machine.getDelayedCalls(), [])

    def test_command_that_cannot_be_run(self) -> None:
        def fail(*_: object, **__: object) -> Program:
            raise OSError("no such file")

        self.patch(self.machine, "spawnProcess", fail)
        self.fails(self.ask())

    def test_complaints_are_not_taken_for_credentials(self) -> None:
        asked = self.ask()
        self.machine.programs[-1].say(b"warning: x\n", where=2)
        self.run_once()
        self.assertEqual(self.successResultOf(asked), US)

    def test_no_secret_is_logged(self) -> None:
        for said, status in ((b"hunter2", 0), (b"us:hunter2", 3)):
            with capturedLogs() as logs:
                asked = self.ask()
                self.machine.programs[-1].say(b"hunter2", where=2)
                self.run_once(said, status)
                fault = self.fails(asked)
            (event,) = logs
            self.assertNotIn("hunter2", f"{event} {fault!r} {fault.__cause__}")
            self.machine.advance(10)
