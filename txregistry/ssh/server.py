"""The server: who may connect, and what they find there."""

from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger

from txregistry.auth.addresses import origin
from txregistry.ssh.authentication import Authentication
from txregistry.ssh.commands import Commands
from txregistry.ssh.keyfile import KeyFile
from txregistry.ssh.keys import fingerprint
from txregistry.ssh.limits import Limits
from txregistry.ssh.trail import Trail
from txregistry.ssh.transport import UNHEARD, RegistryTransport

_UNTOLD: Final = 60.0
"""Seconds for which it is not told again that there are too many."""
_REFUSED: Final = (
    "There are {count} connections by SSH, {here} of them from {place}: no more are "
    "taken for now"
)
_CUT_OFF: Final = (
    "There are {count} connections by SSH, {here} of them from {place}: of those that "
    "have not logged in the oldest are cut off for new ones"
)


class SshServer(SSHFactory):
    """Serve a registry by SSH.

    Args:
        host_key: By which clients know us.
        keys: By which we know clients.
        commands: What there is to ask for.
        clock: Tells the time.
        limits: How much there may be of everything.
        trail: Tells what became of commands.

    Attributes:
        setting: The setting that says where it listens.
    """

    _log = Logger(observer=UNHEARD)
    _own_log = Logger(namespace="txregistry.ssh")

    setting: Final = "ssh.listen"
    noisy = False
    protocol = RegistryTransport

    def __init__(
        self,
        host_key: Ed25519PrivateKey | Key,
        keys: KeyFile,
        commands: Commands,
        clock: IReactorTime,
        limits: Limits | None = None,
        trail: Trail | None = None,
    ) -> None:
        key = host_key if isinstance(host_key, Key) else Key(host_key)
        self.privateKeys = {key.sshType(): key}
        self.publicKeys = {key.sshType(): key.public()}
        self.primes = None
        self.keys = keys
        self.commands = commands
        self.clock = clock
        self.limits = limits or Limits()
        self.trail = trail or Trail()
        self._connections: dict[RegistryTransport, str] = {}  # whence; the oldest first
        self._told: dict[str, float] = {}
        self._draining = False
        self._drained: Deferred[None] | None = None

    @property
    def fingerprint(self) -> str:
        """Show the key by which clients know us, as OpenSSH does."""
        (key,) = self.publicKeys.values()
        return fingerprint(key.blob())

    def startFactory(self) -> None:
        """Say by which key clients know us."""
        super().startFactory()
        self._own_log.info("The SSH host key is {key}", key=self.fingerprint)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Let somebody in, if there is room, or can be."""
        peer = getattr(addr, "host", "")
        place = origin(peer)
        if self._draining or not self._make_room(place):
            return None
        transport: Any = super().buildProtocol(addr)
        transport.peer = peer
        self._connections[transport] = place
        return transport

    def getService(self, transport: Any, service: bytes) -> Any:
        """Give the one service that who is not known may ask for, once."""
        if service == Authentication.name and transport.service is None:
            return Authentication
        return None

    def forget(self, transport: RegistryTransport) -> None:
        """Take it that a connection is gone."""
        self._connections.pop(transport, None)
        drained = self._drained
        if drained is not None and not self._connections and not drained.called:
            drained.callback(None)

    def note_end(self, connection: Any) -> None:
        """Take it that a command came to its end."""
        if self._draining and not connection.is_busy:
            connection.transport.end("The registry stops")

    async def drain(self, patience: float) -> None:
        """Let commands finish, then break off those that have not."""
        self._draining = True
        for each in list(self._connections):
            if not getattr(each.service, "is_busy", False):
                each.end("The registry stops")
        if self._connections:
            self._drained = Deferred()
            timer = self.clock.callLater(patience, self._break_off)
            await self._drained
            if timer.active():
                timer.cancel()

    def _break_off(self) -> None:
        for each in list(self._connections):
            each.abort()

    def _make_room(self, place: str) -> bool:
        """Say whether one more may connect from a place.

        Who only connects must not keep others out. So the oldest connection that has
        not logged in makes room, of the same place where that has its share: honest
        clients log in long before it is their turn.
        """
        limits = self.limits
        every = self._connections
        here = [each for each, whence in every.items() if whence == place]
        unknown = [each for each in every if each.known is None]
        unknown_here = [each for each in here if each.known is None]
        if len(here) >= max(1, limits.connections // 2) or len(unknown_here) >= max(
            1, limits.unknown // 2
        ):
            candidates = unknown_here
        elif len(every) >= limits.connections or len(unknown) >= limits.unknown:
            candidates = unknown
        else:
            return True
        self._tell(_CUT_OFF if candidates else _REFUSED, place, len(here))
        if not candidates:
            return False
        oldest = candidates[0]
        self.forget(oldest)  # now, as the end of a connection may come later
        oldest.abort()
        return True

    def _tell(self, text: str, place: str, here: int) -> None:
        now = self.clock.seconds()
        if now - self._told.get(text, -_UNTOLD) >= _UNTOLD:
            self._told[text] = now
            count = len(self._connections)
            self._own_log.warn(text, count=count, here=here, place=place)
