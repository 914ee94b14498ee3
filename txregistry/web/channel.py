"""One HTTP/1.1 connection, whose requests are dispatched at their headers.

Twisted's channel hands a request on when its body is in. Here the handler runs as soon
as the headers are complete, and takes the body as it arrives. The names of Twisted's
that are overridden or read here are not all public; tests hold them to what they are.
"""

from typing import Any, Final

from twisted.web.http import _ChunkedTransferDecoder, _IdentityTransferDecoder

from txregistry.web.body import RequestBody
from txregistry.web.borrowing import Borrowed, ILendingTransport, borrow
from txregistry.web.chunked import ChunkedDecoder, ChunkingInvalid
from txregistry.web.heads import HOST, Head, parse_head
from txregistry.web.lengths import LengthDecoder
from txregistry.web.refusals import Refusal
from txregistry.web.repeating import RepeatingChannel

_DRAIN: Final = 256 * 1024
"""Bytes of an unwanted body that are taken in to keep the connection."""

_LENGTH_DIGITS: Final = 18
_FIRST: Final = 64 * 1024
"""Bytes of a body that are taken at once, before it is known how it comes."""
_GROUND: Final = 16 * 1024
"""Bytes of one in very small pieces, each of which costs as much as a large one."""
_SILENCE: Final = 15.0
"""Seconds in which the first request must begin; with TLS, its handshake be over."""
_GRACE: Final = 3.0
"""The same while the service ends: who connected just before that is about to ask."""


class RegistryChannel(RepeatingChannel):
    """Parse requests, strictly, and let go of none halfway.

    Attributes:
        headers_since: When the headers that are being read began to come; else None.
        sending_since: When a response's body last moved on; None while none is sent.
    """

    totalHeadersSize = 32 * 1024
    maxHeaders = 200
    MAX_LENGTH = 16 * 1024

    _transferDecoder: Any

    headers_since: float | None = None
    sending_since: float | None = None

    _place: str | None = None
    _silent = True
    _answered: Any = None
    _unsent: Any = None
    _receiving = False
    _share = _FIRST
    _is_lent = False
    _is_aborted = False
    _is_lost = False

    # Connections

    def connectionMade(self) -> None:
        """See ``IProtocol``."""
        silence = _GRACE if self.site.draining else _SILENCE
        self.timeOut = min(silence, self.site.timeOut)  # for what Twisted sets first
        super().connectionMade()
        self.site.channels.add(self)
        connections = self.site.connections
        if connections is not None:
            peer = getattr(self.transport.getPeer(), "host", "")
            self._place = connections.admit(peer)
            if self._place is None:
                self.transport.abortConnection()

    def connectionLost(self, reason: Any) -> None:  # type: ignore[override]  # as Twisted's own
        """See ``IProtocol``."""
        self._is_lost = True
        self._set_receiving(receiving=False)
        super().connectionLost(reason)
        self.site.forget(self)
        if self._place is not None:
            self.site.connections.leave(self._place)
            self._place = None

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        if self._refused:
            self._pass_over(data)
            return
        if self.headers_since is None and not self.requests:
            if self._silent:
                self._silent = False
                self.setTimeout(self.site.timeOut)
            begins = not self._buffer  # else the first line has begun already
            if begins and not self._busyReceiving and self.persistent:
                if self._repeat(data):
                    return
                head = parse_head(data)
                if head is not None:
                    self._begin(head, data)
                    if head.length != 0:
                        super().dataReceived(data[head.end :])
                    return
            self.headers_since = self.site.clock.seconds()
            if begins and not (data[:1].isalpha() or data[:1] in b"\r\n"):
                # No method begins like this: a TLS handshake, say, which would wait for
                # us as long as we would wait for a line. Clients that try TLS first go
                # on without it when they are told.
                self._respondToBadRequestAndDisconnect()
                return
        super().dataReceived(data)
        if self.line_mode and not self._busyReceiving and b"\n" in self._buffer:
            # What is left is part of a line: a line feed in it stands alone.
            self._respondToBadRequestAndDisconnect()

    # Headers

    def _begin(self, head: Head, data: bytes) -> None:
        """Dispatch a request, as `allContentReceived` and `allHeadersReceived` do."""
        request: Any = self.requestFactory(self, queued=False)
        request.asked = data if head.is_usual else None
        self.requests.append(request)
        request.requestHeaders = head.headers
        if head.closes:  # as `checkPersistence` does
            self.persistent = False
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        request.gotLength(head.length)
        if head.length != 0:
            self._begin_body(request, head)
            return
        self._handlingRequest = True
        self._savedTimeOut = None
        self.setRawMode()
        request.requestReceived(head.method, head.target, b"HTTP/1.1")
        if self.requests:
            self._savedTimeOut = self.setTimeout(None)
        else:  # what is answered at once needs no timer of its own
            self.resetTimeout()

    def _begin_body(self, request: Any, head: Head) -> None:
        """Dispatch a request that has a body; what came of it is still to be taken."""
        deliver, finish = request.handleContentChunk, self._finishRequestBody
        self.length = head.length
        self._transferDecoder = (
            ChunkedDecoder(deliver, finish)
            if head.length is None
            else LengthDecoder(head.length, deliver, finish)
        )
        self.setRawMode()
        self._command, self._path, self._version = *head[:2], b"HTTP/1.1"
        self._dispatch(request, owes_continue=False)

    def lineReceived(self, line: bytes) -> None:
        """Take a line of the headers; one that can be read in two ways is refused."""
        if self._refused:
            return
        if self.headers_since is None:
            self.headers_since = self.site.clock.seconds()
        if line[:1] in {b" ", b"\t"} or b"\n" in line or b"\r" in line or b"\0" in line:
            self._respondToBadRequestAndDisconnect()
            return
        super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that is too long."""
        del line
        first = not self.requests
        self._refuse(Refusal.TARGET_TOO_LONG if first else Refusal.HEADERS_TOO_LARGE)

    def headerReceived(self, line: bytes) -> bool:
        """Take one header."""
        if self._refused:
            return False
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"transfer-encoding" and (
            value.strip(b" \t").lower() != b"chunked" or self._version != b"HTTP/1.1"
        ):
            self._respondToBadRequestAndDisconnect()
            return False
        if name.lower() == b"content-length" and len(value.strip()) > _LENGTH_DIGITS:
            self._respondToBadRequestAndDisconnect()
            return False
        if not super().headerReceived(line):
            return False
        deliver, finish = self.requests[-1].handleContentChunk, self._finishRequestBody
        if isinstance(self._transferDecoder, _ChunkedTransferDecoder):
            self._transferDecoder = ChunkedDecoder(deliver, finish)
        elif isinstance(self._transferDecoder, _IdentityTransferDecoder):
            self._transferDecoder = LengthDecoder(int(value), deliver, finish)
        return True

    def allHeadersReceived(self) -> None:
        """Dispatch a request that has a body; its body goes where it is wanted."""
        self.headers_since = None
        if self._refused:
            return
        request = self.requests[-1]
        hosts = request.requestHeaders.getRawHeaders(b"host", ())
        if (
            (len(hosts) != 1 and self._version == b"HTTP/1.1")
            or not all(map(HOST.fullmatch, hosts))
            # Klein takes "delete" for DELETE; who filters methods before us does not.
            or not self._command.isupper()
        ):
            self._respondToBadRequestAndDisconnect()
            return
        if self.length == 0:
            super().allHeadersReceived()
            return
        headers = request.requestHeaders
        expected = headers.getRawHeaders(b"expect", ())
        headers.removeHeader(b"expect")  # Twisted would say 100 at once
        super().allHeadersReceived()
        owes_continue = self._version == b"HTTP/1.1" and any(
            value.lower() == b"100-continue" for value in expected
        )
        self._dispatch(request, owes_continue=owes_continue)

    def _dispatch(self, request: Any, *, owes_continue: bool) -> None:
        """Dispatch a request whose body is about to come."""
        self._set_receiving(receiving=True)
        share = self.site.share()
        self._share = share
        self._read_at_most(min(share, _FIRST))
        request.body = RequestBody(
            self, self.length, share, owes_continue=owes_continue
        )
        request.requestReceived(self._command, self._path, self._version)

    # Bodies

    def rawDataReceived(self, data: bytes) -> None:
        """Take part of a body."""
        if self._refused:
            return
        invalid = False
        try:
            super().rawDataReceived(data)
        except ChunkingInvalid:
            invalid = True
        body = self.requests[-1].body if self.requests else None
        if body is not None:
            self._read_at_most(_GROUND if body.is_ground else self._share)
            body.settle()
        if invalid:
            self._respondToBadRequestAndDisconnect()

    def allContentReceived(self) -> None:
        """Take the end of a body; or dispatch a request that has none."""
        if self._refused:
            return
        self._set_receiving(receiving=False)
        request = self.requests[-1]
        if request.body is not None and request.body.paused:
            self.setTimeout(self.site.timeOut)  # to be saved, and set again afterwards
        super().allContentReceived()
        if self._answered is request:
            self._answered = None
            super().requestDone(request)

    def _set_receiving(self, *, receiving: bool) -> None:
        """Count the bodies that are on their way, which share the memory for them."""
        self.site.receiving += receiving - self._receiving
        self._receiving = receiving

    def _read_at_most(self, size: int) -> None:
        """Say how much of a body is taken in one turn of the reactor."""
        if self.transport.bufferSize != size:
            self.transport.bufferSize = size

    def stop_reading(self) -> None:
        """See `Flow`: a client that has to wait for us is not idle."""
        self.setTimeout(None)
        self._networkProducer.pauseProducing()

    def lend(self) -> Borrowed | None:
        """See `Flow`."""
        receive = borrow(self.transport)
        if receive is None:
            return None
        self.stop_reading()
        self._is_lent = True
        return Borrowed(receive, self._transferDecoder)

    def give_back(self, borrowed: Borrowed) -> None:
        """See `Flow`."""
        self._is_lent = False
        if ILendingTransport.providedBy(self.transport):
            ILendingTransport(self.transport).give_back()
        if self._is_lost:
            pass
        elif self._is_aborted:
            self.transport.abortConnection()
        elif borrowed.is_broken:
            self._respondToBadRequestAndDisconnect()
        elif borrowed.rest is not None:
            self.setTimeout(self.site.timeOut)  # to be saved, and set again afterwards
            self._finishRequestBody(borrowed.rest)
            self.go_on_reading()
        else:
            self.go_on_reading()

    def abort(self) -> None:
        """Break the connection, as soon as no thread reads from it."""
        self._is_aborted = True
        if not self._is_lent:
            self.transport.abortConnection()

    def go_on_reading(self) -> None:
        """See `Flow`."""
        if not self._handlingRequest:
            self.setTimeout(self.site.timeOut)
        if not self._waitingForTransport:
            self._networkProducer.resumeProducing()

    def send_continue(self) -> None:
        """See `Flow`."""
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def resumeProducing(self) -> None:
        """Go on, as the transport has room again; but not past a body that waits."""
        below = getattr(self.transport, "transport", None)  # TCP, where we are on TLS
        if below is not None and below.disconnecting:
            # The client ended TLS while we sent. TCP would wait for us to end, and TLS
            # let us read a whole blob for nobody.
            self.transport.abortConnection()
            return
        super().resumeProducing()
        if self._unsent is not None:
            self.requestDone(self._unsent)
        if self.requests:
            body = self.requests[-1].body
            if body is not None and body.paused:
                self._networkProducer.pauseProducing()

    # Responses

    def writeHeaders(
        self, version: bytes, code: bytes, reason: bytes, headers: Any
    ) -> None:
        """Begin a response; one that comes before the body's end decides its fate."""
        body = self.requests[0].body
        if self.site.draining or (
            body is not None and not body.complete and not self._can_drain(body)
        ):
            self.persistent = False
            headers.setRawHeaders(b"connection", [b"close"])
        lines = [b"%b %b %b" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%b: %b" % (name, value) for value in values]
        lines.append(b"\r\n")
        self.write(b"\r\n".join(lines))

    def requestDone(self, request: Any) -> None:
        """End a response, and with it the connection or the rest of the body."""
        self._send_gathered(request)
        if self._waitingForTransport and request is not self._unsent:
            # The client does not take what it asked for: it gets nothing more before
            # that has left, however many requests it has sent ahead.
            self._unsent = request
            self.touch()
            return
        body = request.body
        self._unsent = self.sending_since = None
        if self.site.draining:  # since the answer's beginning, maybe
            self.persistent = False
        if body is None or body.complete:
            super().requestDone(request)
        elif self.persistent and not self._refused:
            self._answered = request  # done, once the rest of its body has come
            body.discard()
        else:
            self.requests.remove(request)
            self._linger()

    def touch(self) -> None:
        """Note that a response's body moved on."""
        self.sending_since = self.site.clock.seconds()

    def leave_if_idle(self) -> None:
        """Close, unless a request is being answered, or is on its way still."""
        begins = self.headers_since is not None  # Twisted counts it as a request
        if self.requests and not begins:
            return
        if begins or self._silent or self._buffer:
            self.setTimeout(min(_GRACE, self.site.timeOut))
        elif self._abortingCall is None:
            # With TLS the client has to answer; one that is idle may not look at all.
            self._abortingCall = self.callLater(_GRACE, self.forceAbortClient)
            self.loseConnection()

    def _can_drain(self, body: RequestBody) -> bool:
        return (
            bool(self.persistent)
            and not self._refused
            and not body.owes_continue
            and body.remaining is not None
            and body.remaining <= _DRAIN
        )
