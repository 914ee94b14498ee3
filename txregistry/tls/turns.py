"""TLS that says all it has to say at once, each time it was spoken to."""

from typing import Any, Final

from OpenSSL import SSL
from twisted.python.failure import Failure

from txregistry.tls.steps import shake_hands, take_in
from txregistry.tls.transport import TlsFactory, TlsTransport
from txregistry.web.accepted import first_words

_MOST: Final = 16 * 1024
"""Bytes that wait for the end of a turn, about: more of them are sent as they come."""


class TurnTransport(TlsTransport):
    """Send what a turn of the client leads to in one piece.

    The end of a handshake, the tickets for the next one, a short answer and the end of
    the connection leave together, where they are made together: each piece of its own
    would cost the kernel, and the client, more than to encrypt it.
    """

    _waiting: int | None = None
    """Bytes that wait for the end of this turn, about; None between turns."""

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's
        """Begin, and answer at once who has spoken already."""
        super().makeConnection(transport)
        data = first_words(transport)
        if not data:
            return
        try:
            self.dataReceived(data)
        except Exception:  # noqa: BLE001 - as the reactor, which does not call this
            self._log.failure("A client's first words could not be taken")
            transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Take what has come, then send all that it led to."""
        self._waiting = 0
        try:
            take_in(self._tlsConnection, data)
            if not self._handshakeDone:
                self._checkHandshakeStatus()
            if self._handshakeDone:
                if self._appSendBuffer:
                    self._unbufferPendingWrites()  # type: ignore[no-untyped-call]  # Twisted's
                self._flushReceiveBIO()
        finally:
            self._send_waiting()

    def lend(self) -> Any:
        """See `ILendingTransport`: nothing waits while a thread reads."""
        self._send_waiting()
        return super().lend()

    def abortConnection(self) -> None:
        """Break the connection, once what was said before has left."""
        self._send_waiting()
        super().abortConnection()  # type: ignore[no-untyped-call]  # Twisted's

    def _checkHandshakeStatus(self) -> None:  # noqa: N802 - Twisted's
        """Go on with the handshake."""
        if self._aborted:
            return
        try:
            self._handshakeDone = shake_hands(self._tlsConnection)
        except SSL.Error:
            self.factory.failures += 1
            self._tlsShutdownFinished(Failure())

    def _flushReceiveBIO(self) -> None:  # noqa: N802 - Twisted's
        """Hand on what has come; a client that has nothing to add is let go at once."""
        if not self.disconnecting or self._appSendBuffer or self._producer is not None:
            super()._flushReceiveBIO()
            return
        data, end = self._decrypt()
        if data and not self._aborted:
            self.wrappedProtocol.dataReceived(data)
        if self._lostTLSConnection or self._tlsConnection is None:
            return
        if isinstance(end, SSL.ZeroReturnError):
            self._tlsShutdownFinished(None)
        elif end is not None:
            self._end(Failure(end))

    def _send_waiting(self) -> None:
        """Send what waits, and let nothing wait any more."""
        waits, self._waiting = self._waiting is not None, None
        if waits and self._tlsConnection is not None and not self._is_lent:
            self._flush(0)

    def _flushSendBIO(self) -> None:  # noqa: N802 - Twisted's
        """Send what OpenSSL has for the client, at the end of the turn."""
        if self._waiting is None:
            self._flush(0)

    def _flush(self, size: int) -> None:
        """Send what OpenSSL has for the client; a little of it waits."""
        if self._waiting is not None:
            self._waiting += size
            if self._waiting < _MOST:
                return
            self._waiting = 0
        super()._flush(size)

    def _shutdownTLS(self) -> None:  # noqa: N802 - Twisted's
        """Say that this is the end, or answer the client who has said so."""
        try:
            both = self._tlsConnection.shutdown()
        except SSL.Error:  # the handshake is not over
            both = False
        if both:
            self._send_waiting()
        self._flushSendBIO()
        if both:
            self.transport.loseConnection()

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:  # noqa: N802 - Twisted's
        """Take it that TLS has ended; what it says of that leaves before."""
        self._waiting = None
        super()._tlsShutdownFinished(reason)


class TurnFactory(TlsFactory):
    """Put such TLS on the connections of another factory."""

    protocol = TurnTransport
