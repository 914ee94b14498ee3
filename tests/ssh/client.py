"""A client of Conch's that talks to a server of ours in memory."""

import struct
from typing import Any, Final

from twisted.conch.ssh.channel import SSHChannel
from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.connection import SSHConnection
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.transport import SSHClientTransport
from twisted.conch.ssh.userauth import SSHUserAuthClient
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.test.iosim import FakeTransport, IOPump

from txregistry.ssh.server import SshServer

HERE: Final = "192.0.2.1"
_TURNS: Final = 2000


class Session(SSHChannel):
    """A channel that keeps what comes."""

    name = b"session"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.got = b""
        self.told = b""
        self.status: int | None = None
        self.failure: Any = None
        self.is_open = False
        self.is_closed = False

    def channelOpen(self, specificData: bytes) -> None:
        """See `SSHChannel`."""
        self.is_open = True

    def openFailed(self, reason: Any) -> None:
        """See `SSHChannel`."""
        self.failure = reason

    def dataReceived(self, data: bytes) -> None:
        """See `SSHChannel`."""
        self.got += data

    def extReceived(self, dataType: int, data: bytes) -> None:
        """See `SSHChannel`."""
        self.told += data

    def request_exit_status(self, data: bytes) -> int:
        """See `SSHChannel`."""
        (self.status,) = struct.unpack(">L", data)
        return 1

    def closed(self) -> None:
        """See `SSHChannel`."""
        self.is_closed = True


class Connection(SSHConnection):
    """The channels of a client."""

    started = False

    def serviceStarted(self) -> None:
        """See `SSHConnection`."""
        super().serviceStarted()
        self.started = True


class _Authentication(SSHUserAuthClient):
    preferredOrder = [b"publickey"]  # noqa: RUF012 - as Conch has it

    def __init__(self, keys: list[Key], connection: Connection) -> None:
        super().__init__(b"registry", connection)
        self.keys = list(keys)
        self.last: Any = None

    def getPublicKey(self) -> Any:
        self.last = self.keys.pop(0) if self.keys else None
        return self.last and self.last.public()

    def getPrivateKey(self) -> Deferred[Key]:
        return succeed(self.last)

    def getPassword(self, prompt: Any = None) -> Any:
        return None

    def getGenericAnswers(self, name: Any, instruction: Any, prompts: Any) -> Any:
        return fail(NotImplementedError())


class Client(SSHClientTransport):
    """One end of a connection in memory.

    Args:
        server: The other end is of it.
        clock: Moves on as bytes do.
        keys: What to log in with.
        peer: Where this is.
    """

    transport: Any

    def __init__(
        self, server: SshServer, clock: Clock, *keys: Key, peer: str = HERE
    ) -> None:
        self.supportedCiphers = [b"aes128-ctr"]
        self.clock = clock
        self.keys = keys
        self.conn = Connection()
        self.error = b""
        self.host_key = b""
        self.is_lost = False
        self.server: Any = server.buildProtocol(IPv4Address("TCP", peer, 1))
        if self.server is None:
            self.is_lost = True
            return
        ours = FakeTransport(self, isServer=False)
        theirs = FakeTransport(self.server, isServer=True)
        self.makeConnection(ours)
        self.server.makeConnection(theirs)
        self.io = IOPump(self, self.server, ours, theirs, debug=False, clock=clock)

    def verifyHostKey(self, hostKey: bytes, fingerprint: bytes) -> Deferred[int]:
        """Trust whoever is there."""
        self.host_key = hostKey
        return succeed(1)

    def connectionSecure(self) -> None:
        """Log in."""
        self.requestService(_Authentication(list(self.keys), self.conn))

    def receiveError(self, reasonCode: int, description: bytes) -> None:
        """Keep why it is the end."""
        self.error = description

    def connectionLost(self, reason: Any = None) -> None:
        """See ``IProtocol``."""
        self.is_lost = True
        super().connectionLost(reason)

    def settle(self) -> None:
        """Let bytes go in both directions until none are left."""
        if self.server is None:
            return
        for _ in range(_TURNS):
            self.clock.advance(0)
            if not self.io.pump():
                self.clock.advance(0)
                if not self.io.pump():
                    return
        raise AssertionError("they do not come to an end")

    def open(self, **more: Any) -> Session:
        """Open a channel."""
        session = Session(conn=self.conn, **more)
        self.conn.openChannel(session)
        self.settle()
        return session

    def ask(self, session: Session, kind: bytes, data: bytes = b"") -> list[bool]:
        """Make a request; say whether it was answered, and how."""
        answers: list[bool] = []
        done = self.conn.sendRequest(session, kind, data, wantReply=1)
        assert done is not None
        done.addCallbacks(
            lambda _: answers.append(True), lambda _: answers.append(False)
        )
        self.settle()
        return answers

    def run(self, line: bytes, given: bytes | None = None, **more: Any) -> Session:
        """Run a command, to its end if it comes to one."""
        session = self.open(**more)
        self.ask(session, b"exec", NS(line))
        if given is not None:
            session.write(given)
            self.settle()
            self.conn.sendEOF(session)
            self.settle()
        return session


def text_of(packet: bytes) -> bytes:
    """Give the first string of a packet."""
    found: bytes = getNS(packet)[0]
    return found
