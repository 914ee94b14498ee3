"""TLS on a connection: fast for what is large, and strict about who is there."""

from datetime import datetime
from functools import partial
from socket import socket
from threading import local
from typing import Any, Final, NoReturn, Protocol

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreContextError
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.model.errors import Denied
from txregistry.tls.context import reason_of
from txregistry.tls.records import read_encrypted, read_records
from txregistry.tls.shown import ShownCertificates
from txregistry.web.borrowing import ILendingTransport, Receive, receive_from
from txregistry.web.certificates import ICertifiedTransport
from txregistry.web.direct import is_idle, send_at_once

_SEND_LIMIT: Final = 1024 * 1024
"""Bytes that are handed to the kernel at once, if so many wait."""
_BUFFER: Final = 256 * 1024
"""Bytes that are taken from the kernel at once, if so many came."""
_CODED: Final = _BUFFER + 16 * 1024
"""The same, encrypted, with what that adds."""
_RECORD: Final = 16 * 1024
_PLAIN: Final = 64 * 1024
"""Bytes that are decrypted into one piece."""


class _Memory(local):
    """Where a thread puts what it reads and sends, again and again.

    Attributes:
        coded: What comes from others, or goes to them.
        plain: What it holds.
    """

    def __init__(self) -> None:
        self.coded = memoryview(bytearray(_CODED))
        self.plain = memoryview(bytearray(_PLAIN))


_memory: Final = _Memory()


class Verifier(Protocol):
    """What knows which certificates are good at present."""

    @property
    def current(self) -> object:
        """Something else each time that what is good may have changed."""

    def now(self) -> datetime:
        """Tell the time of day, in UTC."""

    def verify(self, certificate: X509, chain: list[X509]) -> None:
        """Verify a client's certificate.

        Args:
            certificate: The certificate.
            chain: Others, which may lead from it to an authority.

        Raises:
            X509StoreContextError: it is not good, or no longer.
        """

    def remember(self, verified: list[X509]) -> None:
        """Keep what led from a client's certificate to its authority.

        A client that comes back with a ticket does not send it again.
        """


@implementer(ICertifiedTransport, ILendingTransport)
class TlsTransport(TLSMemoryBIOProtocol):
    """TLS as Twisted's, but for how large pieces go to OpenSSL and from it.

    Twisted gives OpenSSL one record at a time, and takes it from there: the calls cost
    more than the encryption. Our contexts have OpenSSL take everything at once.
    """

    factory: "TlsFactory"
    transport: Any
    _tlsConnection: Any  # noqa: N815 - Twisted's

    _log = Logger()
    _certificate: x509.Certificate | None = None
    _until: datetime | None = None
    _is_known = False
    _verified_by: object = None
    _ended: SSL.Error | None = None
    _is_lent = False
    _is_ending = False
    _lost: Failure | None = None

    def client_certificate(self) -> x509.Certificate | None:
        """See `ICertifiedTransport`.

        A handshake verifies, and so did the one before it if this was a short one: as
        long as that context is in force, nothing but the time can have changed.
        """
        verifier = self.factory.verifier
        if not self._is_known:
            self._read_certificate()
        if self._until is not None and self._until <= verifier.now():
            self._refuse("it has expired")
        if self._verified_by is not verifier.current:
            self._verify()
            self._verified_by = verifier.current
        return self._certificate

    def _read_certificate(self) -> None:
        """Take a look at what the client showed.

        Raises:
            Denied: it is too late for that.
        """
        connection: SSL.Connection | None = self._tlsConnection
        if connection is None:
            raise Denied("The connection has ended.")
        found = self.factory.certificates.of(connection)
        if found is not None:
            self._certificate, self._until = found
            if connection.get_peer_cert_chain():
                verified = connection.get_verified_chain() or []
                self.factory.verifier.remember(verified[1:-1])
        self._is_known = True

    def _verify(self) -> None:
        """Verify what the client showed, as a handshake would now."""
        if self._certificate is None:
            return
        connection: SSL.Connection | None = self._tlsConnection
        chain = connection.get_peer_cert_chain() if connection is not None else None
        certificate = X509.from_cryptography(self._certificate)
        try:
            self.factory.verifier.verify(certificate, chain or [])
        except X509StoreContextError as error:
            self._refuse(str(error))

    def _refuse(self, reason: str) -> NoReturn:
        """Say that a certificate is good no longer.

        Raises:
            Denied: always.
        """
        certificate = self._certificate
        self._log.info(
            "{peer} has a certificate that is good no longer: {name}: {reason}",
            peer=self.transport.getPeer(),
            name=certificate and certificate.subject.rfc4514_string(),
            reason=reason,
        )
        raise Denied("Your certificate is good no longer; connect with another one.")

    # For threads that read what comes

    def lend(self) -> Receive | None:
        """See `ILendingTransport`: a thread decrypts as well, then."""
        below = self.transport
        ends = self._is_ending or self._lostTLSConnection or self._aborted
        if ends or not self._handshakeDone or self._appSendBuffer or not is_idle(below):
            return None
        self._is_lent = True
        return partial(self._receive, below.socket)

    def give_back(self) -> None:
        """See `ILendingTransport`."""
        self._is_lent = False
        end, self._ended = self._ended, None
        if self._lost is not None:
            self.connectionLost(self._lost)
            return
        if end is not None and not self._lostTLSConnection:
            self._end(Failure(end))
        self._flushSendBIO()

    def _receive(self, connection: socket, memory: memoryview) -> int:
        """Read and decrypt what is there; in a thread."""
        if self._ended is not None:
            raise ConnectionError
        # One record may have come in part before: all that is there must have room.
        wanted = len(memory) - _RECORD
        if wanted <= 0:
            raise BlockingIOError
        coded = _memory.coded[:wanted]
        count = receive_from(connection, coded)
        self._tlsConnection.bio_write(coded[:count])
        count, self._ended = read_records(self._tlsConnection, memory)
        return count

    # Of Twisted's, whose names they are

    @property
    def bufferSize(self) -> int:
        """Bytes that are taken from the kernel at once."""
        size: int = self.transport.bufferSize
        return size

    @bufferSize.setter
    def bufferSize(self, size: int) -> None:
        self.transport.bufferSize = size

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """Begin TLS, by the context that is in force at this moment."""
        self._verified_by = self.factory.verifier.current
        # Fewer calls to the kernel: its own limits are for many small writes.
        transport.SEND_LIMIT = _SEND_LIMIT
        transport.bufferSize = _BUFFER
        # As Twisted's, which says of each interface by itself that it is provided here,
        # and asks OpenSSL for what a client would have to say first.
        self._tlsConnection = self.factory._creatorCallable(self)  # noqa: SLF001
        self._appSendBuffer: list[bytes] = []
        ProtocolWrapper.makeConnection(self, transport)

    def _write(self, bytes: bytes) -> None:  # noqa: A002
        """Encrypt something, all at once if OpenSSL lets us."""
        rest = memoryview(bytes)
        while rest and not self._lostTLSConnection:
            try:
                sent = self._tlsConnection.send(rest)
            except SSL.WantReadError:  # the handshake is not over
                self._bufferedWrite(rest.tobytes())  # type: ignore[no-untyped-call]  # Twisted's
                return
            except SSL.Error:
                self._tlsShutdownFinished(Failure())
                return
            self._flush(sent)
            rest = rest[sent:]

    def _flushReceiveBIO(self) -> None:  # noqa: N802
        """Hand on what has come: all records of it in one piece."""
        if not self._lostTLSConnection:
            data, end = self._decrypt()
            self._is_ending = end is not None
            if data and not self._aborted:
                self.wrappedProtocol.dataReceived(data)
            if self._is_lent:
                return  # what is to be sent is when it is given back
            if end is not None and not self._lostTLSConnection:
                self._end(Failure(end))
        self._flushSendBIO()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # as Twisted's
        """Take it that the connection is gone; not while a thread reads from it."""
        if self._is_lent:
            self._lost = reason
            return
        super().connectionLost(reason)  # type: ignore[no-untyped-call]  # Twisted's

    def _decrypt(self) -> tuple[bytes, SSL.Error | None]:
        """Give what all records hold that have come, and the end if it has come too."""
        found: list[bytes] = []
        memory, end = _memory.plain, None
        count = len(memory)
        while count == len(memory) and end is None:
            count, end = read_records(self._tlsConnection, memory)
            found.append(memory[:count].tobytes())
        return b"".join(found), end

    def _end(self, end: Failure | None) -> None:
        """Take it that nothing more comes."""
        if end is not None and end.check(SSL.ZeroReturnError) is not None:
            self._shutdownTLS()  # type: ignore[no-untyped-call]  # the client is done
            end = None
        self._tlsShutdownFinished(end)

    def _flushSendBIO(self) -> None:  # noqa: N802
        """Send what OpenSSL has for the client."""
        self._flush(0)

    def _flush(self, size: int) -> None:
        """Send what OpenSSL has for the client: more than so much."""
        del size
        memory = _memory.coded
        count = len(memory)
        while count == len(memory):
            count = read_encrypted(self._tlsConnection, memory)
            if count:
                send_at_once(self.transport, memory[:count])

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:  # noqa: N802
        """Note why somebody was not let in."""
        if reason is not None and not self._handshakeDone and self.connected:
            self._log.info(
                "{peer} was not let in by TLS: {reason}",
                peer=self.transport.getPeer(),
                reason=reason_of(reason.value),
            )
        super()._tlsShutdownFinished(reason)  # type: ignore[no-untyped-call]  # Twisted's


class TlsFactory(TLSMemoryBIOFactory):
    """Put TLS on the connections of another factory.

    Args:
        creator: Begins TLS.
        verifier: Says who may go on.
        factory: The other one.
        clock: Tells the time.

    Attributes:
        failures: Handshakes that failed.
    """

    protocol = TlsTransport

    def __init__(
        self,
        creator: IOpenSSLServerConnectionCreator,
        verifier: Verifier,
        factory: IProtocolFactory,
        clock: IReactorTime,
    ) -> None:
        super().__init__(creator, False, factory, clock)
        self.verifier = verifier
        self.certificates = ShownCertificates()
        self.failures = 0
