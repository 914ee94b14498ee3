"""Bodies of other servers' answers, whole or not at all."""

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

_MET: Final = (ResponseDone, PotentialDataLoss)
"""How a body ends: as it should, or with its connection where nothing else was said, as
HTTP/1.0 does. What is cut then is for the reader of the body to see."""


class TooLarge(Exception):
    """A body has more bytes than somebody wants."""


class _Body(Protocol):
    """Take a body in, up to a limit; who cancels breaks the connection off."""

    def __init__(self, limit: int) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._drop())
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def watch(self, size: int) -> None:
        """Take in how large the body is at least."""
        if size > self._limit and not self.whole.called:
            self.whole.errback(TooLarge(f"more than {self._limit} bytes"))
            self._drop()

    def dataReceived(self, data: bytes) -> None:
        """See ``Protocol``."""
        if self.whole.called:
            return
        self._size += len(data)
        self._pieces.append(data)
        self.watch(self._size)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``Protocol``."""
        if self.whole.called:
            return
        if reason.check(*_MET) is None:
            self.whole.errback(reason)
        else:
            self.whole.callback(b"".join(self._pieces))

    def _drop(self) -> None:
        self._pieces.clear()
        _abort(self.transport)


def _abort(transport: ITransport | None) -> None:
    """Break a connection off, at once.

    Twisted gives no more than ``loseConnection`` to who reads an answer, and with TLS a
    server that does not agree to the end could go on to send. The real transport is
    behind a private name, without which it is left at that.
    """
    real: Any = getattr(transport, "_producer", None)
    if hasattr(real, "abortConnection"):
        real.abortConnection()
    elif transport is not None:
        transport.loseConnection()


def read_body(response: IResponse, limit: int) -> Deferred[bytes]:
    """Read the body of an answer whole.

    Returns:
        A Deferred that fires with the body, or fails as soon as it is too large or cut.
        Cancelling it breaks the connection off, as does a body that is too large.
    """
    body = _Body(limit)
    response.deliverBody(body)
    if isinstance(response.length, int):  # else it is not known
        body.watch(response.length)
    return body.whole
