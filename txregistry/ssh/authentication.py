"""Know who is there, by a public key and by nothing else.

Source: RFC 4252, sections 5 to 7; RFC 8332, section 3.2.
"""

from typing import Any, Final

from twisted.conch.ssh.common import NS, getNS
from twisted.conch.ssh.service import SSHService
from twisted.logger import Logger

from txregistry.model.printable import printable
from txregistry.ssh.connection import RegistryConnection
from txregistry.ssh.keys import KnownKey, fingerprint, wire
from txregistry.ssh.transport import ProtocolError, RegistryTransport
from txregistry.tasks import Turns, detach

_REQUEST: Final = 50
_FAILURE: Final = 51
_SUCCESS: Final = 52
_GOOD_KEY: Final = 60
_METHOD: Final = b"publickey"
_NEXT: Final = b"ssh-connection"
_TOO_MANY: Final = 14
_SHOWN: Final = 12


class Authentication(SSHService):
    """Let somebody in whose key is known, whatever they say to be called."""

    _log = Logger(namespace="txregistry.ssh")

    name = b"ssh-userauth"
    transport: RegistryTransport

    def __init__(self) -> None:
        self._turns = Turns()
        self._attempts = 0
        self._reasons: dict[str, None] = {}

    def serviceStopped(self) -> None:
        """Tell of who was not let in."""
        if self.transport.known is None:
            reasons = list(self._reasons)[:_SHOWN] or ["it showed no key"]
            self._log.info(
                "{peer} was not let in by SSH: {reason}",
                peer=self.transport.peer,
                reason=printable("; ".join(reasons)),
            )

    def packetReceived(
        self,
        messageNum: int,
        packet: bytes,
    ) -> None:
        """Take a request.

        Raises:
            ProtocolError: it is none.
        """
        if messageNum != _REQUEST:
            raise ProtocolError(f"message {messageNum} came out of turn")
        _, service, method, rest = getNS(packet, 3)
        if method != b"none":
            self._attempts += 1
        if self._attempts > self.transport.factory.limits.attempts:
            self._reasons["it tried too many keys"] = None
            self.transport.sendDisconnect(_TOO_MANY, b"Too many keys were tried")
            return
        user = packet[: len(packet) - len(rest)]  # as it is signed, with what follows
        _ = detach(
            self._answer(user, service, method, rest), self._log, "letting somebody in"
        )

    async def _answer(
        self, signed: bytes, service: bytes, method: bytes, rest: bytes
    ) -> None:
        """Answer one request; each after those before it."""
        async with self._turns.on("request"):
            if self.transport.is_over() or self.transport.known is not None:
                return
            key = None
            if service == _NEXT and method == _METHOD:
                key = await self._try(signed, rest)
            if self.transport.is_over():
                return
            if key is None:
                self.transport.sendPacket(_FAILURE, NS(_METHOD) + b"\0")
            elif isinstance(key, bytes):
                self.transport.sendPacket(_GOOD_KEY, key)
            else:
                self._let_in(key)

    async def _try(self, signed: bytes, rest: bytes) -> KnownKey | bytes | None:
        """Look at a key.

        Args:
            signed: The request up to here, which is signed as well.
            rest: What is said of the key.

        Returns:
            The key, if its signature is good; what to answer where there is none, but
            would be taken; None if the key is no good.
        """
        try:
            has_signature = rest[0] != 0
            algorithm, blob, more = getNS(rest[1:], 2)
            signature = getNS(more)[0] if has_signature else b""
        except Exception:  # noqa: BLE001 - what Conch raises is of many kinds
            self._reasons["what it said of its key cannot be read"] = None
            return None
        key: KnownKey | None = await self.transport.factory.keys.find(blob)
        shown = fingerprint(blob)
        if key is None:
            self._reasons[f"the key {shown} is not known"] = None
            return None
        if not key.signs_by(algorithm):
            self._reasons[f"the key {shown} of {key.name} may not sign so"] = None
            return None
        if not has_signature:
            return wire(algorithm, blob)
        session: Any = self.transport.sessionID
        data = NS(session) + bytes((_REQUEST,)) + signed + b"\1" + wire(algorithm, blob)
        if key.verify(algorithm, signature, data):
            return key
        self._reasons[f"the signature by {shown} of {key.name} is wrong"] = None
        return None

    def _let_in(self, key: KnownKey) -> None:
        self._log.info(
            "{peer} {who} logged in by SSH with {key}",
            peer=self.transport.peer,
            who=printable(key.name),
            key=key.fingerprint,
        )
        self.transport.admit(key)
        self.transport.sendPacket(_SUCCESS, b"")
        self.transport.setService(RegistryConnection())
