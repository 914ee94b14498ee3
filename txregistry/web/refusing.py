"""How a connection refuses what cannot be read, so that its client can read why."""

from typing import Any, Final

from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger
from twisted.web.http import HTTPChannel

from txregistry.model.errors import BodyInvalid
from txregistry.web.refusals import Refusal, refusal_bytes

_LINGER_BYTES: Final = 64 * 1024 * 1024
_LINGER_SECONDS: Final = 3.0


class RefusingChannel(HTTPChannel):
    """Answer what cannot be read, then close."""

    site: Any  # set by the site that makes the channel
    transport: Any  # of more interfaces than one annotation can name
    _networkProducer: Any

    _refused = False
    _lingered = 0
    _linger_call: Any = None
    _log = Logger()

    def connectionLost(self, reason: Any) -> None:  # type: ignore[override]  # as Twisted's own
        """See ``IProtocol``."""
        if self._linger_call is not None and self._linger_call.active():
            self._linger_call.cancel()
        super().connectionLost(reason)

    def _pass_over(self, data: bytes) -> None:
        """Take what came after a refusal, up to a limit."""
        self._lingered += len(data)
        if self._lingered > _LINGER_BYTES:
            self.transport.abortConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        self._refuse(Refusal.BAD_REQUEST)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be read, and listen no more."""
        if self._refused:
            return
        self._refused = True
        self.persistent = False
        request = self.requests[0] if self.requests else None
        self._log.info(
            "{peer} sent a request that was refused: {reason}",
            peer=self.transport.getPeer(),
            reason=refusal.sentence,
        )
        if request is not None and request.body is not None:
            if request.startedWriting:
                self.transport.abortConnection()
            else:
                request.body.fail(BodyInvalid(refusal.sentence))
            return
        self.transport.write(refusal_bytes(refusal))
        self._linger()

    def _linger(self) -> None:
        """Close so that a client which is still sending can read its answer.

        Closing at once would make the kernel reset the connection, and the answer in
        flight with it.
        """
        self._refused = True
        self.setTimeout(None)
        self._linger_call = self.site.clock.callLater(
            _LINGER_SECONDS, self.transport.abortConnection
        )
        self._networkProducer.unregisterProducer()
        self._networkProducer.resumeProducing()
        if ISSLTransport.providedBy(self.transport):
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()
