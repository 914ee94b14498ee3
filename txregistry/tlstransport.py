"""TLS on a connection: fast for what is large, and strict about who is there."""

from typing import Any, Final, Protocol

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreContextError
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.model.errors import Denied
from txregistry.tlscontext import reason_of
from txregistry.web.certificates import ICertifiedTransport

_PIECE: Final = 32 * 1024
_OVERHEAD: Final = 64
"""More than what TLS adds to a record; and how many of them there are, at least."""
_RECORD: Final = 16 * 1024
_AGAIN: Final = 60.0
"""Seconds after which a certificate is verified anew: it may have expired."""


class Verifier(Protocol):
    """What knows which certificates are good at present."""

    @property
    def current(self) -> object:
        """Something else each time that what is good may have changed."""

    def verify(self, certificate: X509, chain: list[X509]) -> None:
        """Verify a client's certificate.

        Raises:
            X509StoreContextError: it is not good, or no longer.
        """


@implementer(ICertifiedTransport)
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
    _verified_by: object = None
    _verified_at = 0.0

    def client_certificate(self) -> x509.Certificate | None:
        """See `ICertifiedTransport`."""
        now = self.factory.clock.seconds()
        current = self.factory.verifier.current
        if current is not self._verified_by or now - self._verified_at > _AGAIN:
            self._verify()
            self._verified_by, self._verified_at = current, now
        return self._certificate

    def _verify(self) -> None:
        """Verify what the client showed, be it long ago.

        Raises:
            Denied: it is good no longer.
        """
        connection: SSL.Connection | None = self._tlsConnection
        if connection is None:
            raise Denied("The connection has ended.")
        certificate = connection.get_peer_certificate()
        if certificate is None:
            return
        try:
            chain = connection.get_peer_cert_chain() or []
            self.factory.verifier.verify(certificate, chain)
        except X509StoreContextError as error:
            self._log.info(
                "{peer} has a certificate that is good no longer: {name}: {reason}",
                peer=self.transport.getPeer(),
                name=certificate.to_cryptography().subject.rfc4514_string(),
                reason=str(error),
            )
            raise Denied(
                "Your certificate is good no longer; connect with another one."
            ) from error
        if self._certificate is None:
            self._certificate = certificate.to_cryptography()

    # Of Twisted's, whose names they are

    def _write(self, bytes: bytes) -> None:  # noqa: A002
        """Encrypt something, all at once."""
        if self._lostTLSConnection or not bytes:
            return
        try:
            self._tlsConnection.send(bytes)
        except SSL.WantReadError:  # the handshake is not over
            self._bufferedWrite(bytes)  # type: ignore[no-untyped-call]  # Twisted's
        except SSL.Error:
            self._tlsShutdownFinished(Failure())
        else:
            records = len(bytes) // _RECORD + _OVERHEAD
            self._flush(len(bytes) + records * _OVERHEAD)

    def _flushSendBIO(self) -> None:  # noqa: N802
        """Send what OpenSSL has for the client."""
        self._flush(_PIECE)

    def _flush(self, size: int) -> None:
        """Send what OpenSSL has for the client: so much, most likely."""
        try:
            while True:
                data = self._tlsConnection.bio_read(size)
                self.transport.write(data)
                if len(data) < size:
                    return
        except SSL.WantReadError:
            return

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
        self.clock = clock
