"""A connection that gives answers again, without what it took to make them."""

from typing import Any

from txregistry.web.direct import send_at_once
from txregistry.web.heads import USUAL
from txregistry.web.refusing import RefusingChannel
from txregistry.web.remembered import Repeat


class RepeatingChannel(RefusingChannel):
    """Answer at once what was answered before."""

    _peer: Any = None
    _host: Any = None
    _gathered: list[bytes] | None = None

    def getPeer(self) -> Any:  # noqa: N802 - Twisted's name
        """Give the client's address, which does not change."""
        if self._peer is None:
            self._peer = self.transport.getPeer()
        return self._peer

    def getHost(self) -> Any:
        """Give our own, likewise: both are asked for with every request."""
        if self._host is None:
            self._host = self.transport.getHost()
        return self._host

    def gather(self) -> None:
        """Gather what is written until the response ends, to send it in one piece."""
        self._gathered = []

    def write(self, data: bytes) -> None:
        """Send part of a response."""
        if self._gathered is None:
            self.transport.write(data)
        else:
            self._gathered.append(data)

    def _send_gathered(self, request: Any) -> None:
        """Send what was gathered, and keep it for those who ask the same."""
        if self._gathered is None:
            return
        whole, self._gathered = b"".join(self._gathered), None
        send_at_once(self.transport, whole)
        if request.evidence is not None and self.persistent:
            self.site.remembered.keep(request, whole)

    def _repeat(self, asked: bytes) -> bool:
        """Answer a request as it was answered before.

        Args:
            asked: What came first on the connection, or after the last request.

        Returns:
            Whether it is answered; else all is to be done in the usual way.
        """
        site = self.site
        if len(asked) > USUAL or site.draining:
            return False
        known = site.remembered.find(asked)
        if known is None or not known.evidence.holds():
            return False
        request = Repeat(self, known)
        if not known.admits(request):
            return False
        known.again()
        site.log(request)
        send_at_once(self.transport, known.answer_at(site.date()))
        if self._waitingForTransport:
            self._hold(request)
        else:
            self.resetTimeout()
        return True

    def _hold(self, request: Repeat) -> None:
        """Take nothing more until an answer has left, as with any other."""
        self.requests.append(request)
        self._handlingRequest = True
        self.setRawMode()
        self.requestDone(request)
        self._savedTimeOut = self.setTimeout(None)
