"""SSH's lowest layer: Conch's, with our algorithms, and strict about who sends what.

Conch trusts that messages come in their order and are whole. Here whatever is not ends
the connection: no state is reached that was not meant to be.

Source: RFC 4253, sections 7 to 11; RFC 8308; RFC 9142 for the algorithms.
"""

from typing import Any, Final

from twisted.conch.ssh.common import getNS
from twisted.conch.ssh.transport import (
    DISCONNECT_BY_APPLICATION,
    DISCONNECT_PROTOCOL_ERROR,
    SSHServerTransport,
)
from twisted.internet.interfaces import IPushProducer
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.ssh.keys import SIGNATURES, KnownKey
from txregistry.ssh.packets import (
    COUNTER,
    GALOIS,
    MACS,
    Ciphers,
    PacketInvalid,
)

_EXCHANGES: Final = (b"mlkem", b"curve25519", b"ecdh")
"""How the names begin of those that are good; the others of Conch's use SHA-1, or
groups that somebody has to make."""
_DISCONNECT: Final = 1
_KEXINIT: Final = 20
_NEWKEYS: Final = 21
_HALVES: Final = range(30, 50)
"""Messages with a client's half of new keys."""
_QUIET: Final = frozenset({2, 3, 4})
"""Messages that may come at any time, once there are keys."""
_AUTHENTICATION: Final = range(50, 80)
_FROM_CLIENTS: Final = frozenset({80, 90, 93, 94, 95, 96, 97, 98})
"""Messages about channels that are no answers: we ask for nothing."""
_OFFER: Final = 1.0
"""Seconds for which it is waited for what a client can, before we say what we can."""
_HASTY: Final = b"SSH-2.0-OpenSSH"
"""How clients begin that say at once what they can."""
_WAITING: Final = 1000
"""Messages that wait for new keys."""


@implementer(ILogObserver)
class _Unheard:
    def __call__(self, event: LogEvent) -> None:
        """Take what Conch has to say, and tell nobody."""


UNHEARD: Final = _Unheard()
"""Hears what Conch has to say: whatever matters is told here, and once."""


class ProtocolError(Exception):
    """The other end does not keep to the protocol; the text says how."""


@implementer(IPushProducer)
class RegistryTransport(SSHServerTransport):
    """One connection.

    While the client does not take what is sent to it, nothing is read from it: else
    the answers to what it goes on sending would pile up.

    Attributes:
        factory: The server.
        known: The key by which the client is known; None until it is.
        peer: Where it is, an IP address as text; empty where that is not known.
        is_choked: Whether nothing can be sent at present that is not small.
    """

    _log = Logger(observer=UNHEARD)
    _own_log = Logger(namespace="txregistry.ssh")

    ourVersionString = b"SSH-2.0-txregistry"
    factory: Any
    transport: Any
    currentEncryptions: Ciphers
    peer = ""

    def __init__(self) -> None:
        self.supportedCiphers = [*COUNTER, *GALOIS]
        self.supportedMACs = [*MACS]
        self.supportedKeyExchanges = [
            each for each in self.supportedKeyExchanges if each.startswith(_EXCHANGES)
        ]
        self.supportedCompressions = [b"none"]
        self.known: KnownKey | None = None
        self.is_choked = False
        self._full = False
        self._ended = False
        self._timer: Any = None
        self._offering: Any = None
        self._offered = False
        self._answered = False
        self._begin = 0
        self._last = 0.0

    def is_over(self) -> bool:
        """Say whether nothing that comes matters any more."""
        return self._ended

    def connectionMade(self) -> None:
        """Begin."""
        self._last = self.factory.clock.seconds()
        self._timer = self.factory.clock.callLater(
            self.factory.limits.login, self._end_slow
        )
        set_no_delay = getattr(self.transport, "setTcpNoDelay", None)
        if set_no_delay is not None:  # a Unix socket has none
            set_no_delay(True)  # answers are small, and nobody waits for more of them
        self.transport.registerProducer(self, True)
        self.currentEncryptions = Ciphers(b"none", b"none", b"none", b"none")
        self.currentEncryptions.setKeys(b"", b"", b"", b"", b"", b"")
        self.transport.write(self.ourVersionString + b"\r\n")

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Let go of everything."""
        self._ended = True
        self._stop_timer()
        self.factory.forget(self)
        super().connectionLost(reason)
        self.service = None

    def dataReceived(self, data: bytes) -> None:
        """Take in what the client sends, as far as it keeps to the protocol."""
        if self._ended:
            return
        try:
            if self.gotVersion:
                self.buf = self.buf[self._begin :] + data
                self._begin = 0
                self._take_packets()
            else:
                super().dataReceived(data)  # which goes on with packets by itself
                self._offer()
        except (ProtocolError, PacketInvalid) as error:
            self._end_broken(str(error))
        except Exception as error:  # noqa: BLE001 - what Conch raises is of many kinds
            self._end_broken(f"what it sent cannot be read ({type(error).__name__})")

    def _take_packets(self) -> None:
        while (packet := self.getPacket()) is not None:
            self.dispatchMessage(packet[0], packet[1:])

    def getPacket(self) -> bytes | None:
        """Give the next packet; None if it is not there whole.

        Raises:
            PacketInvalid: what is there is none.
        """
        if self._ended:
            return None
        data = memoryview(self.buf)[self._begin :]
        found = self.currentEncryptions.opener.open(self.incomingPacketSequence, data)
        if found is None:
            return None
        self.incomingPacketSequence += 1
        payload, size = found
        self._begin += size
        return payload

    def dispatchMessage(
        self,
        messageNum: int,
        payload: bytes,
    ) -> None:
        """Take a message, if it is its turn.

        Raises:
            ProtocolError: it is not.
        """
        if self._ended:
            return
        if not self._fits(messageNum):
            raise ProtocolError(f"message {messageNum} came out of turn")
        if messageNum in _HALVES:  # unless it is for a guess that was wrong
            self._answered = not self.ignoreNextPacket
        super().dispatchMessage(messageNum, payload)

    def _fits(self, number: int) -> bool:
        """Say whether it is a message's turn."""
        exchanging = self._keyExchangeState != self._KEY_EXCHANGE_NONE
        encrypted = self.isEncrypted("both")
        if number in _HALVES:  # once each time, as it is work
            return exchanging and not self._answered
        if number == _NEWKEYS:
            return exchanging and self._answered
        if number == _KEXINIT:  # once for those who are not known
            return self.sessionID is None or self.known is not None
        if exchanging or not encrypted:
            return number == _DISCONNECT or (encrypted and number in _QUIET)
        if number in _AUTHENTICATION:
            return self.known is None and self.service is not None
        early = number < _AUTHENTICATION.start
        return early or (self.known is not None and number in _FROM_CLIENTS)

    def ssh_KEXINIT(self, packet: bytes) -> None:
        """Begin to make keys, for the best cipher that the client has.

        Of what both have the client's first one counts, and OpenSSH's is a slow one.
        Where we did not say yet what we have, we say only the best.
        """
        _, _, *ciphers = getNS(packet[16:], 4)[:4]
        if self._keyExchangeState == self._KEY_EXCHANGE_NONE:
            best = all(set(each.split(b",")) & {*GALOIS} for each in ciphers)
            self.supportedCiphers = [*GALOIS] if best else [*COUNTER, *GALOIS]
        super().ssh_KEXINIT(packet)
        chosen = getattr(self, "nextEncryptions", None)
        if chosen is not None and not self._ended:
            self.nextEncryptions = Ciphers(
                chosen.outCipType, chosen.inCipType, chosen.outMACType, chosen.inMACType
            )

    def sendKexInit(self) -> None:
        """Begin to make keys; meanwhile nothing else is sent."""
        self._offered, self._answered = True, False
        super().sendKexInit()
        self._steer()

    def _offer(self) -> None:
        """Say what we can, unless the client says first what it can."""
        if self._offered or self._ended or not self.gotVersion:
            return
        if self.otherVersionString.startswith(_HASTY):
            self._offering = self.factory.clock.callLater(_OFFER, self._offer_late)
        else:
            self.sendKexInit()

    def _offer_late(self) -> None:
        if not self._offered and not self._ended:
            self.sendKexInit()

    def sendExtInfo(self, extensions: list[tuple[bytes, bytes]]) -> None:
        """Say how clients may sign, which is not how we do: as Conch has it."""
        del extensions
        super().sendExtInfo([(b"server-sig-algs", b",".join(SIGNATURES))])

    def sendPacket(
        self,
        messageType: int,
        payload: bytes,
    ) -> None:
        """Send a message; one that waits for new keys waits with few others."""
        if self._ended:
            return
        exchanging = self._keyExchangeState != self._KEY_EXCHANGE_NONE
        if exchanging and not self._allowedKeyExchangeMessageType(messageType):
            self._blockedByKeyExchange.append((messageType, payload))
            if len(self._blockedByKeyExchange) > _WAITING:
                self.abort()
            return
        self._send(bytes((messageType,)), payload)

    def send_data(self, head: bytes, data: memoryview) -> None:
        """Send a message, without copying what it brings."""
        if self._ended:
            return
        if self._keyExchangeState != self._KEY_EXCHANGE_NONE:
            self.sendPacket(head[0], head[1:] + bytes(data))
            return
        self._send(head, data)

    def _send(self, *pieces: bytes | memoryview) -> None:
        sealer = self.currentEncryptions.sealer
        self.transport.writeSequence(sealer.seal(self.outgoingPacketSequence, *pieces))
        self.outgoingPacketSequence += 1

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Say why this is the end, and end: also where that is not taken."""
        if self._ended:
            return
        self.transport.unregisterProducer()  # which would have to go on before the end
        super().sendDisconnect(reason, desc)
        self._ended = True
        self._stop_timer()
        self._timer = self.factory.clock.callLater(
            self.factory.limits.farewell, self.transport.abortConnection
        )

    def receiveError(
        self,
        reasonCode: int,
        description: bytes,
    ) -> None:
        """See that the client says farewell, of which nobody needs to hear."""
        del reasonCode, description
        self.transport.unregisterProducer()  # which would have to go on before the end
        self._ended = True

    def admit(self, key: KnownKey) -> None:
        """Take it that the client is known by a key."""
        self.known = key
        self.touch()
        self._stop_timer()
        self._timer = self.factory.clock.callLater(
            self.factory.limits.idle, self._end_idle
        )

    def touch(self) -> None:
        """Note that the client sent or took something that counts."""
        self._last = self.factory.clock.seconds()

    def end(self, reason: str) -> None:
        """End the connection, and say why."""
        self.sendDisconnect(DISCONNECT_BY_APPLICATION, reason.encode())

    def abort(self) -> None:
        """Break the connection off."""
        self._ended = True
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        self._full = True
        self.transport.pauseProducing()
        self._steer()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        self._full = False
        self.touch()
        if not self._ended:
            self.transport.resumeProducing()
        self._steer()

    def stopProducing(self) -> None:
        """See ``IPushProducer``; what follows is said by `connectionLost`."""

    def _newKeys(self) -> None:
        super()._newKeys()
        self._steer()

    def _steer(self) -> None:
        """Let channels send, or not."""
        choked = self._full or self._keyExchangeState != self._KEY_EXCHANGE_NONE
        if choked != self.is_choked:
            self.is_choked = choked
            steer = getattr(self.service, "steer", None)
            if steer is not None:
                steer()

    def _end_broken(self, reason: str) -> None:
        self._own_log.info(
            "{peer} was cut off from SSH: {reason}", peer=self.peer, reason=reason
        )
        self.sendDisconnect(DISCONNECT_PROTOCOL_ERROR, b"protocol error")

    def _end_slow(self) -> None:
        self._timer = None
        self.end("It took too long to log in")

    def _end_idle(self) -> None:
        """Cut the client off if nothing was heard of it, and nothing is done for it."""
        self._timer = None
        idle, clock = self.factory.limits.idle, self.factory.clock
        quiet = clock.seconds() - self._last
        if getattr(self.service, "is_working", False):
            quiet = 0.0
        if quiet < idle:
            self._timer = clock.callLater(idle - quiet, self._end_idle)
            return
        self._own_log.info(
            "{peer} {who} was cut off from SSH: nothing was heard for {idle:g} s",
            peer=self.peer,
            who=self.known and self.known.name,
            idle=idle,
        )
        self.end("Nothing was heard for too long")

    def _stop_timer(self) -> None:
        timers = (self._timer, self._offering if self._ended else None)
        self._timer = None
        for timer in timers:
            if timer is not None and timer.active():
                timer.cancel()
